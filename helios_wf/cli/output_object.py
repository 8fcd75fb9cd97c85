"""The output object as CWL runners print it: JSON in ASCII, four spaces, sorted keys.

Numbers may be written otherwise than Python does (``1e16``), and one that is none is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec

from helios_wf.model import Json
from helios_wf.model.packed import LONG

STEP = " " * 4

_encode = msgspec.json.Encoder(order="sorted").encode


def pieces(value: Json, margin: str = "\n") -> Iterator[str]:
    """Yields the text of a value, of long arrays each element: all at once they would take memory.

    Args:
        value: the value.
        margin: a line break, and what the lines after the first begin with.
    """
    inner = margin + STEP
    if isinstance(value, Mapping) and value:
        for before, key in zip(_commas("{"), sorted(value), strict=False):
            yield f"{before}{inner}{json.dumps(key)}: "
            yield from pieces(value[key], inner)
        yield f"{margin}}}"
    elif isinstance(value, list) and value:
        is_long = len(value) > LONG
        for before, one in zip(_commas("["), value, strict=False):
            yield f"{before}{inner}"
            # a long array may stand in a short one
            yield from (_text(one, inner),) if is_long else pieces(one, inner)
        yield f"{margin}]"
    else:
        yield _text(value, margin)


def _commas(opening: str) -> Iterator[str]:
    yield opening
    while True:
        yield ","


def _text(value: Json, margin: str) -> str:
    try:
        text = msgspec.json.format(_encode(value), indent=len(STEP)).decode("ascii")
    except (UnicodeError, OverflowError, TypeError):
        # characters beyond ASCII are escaped; names of files that are no text have some that UTF-8 cannot say
        text = json.dumps(value, indent=len(STEP), sort_keys=True)
    return text.replace("\x7f", "\\u007f").replace("\n", margin)
