"""The verbs that change event ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from helios_wf.errors import StoreError
from helios_wf.states import RANGE_MOVES, RangeState, sources
from helios_wf.store import bulk, log, paths
from helios_wf.store.clock import now
from helios_wf.store.codec import dump_or_none, plain
from helios_wf.store.rows import NewRange, RangeBegin, RangeLease, RangeMove, RangeRow, RangeSettlement

_JOB = "run = :run AND task = :task AND path = :key"
_THIS = f"{_JOB} AND first = :first AND stop = :stop"
_HELD = "state IN ('LEASED', 'RUNNING')"

_LEASE = """
    INSERT INTO event_ranges (run, task, path, first, stop, state, number, attempt, charged, lost, depth,
        not_before)
    VALUES (:run, :task, :key, :first, :stop, 'LEASED', :number, :attempt, 0, 0, :depth, 0)
    ON CONFLICT (run, task, path, first, stop) DO UPDATE SET state = 'LEASED', number = excluded.number,
        attempt = excluded.attempt, waits_for = NULL, not_before = 0
    WHERE event_ranges.state = 'READY' AND event_ranges.number < excluded.number
"""

_BEGIN = f"""
    UPDATE event_ranges SET state = 'RUNNING', started_at = :at, wall_s = NULL, cpu_s = NULL, host = :host,
        worker = :worker
    WHERE {_THIS} AND number = :number AND attempt = :attempt AND state = 'LEASED'
"""

_SETTLE = f"""
    UPDATE event_ranges SET state = :to, charged = :charged, lost = :lost, not_before = :not_before,
        cause = :cause, exit_code = :exit_code, signal = :signal, n_out = :n_out, started_at = :started_at,
        wall_s = :wall_s, cpu_s = :cpu_s, peak_memory_mb = :peak_memory_mb, host = :host, worker = :worker,
        directory = :directory, message = :message, stderr_tail = :stderr_tail, outputs = :outputs
    WHERE {_THIS} AND number = :number AND attempt = :attempt AND {_HELD}
"""

_ADD = """
    INSERT INTO event_ranges (run, task, path, first, stop, state, number, attempt, charged, lost, depth,
        waits_for, not_before)
    VALUES (:run, :task, :key, :first, :stop, :state, 0, 0, 0, 0, :depth, :waits_for, 0)
"""

_TAKE_OVER = """
    INSERT INTO event_ranges (run, task, path, first, stop, state, number, attempt, charged, lost, depth,
        not_before, n_out, directory, outputs)
    VALUES (:run, :task, :key, :first, :stop, 'DONE', :number, 0, 0, 0, 0, 0, :n_out, :directory, :outputs)
"""

_MOVE = f"""
    UPDATE event_ranges SET state = :to, waits_for = NULL WHERE {_THIS} AND state IN ('READY', 'FAILED')
"""

_PUT_BACK = f"""
    UPDATE event_ranges SET state = 'READY', lost = lost + CASE state WHEN 'RUNNING' THEN :lost ELSE 0 END
    WHERE {_JOB} AND attempt = :attempt AND {_HELD}
"""

_CANCEL = f"""
    UPDATE event_ranges SET state = 'CANCELLED'
    WHERE {_JOB} AND state IN ('READY', 'LEASED', 'RUNNING', 'FAILED')
"""

_FORGET = f"DELETE FROM event_ranges WHERE {_JOB} AND state = 'CANCELLED' AND number = 0 AND depth = 0"

_RESET = f"""
    UPDATE event_ranges SET state = 'READY', charged = 0, lost = 0, not_before = 0, waits_for = NULL
    WHERE {_JOB} AND state IN ('FATAL', 'CANCELLED', 'LEASED', 'RUNNING')
