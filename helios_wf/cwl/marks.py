"""Trees of ruamel.yaml: where their parts stand in the text, and what they are as plain values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from helios_wf.model import Json, Place

MAX_BYTES = 16 * 1024 * 1024
"""The longest text that is read as a document."""


def number(text: str) -> int | float:
    """Returns the float of a text; a whole one written with an exponent as an integer.

    On command lines and in outputs such numbers stand without exponent and without decimal point.
    """
    value = float(text)
    return int(Decimal(text)) if "e" in text.lower() and value.is_integer() else value


def key_place(node: Any, key: Any, file: str) -> Place:
    """Returns where a key of a map (or an item of a sequence) stands."""
    data = getattr(getattr(node, "lc", None), "data", None) or {}
    if key in data:
        return Place(file, data[key][0] + 1, data[key][1] + 1)
    return node_place(node, file)


def value_place(node: Any, key: Any, file: str) -> Place:
    """Returns where the value of a key of a map (or an item of a sequence) stands."""
    data = getattr(getattr(node, "lc", None), "data", None) or {}
    if key in data:
        mark = data[key]
        line, column = (mark[2], mark[3]) if len(mark) > 3 else (mark[0], mark[1])
        return Place(file, line + 1, column + 1)
    return node_place(node, file)


def node_place(node: Any, file: str) -> Place:
    """Returns where a map or sequence starts."""
    lc = getattr(node, "lc", None)
    return Place(file, (getattr(lc, "line", 0) or 0) + 1, (getattr(lc, "col", 0) or 0) + 1)


def plain(value: Any) -> Json:
    """Returns a value without ruamel's types: plain dicts, lists, text and numbers."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    # ruamel's floats know how they were written
    if isinstance(value, float) and getattr(value, "_exp", None):
        return number(format(Decimal(repr(float(value))), "e"))
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
