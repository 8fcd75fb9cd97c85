"""Exact totals of doubles: integers in units of 2**-1074, the smallest double; rounded once, at the end."""

from __future__ import annotations

UNIT_EXPONENT = -1074


def quotient(units: int, count: int) -> float | None:
    """Returns (a sum in units of 2**-1074) / count, rounded once; None over 0 or beyond all doubles."""
    try:
        return units / (count << -UNIT_EXPONENT)
    except (OverflowError, ZeroDivisionError):
        return None


def in_units(value: float) -> int:
    """Returns a finite double in units of 2**-1074."""
    numerator, denominator = value.as_integer_ratio()
    return (numerator << -UNIT_EXPONENT) // denominator


def to_text(units: int) -> str:
    """Returns a sum as ``MANTISSApEXPONENT``: decimal digits, an odd mantissa times a power of two.

    The one form of a value, so equal sums have equal text.
    """
    if units == 0:
        return "0p0"
    trailing = (units & -units).bit_length() - 1
    return f"{units >> trailing}p{trailing + UNIT_EXPONENT}"


def from_text(text: str) -> int:
    """Returns the units of a text made by ``to_text``.

    Raises:
        ValueError: It is no such text.
    """
    mantissa, _, exponent = text.partition("p")
    shift = int(exponent) - UNIT_EXPONENT
    if not 0 <= shift <= 1 << 16:
        raise ValueError(f"the exponent of {text!r} is out of range")
    return int(mantissa) << shift
