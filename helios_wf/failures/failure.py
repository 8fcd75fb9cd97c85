"""One failed job, or event range, as it is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helios_wf.failures.naming import job_name
from helios_wf.model import Noun
from helios_wf.states import UNCHARGED, Cause

if TYPE_CHECKING:
    from helios_wf.store.rows import JobRow, RangeRow

_WORDS = {
    Cause.EXIT: "the tool returned an exit code that is no success",
    Cause.SIGNAL: "the tool was ended by a signal",
    Cause.TIME_LIMIT: "the tool ran longer than its time limit",
    Cause.MEMORY: "the tool was killed for memory",
    Cause.DISK: "no space was left on the disk where it ran",
    Cause.NOT_STARTED: "the command could not be started",
    Cause.NOT_READY: "the resident tool was never ready for events",
    Cause.PROTOCOL: "the resident tool did not keep to the protocol",
    Cause.MISSING_OUTPUT: "an output that the tool promises is not there",
    Cause.UNSAFE_OUTPUT: "an output leads out of the folder of its job",
    Cause.BAD_INPUT: "an input is missing or does not fit",
    Cause.EXPRESSION: "an expression of the document failed",
    Cause.LOST: "its worker or machine went away",
    Cause.CANCELLED: "it was ended on request",
}
"""What is said of a cause where nobody said more."""

_NAMED = frozenset({Cause.NOT_READY, Cause.PROTOCOL})
"""Causes of which a message tells only how it came to them."""


class Failure(Noun, frozen=True):
    """A job that failed for good, or an event range of one, and its last attempt.

    ``why`` is the cause in plain words; ``events`` are ``[first, stop)`` of ``file``; ``log`` is where the
    whole log is (a file, or the folder that it is in; empty where nothing was run).
    """

    run: str
    job: str
    """``step[index]``."""
    why: str
    cause: Cause | None
    attempt: int
    exit_code: int | None = None
    signal: int | None = None
    file: str | None = None
    events: tuple[int, int] | None = None
    host: str = ""
    worker: str = ""
    wall_s: float = 0.0
    stderr_tail: str = ""
    log: str = ""
    command: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What names the job in commands: ``RUN/step[index]``."""
        return f"{self.run}/{self.job}"


def failure_of(run: str, step: str, row: JobRow) -> Failure:
    """Returns what is to be told of a job that failed."""
    return Failure(
        run,
        job_name(step, row.path),
        _why(row),
        row.cause,
        row.attempt,
        row.exit_code,
        row.signal,
        row.file,
        (row.first, row.stop) if row.first is not None and row.stop is not None else None,
        row.host,
        row.worker,
        row.wall_s,
        row.stderr_tail,
        _log(row.directory, bool(row.command)),
        row.command,
    )


def failed_range(run: str, step: str, row: RangeRow, file: str, folder: str) -> Failure:
    """Returns what is to be told of an event range that failed.

    Args:
        run: its run.
        step: the step of its job.
        row: the range.
        file: what its events are in; empty where they are in no file.
        folder: where its log is.
    """
    return Failure(
        run,
        job_name(step, row.path),
        _why(row),
        row.cause,
        row.number,
        row.exit_code,
        row.signal,
        file or None,
        (row.first, row.stop),
        row.host,
        row.worker,
        row.wall_s,
        row.stderr_tail,
        _log(folder, is_run=True),
    )


def briefly(row: JobRow | RangeRow) -> str | None:
    """Returns in two or three words why the last try failed, None where it did not."""
    if row.cause is None:
        return None
    if row.exit_code:
        return f"exit code {row.exit_code}"
    if row.signal:
        return f"signal {row.signal}"
    return str(row.cause).lower().replace("_", " ")


def _why(row: JobRow | RangeRow) -> str:
    """Returns why it failed: what whoever saw it said of it, else what its cause means."""
    why = row.message or _WORDS.get(row.cause or Cause.LOST, "")
    if row.cause in _NAMED and row.message:
        why = f"{_WORDS[row.cause]}: {why}"
    if row.cause in UNCHARGED and row.lost > 1:
        return f"{why}; {row.lost} attempts were lost like that, none by its own doing"
    return why


def _log(folder: str, is_run: bool) -> str:
    """Returns where the whole log of an attempt is: a tool may have put it elsewhere in its folder."""
    path = f"{folder}/stderr"
    if folder and Path(path).is_file():
        return path
    return folder if is_run else ""
