"""When two failures are the same: paths, numbers, addresses and times differ from job to job anyway."""

from __future__ import annotations

import re

SAME_LINES = 3
"""Last lines of a log that are compared."""

_DIFFERS = re.compile(
    r"""(?P<path>(?:[a-z]+://|~?/)[^\s'",;:()\[\]<>]+)     # a path or an address
      | (?P<word>\b0x[0-9a-f]+\b
               | \b\d{8}-\d{6}-[0-9a-f]{6}\b               # a run
               | \b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b   # a digest
               | \d+(?:[.,:_-]?\d+)*)                       # a number, a range, a time, a date
    """,
    re.VERBOSE | re.IGNORECASE,
)


def likeness(text: str) -> str:
    """Returns a text without what differs from job to job; equal for texts that say the same."""
    return " ".join(_DIFFERS.sub(lambda found: "/" if found["path"] else "0", text).split())


def likeness_of_log(tail: str) -> tuple[str, ...]:
    """Returns what a log's end has in common with those of other jobs that failed alike.

    Lines that say the same (how far it came) count once.
    """
    last = [line for line in tail.splitlines() if line.strip()][-SAME_LINES:]
    return tuple(dict.fromkeys(map(likeness, last)))
