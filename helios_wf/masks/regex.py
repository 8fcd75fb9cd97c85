"""Masks as regular expressions, for those that cannot blow up; the others are run by ``machine``.

A segment is an atomic group: once left, it is not read in another way.  So only the few items of no fixed
length inside one segment, and ``**``, are ever tried again.
"""

from __future__ import annotations

import re

from helios_wf.masks.elements import ANY_SEPARATOR, Element, Elements
from helios_wf.masks.syntax import Item, Kind, Wild

MOST_LOOSE = 2
"""Items of no fixed length in a segment, and ``**`` in a mask, that a regular expression is used for."""

_IN_SEGMENT = "[A-Za-z0-9_+=-]"
_ANY = "[A-Za-z0-9_+=./:-]"


def regex(elements: Elements) -> str | None:
    """Returns a regular expression for names (its groups are the parts in order), or None: use ``machine``.

    A full match of a name takes at most about (name length)^2 / 2 quick steps.
    """
    if sum(element.deep for element in elements) > MOST_LOOSE:
        return None
    if any(element.loose > MOST_LOOSE for element in elements):
        return None
    return "".join(_element(elements, at) for at in range(len(elements)))


def _element(elements: Elements, at: int) -> str:
    element = elements[at]
    first, last = at == 0, at == len(elements) - 1
    if not element.deep:
        joined = at == 1 and elements[0].deep
        return ("" if joined else _separator(element.separator)) + _segment(element)
    if first and last:
        return f"{_ANY}*"
    if first:
        return f"(?:{_ANY}*?{_separator(elements[1].separator)})??"
    return f"(?:{_separator(element.separator)}{_ANY}*?)??"


def _segment(element: Element) -> str:
    inside = "".join(_item(what) for what in element.items)
    if element.loose == 0:
        return inside
    if len(element.items) == 1 and inside.endswith("+?)"):
        return inside[:-2] + "+)"
    return f"(?>{inside}(?!{_IN_SEGMENT}))"


def _item(what: Item) -> str:
    if isinstance(what, str):
        return re.escape(what)
    if isinstance(what, Wild):
        return f"{_IN_SEGMENT}*?" if what.text == "*" else _IN_SEGMENT
    return f"({_part(what.kind)})"


def _part(kind: Kind) -> str:
    match kind.form:
        case "digits":
            return f"[0-9]{{{kind.width}}}"
        case "int":
            return "0|[1-9][0-9]*?"
        case "choice":
            return "|".join(map(re.escape, kind.choices))
    return f"{_IN_SEGMENT}+?"


def _separator(separator: str) -> str:
    return {"": "", ANY_SEPARATOR: "[./:]"}.get(separator, re.escape(separator))
