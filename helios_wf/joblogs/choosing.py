"""Which attempts' logs are meant by what a user named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from helios_wf.engine.paths import from_text
from helios_wf.errors import RunError
from helios_wf.failures import job_name
from helios_wf.model.plans import Task
from helios_wf.record import Record, Spot, name_of
from helios_wf.states import JobState
from helios_wf.store.rows import JobRow


class Chosen(NamedTuple):
    """An attempt of a job, and where its folder is, or was; ``tail`` is what the store has of its stderr."""

    name: str
    task: Task
    state: JobState
    attempt: int
    directory: Path
    tail: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether its folder was removed."""
        return not self.directory.exists()


def chosen(record: Record, spot: Spot, attempt: int | None) -> Iterator[Chosen]:
    """Yields the attempts that are meant: of a job the last, or the one of that number.

    Of a step those of all its jobs, of a run those of jobs that run or failed.

    Raises:
        RunError: the job was never run, or not so often.
    """
    if spot.is_job:
        yield _of_job(record, spot, attempt)
        return
    if attempt is not None:
        raise RunError(f"{spot.name or record.run.id} is many jobs: --attempt needs one, RUN/step[index]")
    states = () if spot.step else (JobState.RUNNING, JobState.FAILED)
    for task in spot.tasks:
        for row in record.below(task.number, spot.path, *states):
            if row.attempt:
                yield of_attempt(task, row, row.attempt)


def of_attempt(task: Task, row: JobRow, attempt: int) -> Chosen:
    """Returns an attempt of a job."""
    directory = f"{row.directory.rpartition('.')[0]}.{attempt}"
    is_last = attempt == row.attempt
    tail = row.stderr_tail if is_last and row.state is not JobState.RUNNING else ""
    return Chosen(job_name(task.name, from_text(row.path)), task, row.state, attempt, Path(directory), tail)


def _of_job(record: Record, spot: Spot, attempt: int | None) -> Chosen:
    row = record.job(spot.task.number, spot.path)
    name = f"{record.run.id}/{job_name(spot.task.name, spot.path)}"
    if row is None or not row.attempt:
        why = _why_not_run(record, row)
        raise RunError(f"{name} {why}, so it has no log; helios-wf explain {quote(name)} says more")
    if attempt is not None and not 1 <= attempt <= row.attempt:
        raise RunError(f"{name} has no attempt {attempt}; it has had {row.attempt}, counted from 1")
    return of_attempt(spot.task, row, attempt or row.attempt)


def _why_not_run(record: Record, row: JobRow | None) -> str:
    if row is None:
        return "was not run yet"
    if row.reused is not None:
        return f"was not run, as {name_of(record.tx, row.reused)} has done the same"
    if row.state is JobState.DONE:
        return "is DONE without a tool: the engine did it"
    return f"is {row.state} and was never run"
