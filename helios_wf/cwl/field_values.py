"""What the values of ``helios:`` fields may be: each parser returns the value or says what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from helios_wf.states import TemplateStatus

Parser: TypeAlias = Callable[[Any], Any]

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15} | {
    f"{letter}IB": 1024**power for power, letter in enumerate("KMGTP", start=1)
}
"""Bytes in a unit, by its name in capitals."""

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]+)")
_WORD = re.compile(r"[A-Za-z0-9_-]+")


def text(value: Any) -> str:
    """Returns a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be text" if not isinstance(value, str) else "must not be empty")
    return str(value)


def word(value: Any) -> str:
    """Returns a template's name: letters, digits, ``_`` and ``-``."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("must be a name of letters, digits, '_' and '-'")
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """Returns one text, or a list of them, as a tuple."""
    if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
        return tuple(str(item) for item in value)
    if isinstance(value, str) and value:
        return (str(value),)
    raise ValueError("must be text or a list of texts")


def whole(lowest: int | None = None) -> Parser:
    """Returns a parser of whole numbers that are at least ``lowest``."""
    demand = "must be a whole number" + (f" of at least {lowest}" if lowest is not None else "")

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or (lowest is not None and value < lowest):
            raise ValueError(demand)
        return int(value)

    return parse


def number(lowest: float) -> Parser:
    """Returns a parser of finite numbers that are at least ``lowest``."""

    def parse(value: Any) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not lowest <= value < float("inf")
        ):
            raise ValueError(f"must be a number of at least {lowest:g}")
        return float(value)

    return parse


def above_zero(value: Any) -> float:
    """Returns a finite number above 0 (seconds)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError("must be a number of seconds above 0")
    return float(value)


def fraction(value: Any) -> float:
    """Returns a fraction, from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a fraction from 0 to 1")
    return float(value)


def truth(value: Any) -> bool:
    """Returns true or false; YAML 1.2 knows no ``yes``, ``no``, ``on`` and ``off``."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return bool(value)


def size(value: Any) -> int:
    """Returns a size in bytes: ``2 GB``, ``500 MB``, ``1 GiB``, or a whole number of bytes."""
    amount, unit = Decimal(), "B"
    if isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value)
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        amount, unit = Decimal(found[1]), found[2].upper()
    result = int(amount * UNITS.get(unit, 0))
    if result < 1:
        raise ValueError("must be a size such as '2 GB' or '500 MiB'")
    return result


def status(value: Any) -> TemplateStatus:
    """Returns a template's status."""
    try:
        return TemplateStatus(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(TemplateStatus)}") from None


def one_of(*choices: str) -> Parser:
    """Returns a parser of one of a few words."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(map(repr, choices))}")
        return str(value)

    return parse


def with_step(value: Any) -> str:
    """Returns the name of log datasets, which must tell the steps apart."""
    if "{step}" not in text(value):
        raise ValueError("must contain {step}, so that every step's logs have a name of their own")
    return str(value)