"""

_FORGET_ALL = f"DELETE FROM event_ranges WHERE {_JOB}"

Key = tuple[int, str]
"""A job of a run: task and path."""


def lease(tx: Connection, run: str, leases: Sequence[RangeLease]) -> None:
    """Gives tries to attempts.

    A range that has no row gets one; one that has must be READY after a lower number.

    Raises:
        StoreError: that was not legal for one of them.
    """
    rows = [
        _key(run, one.task, one.path, one.first, one.stop)
        | {"number": one.number, "attempt": one.attempt, "depth": one.depth}
        for one in leases
    ]
    _refuse_unless_all("handed out", run, rows, bulk.affected(tx, _LEASE, rows))


def begin(tx: Connection, run: str, begun: Sequence[RangeBegin]) -> None:
    """Moves tries from LEASED to RUNNING, where they are still LEASED."""
    if not begun:
        return
    at = now(tx)
    rows = [
        _key(run, one.task, one.path, one.first, one.stop)
        | {"number": one.number, "attempt": one.attempt, "host": one.host, "worker": one.worker, "at": at}
        for one in begun
    ]
    bulk.many(tx, _BEGIN, rows)


def settle(tx: Connection, run: str, settlements: Sequence[RangeSettlement]) -> None:
    """Settles tries that are handed out; what did not go well is logged.

    Raises:
        StoreError: one of them is not: it was settled before, or another try is the current one.
    """
    for to in {one.to for one in settlements}:
        if not {RangeState.LEASED, RangeState.RUNNING} <= sources(RANGE_MOVES, to):
            raise ValueError(f"no try of a range can be settled as {to}")
    rows = [_settle_values(run, one) for one in settlements]
    _refuse_unless_all("settled", run, rows, bulk.affected(tx, _SETTLE, rows))
    troubled = [row | {"at": 0.0} for row in rows if row["cause"] is not None]
    if troubled:
        at = now(tx)
        log.append(tx, [row | {"at": at, "old": "RUNNING", "new": row["to"]} for row in troubled])


def add(tx: Connection, run: str, made: Sequence[NewRange]) -> None:
    """Adds ranges that were never tried: what another was cut into, or what is given up unseen."""
    bulk.many(
        tx,
        _ADD,
        [
            _key(run, one.task, one.path, one.first, one.stop)
            | {"state": one.state.value, "depth": one.depth, "waits_for": one.waits_for}
            for one in made
        ],
    )


def take_over(tx: Connection, run: str, task: int, path: str, done: Iterable[RangeRow]) -> None:
    """Records ranges of a job as DONE that a job of another run has done; they are not tried here."""
    rows = [
        _key(run, task, path, one.first, one.stop)
        | {
            "number": one.number,
            "n_out": one.n_out,
            "directory": one.directory,
            "outputs": dump_or_none(one.outputs),
        }
        for one in done
    ]
    bulk.many(tx, _TAKE_OVER, rows)


def move(tx: Connection, run: str, moves: Sequence[RangeMove]) -> None:
    """Moves ranges that are not handed out to READY (of those that wait for another) or to SPLIT.

    Raises:
        StoreError: one of them is not where it can be moved from.
    """
    rows = [_key(run, one.task, one.path, one.first, one.stop) | {"to": one.to.value} for one in moves]
    _refuse_unless_all("moved", run, rows, bulk.affected(tx, _MOVE, rows))


def put_back(tx: Connection, run: str, attempts: Iterable[tuple[int, str, int, bool]]) -> None:
    """Makes READY what attempts ``(task, path, attempt, lost)`` were given and nobody reported.

    With ``lost``, those that were begun count as lost once more; nothing is charged.
    """
    rows = [
        {"run": run, "task": task, "key": paths.key(path), "attempt": attempt, "lost": int(lost)}
        for task, path, attempt, lost in attempts
    ]
    bulk.many(tx, _PUT_BACK, rows)


def cancel(tx: Connection, run: str, chosen: Iterable[Key]) -> None:
    """Cancels all ranges of jobs that are not settled."""
    bulk.many(tx, _CANCEL, [_job(run, task, path) for task, path in chosen])


def reset(tx: Connection, run: str, chosen: Iterable[Key]) -> None:
    """Makes ranges of jobs READY, with no tries counted, that were given up, or handed to attempts now gone.

    What was given up unseen is forgotten: it is cut when its turn comes.
    """
    rows = [_job(run, task, path) for task, path in chosen]
    bulk.many(tx, _FORGET, rows)
    bulk.many(tx, _RESET, rows)


def forget(tx: Connection, run: str, chosen: Iterable[Key]) -> None:
    """Forgets all ranges of jobs."""
    bulk.many(tx, _FORGET_ALL, [_job(run, task, path) for task, path in chosen])


def _refuse_unless_all(how: str, run: str, rows: Sequence[dict[str, Any]], n_changed: int) -> None:
    if n_changed == len(rows):
        return
    first, last = (
        f"{row['task']}/{row['path']} [{row['first']}, {row['stop']})" for row in (rows[0], rows[-1])
    )
    raise StoreError(
        f"run {run}: {len(rows) - n_changed} of {len(rows)} event ranges from {first} to {last} "
        f"cannot be {how}: another engine or an earlier report changed them"
    )


def _job(run: str, task: int, path: str) -> dict[str, Any]:
    return {"run": run, "task": task, "key": paths.key(path)}


def _key(run: str, task: int, path: str, first: int, stop: int) -> dict[str, Any]:
    return {"run": run, "task": task, "path": path, "key": paths.key(path), "first": first, "stop": stop}


def _settle_values(run: str, one: RangeSettlement) -> dict[str, Any]:
    report = one.report
    return _key(run, one.task, one.path, report.first, report.stop) | {
        "number": report.number,
        "attempt": one.attempt,
        "to": one.to.value,
        "charged": one.charged,
        "lost": one.lost,
        "not_before": one.not_before,
        "cause": report.cause and report.cause.value,
        "exit_code": report.exit_code,
        "signal": report.signal,
        "n_out": report.n_out,
        "started_at": report.started_at,
        "wall_s": report.wall_s,
        "cpu_s": report.cpu_s,
        "peak_memory_mb": report.peak_memory_mb,
        "host": one.host,
        "worker": one.worker,
        "directory": report.directory,
        "message": plain(report.message),
        "stderr_tail": plain(report.stderr_tail),
        "outputs": dump_or_none(report.outputs) if one.to is RangeState.DONE else None,
        "note": _note(one) if report.cause else "",
    }


def _note(one: RangeSettlement) -> str:
    report = one.report
    text = f"events [{report.first}, {report.stop}), try {report.number}: {report.cause}"
    return plain(f"{text}: {report.message[:200]}" if report.message else text)
