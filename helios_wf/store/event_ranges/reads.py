"""The verbs that read event ranges."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from helios_wf.model import Json
from helios_wf.states import SETTLED_RANGES, Cause, RangeState
from helios_wf.store import paths
from helios_wf.store.codec import load
from helios_wf.store.rows import RangeCount, RangeRow
from helios_wf.store.schema import event_ranges

_STATE = {str(state): state for state in RangeState}
_OPEN = [state for state in RangeState if state not in SETTLED_RANGES]

_c = event_ranges.c
_COUNTED = (
    func.count(),
    func.sum(_c.stop - _c.first),
    func.max(_c.stop),
    func.coalesce(func.sum(_c.wall_s), 0.0),
)


def unsettled(tx: Connection, run: str, task: int, path: str) -> Sequence[RangeRow]:
    """Returns the ranges of a job that are not settled, in event order."""
    query = select(event_ranges).where(*_of_job(run, task, path), _c.state.in_(_OPEN)).order_by(_c.first)
    return [_row(row) for row in tx.execute(query)]


def outputs(tx: Connection, run: str, task: int, path: str) -> Iterator[dict[str, Json]]:
    """Yields the outputs of the ranges of a job that are done, in event order."""
    query = (
        select(_c.outputs).where(*_of_job(run, task, path), _c.state == RangeState.DONE).order_by(_c.first)
    )
    for (text,) in _streamed(tx, query):
        yield load(text) or {}


def done(tx: Connection, run: str, task: int, path: str) -> Iterator[RangeRow]:
    """Yields the ranges of a job that are done, in event order."""
    query = select(event_ranges).where(*_of_job(run, task, path), _c.state == RangeState.DONE)
    for row in _streamed(tx, query.order_by(_c.first)):
        yield _row(row)


NOT_DONE = frozenset(RangeState) - {RangeState.DONE, RangeState.SPLIT}


def jobs_with_losses(
    tx: Connection, run: str, states: Collection[RangeState] = NOT_DONE
) -> set[tuple[int, str]]:
    """Returns the jobs, by task and path, of which some ranges are not done, or in these states."""
    query = select(_c.task, _c.path).where(_c.run == run, _c.state.in_(builtins.list(states))).distinct()
    return {(task, paths.path(key)) for task, key in tx.execute(query)}


def counts_of(tx: Connection, run: str, task: int, path: str) -> dict[RangeState, RangeCount]:
    """Returns how many ranges of a job are in each state that occurs."""
    query = select(_c.state, *_COUNTED).where(*_of_job(run, task, path)).group_by(_c.state)
    return {_STATE[state]: _count(*counted) for state, *counted in tx.execute(query)}


def counts(tx: Connection, run: str) -> dict[int, dict[RangeState, RangeCount]]:
    """Returns for each task of a run how many of its ranges are in each state that occurs."""
    query = select(_c.task, _c.state, *_COUNTED).where(_c.run == run).group_by(_c.task, _c.state)
    found: dict[int, dict[RangeState, RangeCount]] = {}
    for task, state, *counted in tx.execute(query):
        found.setdefault(task, {})[_STATE[state]] = _count(*counted)
    return found


def done_since(tx: Connection, run: str, at: float) -> dict[int, tuple[int, float]]:
    """Returns for each task how many events were done since an instant, and when the first of them began.

    Instants are seconds since the epoch, by the clocks of the workers.
    """
    query = (
        select(_c.task, func.sum(_c.stop - _c.first), func.min(_c.started_at))
        .where(_c.run == run, _c.state == RangeState.DONE, _c.started_at + _c.wall_s >= at)
        .group_by(_c.task)
    )
    return {task: (int(n_events), first) for task, n_events, first in tx.execute(query)}


def _count(n_ranges: int, n_events: int, stop: int, wall_s: float) -> RangeCount:
    # PostgreSQL sums whole numbers to decimals
    return RangeCount(n_ranges, int(n_events), stop, wall_s)


def told(
    tx: Connection, run: str
) -> Iterator[tuple[int, RangeState, int, int, int | None, float, float, Json]]:
    """Yields ``(task, state, n_events, number, n_out, started_at, wall_s, outputs)`` of a run's ranges."""
    query = select(
        _c.task,
        _c.state,
        _c.stop - _c.first,
        _c.number,
        _c.n_out,
        func.coalesce(_c.started_at, 0.0),
        func.coalesce(_c.wall_s, 0.0),
        _c.outputs,
    ).where(_c.run == run)
    for task, state, n_events, number, n_out, started_at, wall_s, text in _streamed(tx, query):
        yield task, _STATE[state], n_events, number, n_out, started_at, wall_s, load(text)


def list(
    tx: Connection,
    run: str,
    task: int | None = None,
    path: str | None = None,
    states: Collection[RangeState] | None = None,
    limit: int = 1000,
    after: RangeRow | None = None,
) -> Sequence[RangeRow]:
    """Returns up to ``limit`` ranges of a run by task, job and first event, those behind ``after``."""
    query = select(event_ranges).where(_c.run == run)
    given = {"task": task, "path": None if path is None else paths.key(path)}
    for name, value in given.items():
        if value is not None:
            query = query.where(_c[name] == value)
    if states is not None:
        query = query.where(_c.state.in_(builtins.list(states)))
    # a column that is given must not be among these: SQLite would sort all that is left for each page
    order = [name for name in ("task", "path", "first", "stop") if given.get(name) is None]
    if after is not None:
        last = {"task": after.task, "path": paths.key(after.path), "first": after.first, "stop": after.stop}
        query = query.where(tuple_(*[_c[name] for name in order]) > tuple(last[name] for name in order))
    return [_row(row) for row in tx.execute(query.order_by(*[_c[name] for name in order]).limit(limit))]


def _of_job(run: str, task: int, path: str) -> tuple[Any, ...]:
    return _c.run == run, _c.task == task, _c.path == paths.key(path)


def _streamed(tx: Connection, query: Any) -> Iterator[Any]:
    yield from tx.execute(query, execution_options={"stream_results": True, "yield_per": 2000})


def _row(row: Row[Any]) -> RangeRow:
    return RangeRow(
        task=row.task,
        path=paths.path(row.path),
        first=row.first,
        stop=row.stop,
        state=_STATE[row.state],
        number=row.number,
        attempt=row.attempt,
        charged=row.charged,
        lost=row.lost,
        depth=row.depth,
        waits_for=row.waits_for,
        not_before=row.not_before,
        cause=Cause(row.cause) if row.cause else None,
        exit_code=row.exit_code,
        signal=row.signal,
        n_out=row.n_out,
        started_at=row.started_at or 0.0,
        wall_s=row.wall_s or 0.0,
        cpu_s=row.cpu_s or 0.0,
        peak_memory_mb=row.peak_memory_mb,
        host=row.host or "",
        worker=row.worker or "",
        directory=row.directory or "",
        message=row.message or "",
        stderr_tail=row.stderr_tail or "",
        outputs=load(row.outputs),
    )
