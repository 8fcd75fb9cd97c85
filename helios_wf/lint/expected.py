"""Whether an output object is the one that a case expects, as cwltest compares them.

Source: the README of cwltest: what is expected must be there, what else is there does not matter; ``Any``
is equal to everything, and a location needs only to end alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from helios_wf.model import Json

_SUMS = ("checksum", "size")


def differences(found: Json, expected: Json, where: str = "") -> Iterator[str]:
    """Yields how an output differs from what is expected: ``kept[0].size is 5, not 7``."""
    if expected == "Any" or found == expected:
        return
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key, value in expected.items():
            if key in ("location", "path"):
                yield from _place(found, value, f"{where}.{key}")
            elif key not in found and key not in ("listing", "secondaryFiles"):
                yield f"{_named(where)} has no {key!r}, which must be {value!r}"
            else:
                yield from differences(found.get(key), value, f"{where}.{key}" if where else str(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif isinstance(expected, list) and isinstance(found, list):
        yield f"{_named(where)} has {len(found)} elements, not {len(expected)}"
    else:
        yield f"{_named(where)} is {_short(found)}, not {_short(expected)}"


def _place(found: Mapping[str, Any], expected: Json, where: str) -> Iterator[str]:
    given = found.get("location") or found.get("path") or found.get("basename")
    ends = isinstance(given, str) and isinstance(expected, str)
    if expected != "Any" and not (ends and f"/{given}".endswith(f"/{expected}")):
        yield f"{where} is {_short(given)}, not {_short(expected)}"


def _named(where: str) -> str:
    return where or "the output object"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
