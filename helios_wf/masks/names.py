"""Dataset names: what one may look like, and its segments."""

from __future__ import annotations

import re

from helios_wf.errors import MaskError

MAX_NAME = 250
"""Characters in a dataset name, scope included."""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
SEGMENT = LETTERS + DIGITS + "_+=-"
"""The characters of a segment."""
SEPARATORS = "./:"
"""What stands between segments; ``:`` only once, after the scope."""
ALPHABET = SEGMENT + SEPARATORS
ALLOWED = "letters, digits and _ + = -"

_SEGMENT = "[A-Za-z0-9_+=-]+"
_NAME = re.compile(rf"(?:{_SEGMENT}(?:\.{_SEGMENT})*+:)?{_SEGMENT}(?:[./]{_SEGMENT})*+", re.ASCII)
_SPLIT = re.compile("([./:])")


def is_name(text: str) -> bool:
    """Says whether a text is a dataset name."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Returns the name, when it is one.

    Raises:
        MaskError: it is no dataset name; says which character or segment is wrong.
    """
    if not is_name(name):
        raise MaskError(f"dataset name {name[:80]!r}{'...' * (len(name) > 80)}: {_complaint(name)}")
    return name


def split_name(name: str) -> tuple[list[str], list[str]]:
    """Returns the segments of a name, and the separators between them (one fewer)."""
    pieces = _SPLIT.split(name)
    return pieces[::2], pieces[1::2]


def _complaint(name: str) -> str:
    if not name:
        return "it is empty; join segments with '.' or '/', such as spd.00000012.raw"
    if len(name) > MAX_NAME:
        return f"it has {len(name)} characters; at most {MAX_NAME} are allowed"
    for column, character in enumerate(name, 1):
        if character not in ALPHABET:
            return (
                f"character {column} is {character!r}; segments hold {ALLOWED}, and are joined by '.' or '/'"
            )
    segments, separators = split_name(name)
    for number, segment in enumerate(segments, 1):
        if not segment:
            return f"segment {number} is empty; {_neighbours(number, segments, separators)}"
    if separators.count(":") > 1:
        return "':' stands in it twice; only a scope is followed by ':'"
    return "'/' stands before ':'; a scope is made of segments joined by '.'"


def _neighbours(number: int, segments: list[str], separators: list[str]) -> str:
    if number == 1:
        return f"the name starts with {separators[0]!r}"
    if number == len(segments):
        return f"the name ends with {separators[-1]!r}"
    return f"two separators meet: {separators[number - 2] + separators[number - 1]!r}"
