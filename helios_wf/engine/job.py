"""A job in the engine's memory."""

from __future__ import annotations

from typing import NamedTuple

from helios_wf.model.plans import Path


class Tries(NamedTuple):
    """The tries of a job so far: the last attempt's number, tries charged to the job, tries lost."""

    attempt: int = 0
    charged: int = 0
    lost: int = 0


class Job(NamedTuple):
    """A job, by task and index path, what was tried so far, and whether a worker began the last try."""

    task: int
    path: Path
    tries: Tries = Tries()
    begun: bool = False
