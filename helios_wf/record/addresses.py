"""How a user names a job: ``RUN/step[index]``, and less of it where that says enough (pure).

RUN/step[0,7]     one job: of a nested scatter the outer index comes first
RUN/outer/inner[3]    of a step in a sub-workflow
RUN/step          a whole step
RUN               a whole run; its id, or the beginning of it
step[7], step     the same of the latest run
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from helios_wf.errors import UserError

_FORM = re.compile(r"([^\[\]]*?)/?(?:\[([^\[\]]*)\])?")

HOW = "a job is written as RUN/step[index], a step as RUN/step; without RUN the latest run is meant"


class Address(NamedTuple):
    """What was written: ``run`` None is the latest, ``step`` empty the whole run, ``path`` None all jobs."""

    run: str | None = None
    step: str = ""
    path: tuple[int, ...] | None = None


def parse(text: str | None, is_run: Callable[[str], bool]) -> Address:
    """Returns what a user's words name; None is the latest run.

    Args:
        text: as it was written.
        is_run: says whether a run's id begins so; what comes first and is none is a step.

    Raises:
        UserError: it is no such name.
    """
    if text is None:
        return Address()
    form = _FORM.fullmatch(text.strip())
    if form is None or not form[1]:
        raise UserError(f"{text!r} names no job: {HOW}")
    head, _, rest = form[1].partition("/")
    run, step = (head, rest) if is_run(head) else (None, form[1])
    return Address(run, step, None if form[2] is None else _index(text, form[2]))


def _index(text: str, inside: str) -> tuple[int, ...]:
    parts = re.split(r"\s*[,/]\s*", inside.strip())
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(
            f"{text!r}: {inside!r} is no index; right would be a number counted from 0, such as [3], "
            "or one for each scatter around it, the outer first, such as [0,7]"
        )
    return tuple(map(int, parts))
