"""Numbers as people read them, and text that does nothing to their terminals."""

from __future__ import annotations

import re

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What would move the cursor, change colours, ring, or turn the direction of text."""


def harmless(text: str) -> str:
    """Returns a text that does nothing to a terminal: what cannot be shown is written as its code."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def size_text(size: float) -> str:
    """Returns a size in bytes for people: ``512 B``, ``1.5 kB``, ``20.0 GB``; a kB is 1000 bytes."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if value < 999.95 or unit == "PB":
            break
        value /= 1000
    return f"{size:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def memory_text(size_mb: float) -> str:
    """Returns a size in MiB for people: ``2,000 MiB``."""
    return f"{size_mb:,.0f} MiB"


def count_text(number: int, noun: str) -> str:
    """Returns a number with its noun: ``1 file``, ``1,200 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def rate_text(rate: float) -> str:
    """Returns a rate for people: ``0.25``, ``7.3``, ``12,000``."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def duration(seconds: float | None) -> str:
    """Returns ``4 s``, ``3 min``, ``2.5 h`` or ``4 d``."""
    if seconds is None:
        return ""
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f} {unit}" if unit == "h" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def precise_duration(seconds: float) -> str:
    """Returns ``0.8 ms``, ``42 ms``, ``4.27 s``, ``3 min 20 s``, ``2 h 05 min`` or ``4 d 3 h``."""
    if seconds <= 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, hours, days = round(seconds / 60), round(seconds / 3600), seconds / 86400
    if seconds < 3599.5:
        whole = round(seconds)
        return f"{whole // 60} min {whole % 60:02} s"
    if days < 2:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{hours // 24} d {hours % 24} h"
