"""The verbs that read jobs."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, case, func, or_, select

from helios_wf.errors import RunError
from helios_wf.model import DeviceUse, Json
from helios_wf.states import Cause, JobState
from helios_wf.store import bulk, paths
from helios_wf.store.codec import load
from helios_wf.store.rows import DoneJob, JobRow, JobTimes, OpenJob
from helios_wf.store.schema import jobs

_AT_ONCE = 500
_ALL = tuple(JobState)
"""Named in a query, they let the index over states answer it alone."""

_KNOWN = "SELECT DISTINCT key FROM jobs WHERE key = {texts} AND run <> :run"

_STATE = {str(state): state for state in JobState}


def get(tx: Connection, run: str, task: int, path: str) -> JobRow:
    """Returns a job.

    Raises:
        RunError: it has no row (yet).
    """
    found = find(tx, run, task, path)
    if found is None:
        raise RunError(f"run {run} has no job {task}/{path} that was ever handed out")
    return found


def find(tx: Connection, run: str, task: int, path: str) -> JobRow | None:
    """Returns a job, None where it has no row (yet)."""
    query = select(jobs).where(jobs.c.run == run, jobs.c.task == task, jobs.c.path == paths.key(path))
    found = tx.execute(query).first()
    return None if found is None else _row(found)


def outputs(tx: Connection, run: str, task: int, wanted: Iterable[str]) -> dict[str, tuple[JobState, Json]]:
    """Returns ``path: (state, outputs)`` of those of the wanted jobs of a task that have a row."""
    query = select(jobs.c.path, jobs.c.state, jobs.c.outputs).where(jobs.c.run == run, jobs.c.task == task)
    found: dict[str, tuple[JobState, Json]] = {}
    keys = iter([paths.key(path) for path in wanted])
    while chunk := builtins.list(islice(keys, _AT_ONCE)):
        for key, state, text in tx.execute(query.where(jobs.c.path.in_(chunk))):
            found[paths.path(key)] = (_STATE[state], load(text))
    return found


def outputs_below(
    tx: Connection, run: str, task: int, prefix: str = "", start: str | None = None, limit: int | None = None
) -> Iterator[tuple[str, JobState, Json]]:
    """Yields ``(path, state, outputs)`` of the jobs at or below an index prefix, in numeric order.

    Those from the path ``start`` on, where it is given, and ``limit`` of them at most.
    """
    first, stop = paths.below(prefix)
    inside = start is not None and start != prefix
    if start is not None and inside:
        first = paths.key(start)
    query = select(jobs.c.path, jobs.c.state, jobs.c.outputs).where(jobs.c.run == run, jobs.c.task == task)
    at = query.where(jobs.c.path == paths.key(prefix))
    below = query.where(jobs.c.path >= first, jobs.c.path < stop).order_by(jobs.c.path).limit(limit)
    for part in (below,) if inside else (at, below):
        for key, state, text in _streamed(tx, part):
            yield paths.path(key), _STATE[state], load(text)


def states(
    tx: Connection, run: str, chosen: Iterable[JobState] | None = None
) -> Iterator[tuple[int, str, JobState, int, int, int, float]]:
    """Yields ``(task, path, state, attempt, charged, lost, not_before)`` of the jobs of a run, in order.

    Of all of them, or of those in the chosen states.
    """
    c = jobs.c
    query = (
        select(c.task, c.path, c.state, c.attempt, c.charged, c.lost, c.not_before)
        .where(c.run == run)
        .order_by(c.task, c.path)
    )
    if chosen is not None:
        query = query.where(c.state.in_(builtins.list(chosen)))
    for task, key, state, attempt, charged, lost, not_before in _streamed(tx, query):
        yield task, paths.path(key), _STATE[state], attempt, charged, lost, not_before


def below(
    tx: Connection, run: str, task: int, prefix: str = "", chosen: Iterable[JobState] | None = None
) -> Iterator[JobRow]:
    """Yields the jobs of a task at or below an index prefix, in numeric order; all, or in some states."""
    first, stop = paths.below(prefix)
    query = select(jobs).where(jobs.c.run == run, jobs.c.task == task)
    if chosen is not None:
        query = query.where(jobs.c.state.in_(builtins.list(chosen)))
    at = query.where(jobs.c.path == paths.key(prefix))
    inside = query.where(jobs.c.path >= first, jobs.c.path < stop).order_by(jobs.c.path)
    for part in (at, inside):
        for row in _streamed(tx, part):
            yield _row(row)


def counts_below(tx: Connection, run: str, task: int, prefix: str = "") -> dict[JobState, int]:
    """Returns how many jobs of a task, at or below an index prefix, are in each state that occurs."""
    first, stop = paths.below(prefix)
    c = jobs.c
    query = (
        select(c.state, func.count())
        .where(c.run == run, c.task == task)
        .where(or_(c.path == paths.key(prefix), and_(c.path >= first, c.path < stop)))
        .group_by(c.state)
    )
    return {_STATE[state]: number for state, number in tx.execute(query)}


def counts(tx: Connection, run: str) -> dict[int, dict[JobState, int]]:
    """Returns for each task of a run the number of its jobs in each state that occurs."""
    query = (
        select(jobs.c.state, jobs.c.task, func.count())
        .where(jobs.c.run == run, jobs.c.state.in_(_ALL))
        .group_by(jobs.c.state, jobs.c.task)
    )
    found: dict[int, dict[JobState, int]] = {}
    for state, task, number in tx.execute(query):
        found.setdefault(task, {})[_STATE[state]] = number
    return found


def reused(tx: Connection, run: str) -> dict[int, int]:
    """Returns for each task of a run how many of its jobs took over outputs of another run."""
    c = jobs.c
    query = select(c.task, func.count()).where(c.run == run, c.reused.is_not(None)).group_by(c.task)
    return {row[0]: row[1] for row in tx.execute(query)}


def taken_over(tx: Connection, run: str) -> Iterator[tuple[int, str, Json]]:
    """Yields ``(task, path, outputs)`` of the jobs of a run that took over outputs of another."""
    c = jobs.c
    query = select(c.task, c.path, c.outputs).where(c.run == run, c.reused.is_not(None))
    for task, key, text in _streamed(tx, query):
        yield task, paths.path(key), load(text)


def revived(tx: Connection, run: str) -> Sequence[tuple[int, str, JobState, str]]:
    """Returns ``(task, path, state, what it had made)`` of reused jobs that are, or were, made again."""
    c = jobs.c
    query = select(c.task, c.path, c.state, c.made_before).where(c.run == run, c.made_before.is_not(None))
    return [(task, paths.path(key), _STATE[state], before) for task, key, state, before in tx.execute(query)]


def done_with(
    tx: Connection, but: str, wanted: Iterable[tuple[str, str]], most: int = 5
) -> Iterator[DoneJob]:
    """Yields jobs of all runs but one that are done and have one of the wanted keys, the latest run first.

    Args:
        tx: a transaction.
        but: the run that is left out.
        wanted: keys, each with the path of the job that it is wanted for.
        most: how many there are of one key, besides those that have one of these paths.
    """
    c = jobs.c
    order = (c.run.desc(), c.task, c.path)
    rank = func.row_number().over(partition_by=c.key, order_by=order).label("rank")
    # the coalesce keeps the index over states out, which has all that was ever done
    query = select(c.run, c.task, c.path, c.key, c.outputs, c.settled_at, rank).where(
        c.run != but, func.coalesce(c.state, "") == JobState.DONE
    )
    asked = builtins.list(wanted)
    # most often there are none, which is found out quickly
    known = {key for (key,) in bulk.found(tx, _KNOWN, [key for key, _ in asked], {"run": but})}
    rest = (one for one in asked if one[0] in known)
    while chunk := builtins.list(islice(rest, _AT_ONCE)):
        found = query.where(c.key.in_({key for key, _ in chunk})).subquery()
        same = found.c.path.in_({paths.key(path) for _, path in chunk})
        chosen = select(found).where(or_(found.c.rank <= most, same))
        for row in tx.execute(chosen.order_by(found.c.run.desc(), found.c.task, found.c.path)):
            yield DoneJob(
                row.run, row.task, paths.path(row.path), row.key, load(row.outputs), row.settled_at or 0.0
            )


def failures(tx: Connection, run: str, limit: int = 10, task: int | None = None) -> Sequence[JobRow]:
    """Returns up to ``limit`` jobs of a run (or of one task) that failed for good, by task and index."""
    query = select(jobs).where(jobs.c.run == run, jobs.c.state == JobState.FAILED)
    if task is not None:
        query = query.where(jobs.c.task == task)
    return [_row(row) for row in tx.execute(query.order_by(jobs.c.task, jobs.c.path).limit(limit))]


def failed(tx: Connection, run: str) -> Iterator[JobRow]:
    """Yields all jobs of a run that failed for good, by task and index."""
    query = select(jobs).where(jobs.c.run == run, jobs.c.state == JobState.FAILED)
    for row in _streamed(tx, query.order_by(jobs.c.task, jobs.c.path)):
        yield _row(row)


def times(tx: Connection, run: str) -> dict[int, JobTimes]:
    """Returns what the jobs of each task of a run took together, by their last attempts."""
    c = jobs.c
    waited = func.sum(case((c.started_at > c.submitted_at, c.started_at - c.submitted_at), else_=0.0))
    query = (
        select(c.task, func.coalesce(func.sum(c.wall_s), 0.0), func.coalesce(func.sum(c.cpu_s), 0.0), waited)
        .where(c.run == run)
        .group_by(c.task)
    )
    return {task: JobTimes(*taken) for task, *taken in tx.execute(query)}


def like(tx: Connection, run: str, task: int, path: str, limit: int) -> Sequence[JobRow]:
    """Returns the job of a task with an index, or where there is none up to ``limit`` of its others."""
    of_task = select(jobs).where(jobs.c.run == run, jobs.c.task == task)
    same = tx.execute(of_task.where(jobs.c.path == paths.key(path))).first()
    if same is not None:
        return [_row(same)]
    return [_row(row) for row in tx.execute(of_task.order_by(jobs.c.path).limit(limit))]


def every(tx: Connection, run: str) -> Iterator[JobRow]:
    """Yields the jobs of a run that have a row, by task and index."""
    for row in _streamed(tx, select(jobs).where(jobs.c.run == run).order_by(jobs.c.task, jobs.c.path)):
        yield _row(row)


def open(tx: Connection, run: str) -> Sequence[OpenJob]:
    """Returns the attempts of a run that were handed out and are not settled, by task and index."""
    c = jobs.c
    query = (
        select(c.task, c.path, c.state, c.attempt, c.backend, c.directory)
        .where(c.run == run, c.state.in_([JobState.LEASED, JobState.RUNNING]))
        .order_by(c.task, c.path)
    )
    return [
        OpenJob(
            task=row.task,
            path=paths.path(row.path),
            state=_STATE[row.state],
            attempt=row.attempt,
            backend=row.backend,
            directory=row.directory,
        )
        for row in tx.execute(query)
    ]


def _streamed(tx: Connection, query: Any) -> Iterator[Any]:
    """Yields rows without holding them all: a run may have a million jobs."""
    yield from tx.execute(query, execution_options={"stream_results": True, "yield_per": 2000})


def _row(row: Row[Any]) -> JobRow:
    return JobRow(
        task=row.task,
        path=paths.path(row.path),
        state=_STATE[row.state],
        attempt=row.attempt,
        charged=row.charged,
        lost=row.lost,
        first=row.first,
        stop=row.stop,
        file=row.file,
        backend=row.backend,
        directory=row.directory,
        not_before=row.not_before,
        outputs=load(row.outputs),
        cause=Cause(row.cause) if row.cause else None,
        exit_code=row.exit_code,
        signal=row.signal,
        message=row.message or "",
        stderr_tail=row.stderr_tail or "",
        command=tuple(load(row.command) or ()),
        asked_cores=row.asked_cores,
        asked_memory_mb=row.asked_memory_mb,
        asked_time_s=row.asked_time_s,
        asked_gpus=row.asked_gpus,
        submitted_at=row.submitted_at or 0.0,
        started_at=row.started_at or 0.0,
        settled_at=row.settled_at or 0.0,
        wall_s=row.wall_s or 0.0,
        took_s=row.took_s or 0.0,
        cpu_s=row.cpu_s or 0.0,
        peak_memory_mb=row.peak_memory_mb,
        host=row.host or "",
        worker=row.worker or "",
        devices=msgspec.convert(load(row.devices) or (), tuple[DeviceUse, ...]),
        key=row.key,
        fields=load(row.fields),
        reused=row.reused,
    )
