"""Why the jobs of a step, or of a run, stand where they do: summed up, with the first of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from helios_wf.engine.paths import from_text
from helios_wf.explaining.lacking import blocker, done
from helios_wf.explaining.nouns import Explanation, Reason
from helios_wf.explaining.waiting import Waits
from helios_wf.failures import Kinds, headline, job_name, several
from helios_wf.model.plans import Task
from helios_wf.record import Record, Spot
from helios_wf.states import SETTLED_RUNS, JobState
from helios_wf.store.rows import JobRow

NOT_READY = "not ready"

MOST_KINDS = 3
"""Kinds of failures of a step that are told."""


def of_many(record: Record, spot: Spot, waits: Waits, halted: Sequence[Reason]) -> Explanation:
    """Returns why the jobs of some tasks, below an index, stand where they do."""
    counts: dict[str, int] = {}
    reasons: list[Reason] = []
    if record.run.state not in SETTLED_RUNS:
        reasons += halted
        waits.is_halt_told = True
    reasons += _running(record, spot)
    for task in spot.tasks:
        for state, count in _counts(record, task, spot).items():
            counts[state] = counts.get(state, 0) + count
        reasons += _of_task(record, task, spot, waits, is_only=len(spot.tasks) == 1)
    is_run = not spot.step
    name = record.run.id if is_run else f"{record.run.id}/{spot.name}"
    return Explanation(
        record.run.id,
        name,
        str(record.run.state) if is_run else _state(record, spot),
        _summary(record, counts, is_run),
        tuple(reasons),
        advice=tuple(_advice(record, spot)),
        jobs=counts,
    )


def _counts(record: Record, task: Task, spot: Spot) -> dict[str, int]:
    counts = {str(state): count for state, count in record.counts(task.number, spot.path).items()}
    total = record.total(task, spot.path)
    if total is not None and total > sum(counts.values()):
        counts[NOT_READY] = total - sum(counts.values())
    return counts


def _state(record: Record, spot: Spot) -> str:
    states = {record.tasks[task.number].state for task in spot.tasks}
    return ", ".join(sorted(states))


def _summary(record: Record, counts: dict[str, int], is_run: bool) -> str:
    if is_run and record.run.state in SETTLED_RUNS:
        return record.run.reason
    return ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "it has no jobs yet"


def _of_task(record: Record, task: Task, spot: Spot, waits: Waits, is_only: bool) -> Iterator[Reason]:
    """Yields why jobs of a task failed, and why the first of those that wait does."""
    kinds = Kinds(record.run.id, {row.number: row for row in record.tasks})
    for row in record.below(task.number, spot.path, JobState.FAILED):
        kinds.add(row)
    for kind in kinds.all()[:MOST_KINDS]:
        yield Reason("failed", headline(kind), kind.first.job)
    if record.run.state in SETTLED_RUNS and not is_only:
        return
    total = record.total(task, spot.path)
    if total is not None and done(record, task, spot.path) >= total:
        return
    first = _first_waiting(record, task, spot)
    if first is None:
        return
    path, waiting = first
    name = job_name(task.name, path)
    why, *more = waits.why(task, path, waiting)
    yield Reason(
        "waits", f"{name} waits, the first that does: {why.text}", name, because=(*why.because, *more)
    )


def _running(record: Record, spot: Spot) -> Iterator[Reason]:
    """Yields which jobs run."""
    for task in spot.tasks:
        rows = [row.path for row in record.below(task.number, spot.path, JobState.RUNNING)]
        if rows:
            jobs = several(task.name, rows) if rows != [""] else task.name
            yield Reason("runs", f"{jobs} {'runs' if len(rows) == 1 else 'run'} now", jobs)


def _first_waiting(record: Record, task: Task, spot: Spot) -> tuple[tuple[int, ...], JobRow | None] | None:
    for state in (JobState.READY, JobState.LEASED):
        for row in record.below(task.number, spot.path, state):
            return from_text(row.path), row
    found = blocker(record, task, spot.path)
    if found is not None and found.row is None:
        return found.path, None
    if record.total(task, spot.path) is None:
        return (*spot.path, *(0 for _ in task.chain[len(spot.path) :])), None
    return None


def _advice(record: Record, spot: Spot) -> Iterator[str]:
    failed = next(
        (
            job_name(task.name, row.path)
            for task in spot.tasks
            for row in record.below(task.number, spot.path, JobState.FAILED)
        ),
        None,
    )
    if failed is not None:
        yield f"one job: helios-wf explain {quote(f'{record.run.id}/{failed}')}"
    if failed is not None or any(
        record.tasks[task.number].counts.get(JobState.RUNNING) for task in spot.tasks
    ):
        yield f"what failed or runs says: helios-wf logs {record.run.id}"
