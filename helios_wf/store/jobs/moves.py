"""The verbs that change jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from helios_wf.states import JOB_MOVES, Cause, JobState, sources
from helios_wf.store import bulk, log, paths
from helios_wf.store.clock import now
from helios_wf.store.codec import dump, dump_or_none, plain
from helios_wf.store.rows import Lease, Settlement

_THIS = "run = :run AND task = :task AND path = :key"

# The coalesce keeps the index over states out: PostgreSQL would take it while the table is small or not
# analysed, and keep that plan while the table grows.
_STATE = "coalesce(state, '')"

_LEASE = """
    INSERT INTO jobs (run, task, path, state, attempt, charged, lost, first, stop, file, backend,
        directory, not_before, asked_cores, asked_memory_mb, asked_time_s, asked_gpus, submitted_at,
        key, fields)
    VALUES (:run, :task, :key, 'LEASED', :attempt, 0, 0, :first, :stop, :file, :backend, :directory,
        0, :asked_cores, :asked_memory_mb, :asked_time_s, :asked_gpus, :at, :reuse_key,
        :fields)
    ON CONFLICT (run, task, path) DO UPDATE SET state = 'LEASED', attempt = excluded.attempt,
        first = excluded.first, stop = excluded.stop, file = excluded.file, backend = excluded.backend,
        directory = excluded.directory, not_before = 0,
        asked_cores = excluded.asked_cores, asked_memory_mb = excluded.asked_memory_mb,
        asked_time_s = excluded.asked_time_s, asked_gpus = excluded.asked_gpus,
        submitted_at = excluded.submitted_at, key = excluded.key, fields = excluded.fields
    WHERE jobs.state = 'READY' AND jobs.attempt < excluded.attempt
"""

_STARTED = f"""
    UPDATE jobs SET state = 'RUNNING' WHERE {_THIS} AND attempt = :attempt AND {_STATE} = 'LEASED'
"""

_IN_FLIGHT = f"{_THIS} AND attempt = :attempt AND {_STATE} IN ('LEASED', 'RUNNING')"

_SETTLE_LOG = f"""
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    SELECT run, :at, task, :path, attempt, state, :to, :note FROM jobs WHERE {_IN_FLIGHT} {{lock}}
"""

_REPORT = """cause = :cause, exit_code = :exit_code, signal = :signal, message = :message,
    stderr_tail = :stderr_tail, command = :command, started_at = :started_at, settled_at = :at,
    wall_s = :wall_s, took_s = :took_s, cpu_s = :cpu_s, peak_memory_mb = :peak_memory_mb, host = :host,
    worker = :worker, devices = :devices, outputs = :outputs"""

_SETTLE = f"""
    UPDATE jobs SET state = :to, not_before = :not_before, charged = charged + :charged, lost = lost + :lost,
        {_REPORT}
    WHERE {_IN_FLIGHT}
"""

_RECORD = """
    INSERT INTO jobs (run, task, path, state, attempt, charged, lost, backend, directory, not_before, cause,
        exit_code, signal, message, stderr_tail, command, started_at, settled_at, wall_s, took_s, cpu_s,
        peak_memory_mb, host, worker, outputs, fields, reused)
    VALUES (:run, :task, :key, :to, :attempt, :charged, :lost, '', '', 0, :cause,
        :exit_code, :signal, :message, :stderr_tail, :command, :started_at, :at, :wall_s, :took_s, :cpu_s,
        :peak_memory_mb, :host, :worker, :outputs, :fields, :reused)
    ON CONFLICT (run, task, path) DO UPDATE SET state = excluded.state, message = excluded.message,
        cause = excluded.cause, outputs = excluded.outputs, settled_at = excluded.settled_at,
        fields = coalesce(excluded.fields, jobs.fields), reused = excluded.reused
    WHERE jobs.state = 'READY'
"""

_RECORD_LOG = f"""
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    SELECT run, :at, task, :path, attempt, 'READY', state, :note FROM jobs WHERE {_THIS}
"""

_RESET_LOG = f"""
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    SELECT run, :at, task, :path, attempt, state, 'READY', 'retry' FROM jobs
    WHERE {_THIS} AND {_STATE} IN ('FAILED', 'CANCELLED', 'FINISHED') {{lock}}
"""

_RESET = f"""
    UPDATE jobs SET state = 'READY', charged = 0, lost = 0, not_before = 0
    WHERE {_THIS} AND {_STATE} IN ('FAILED', 'CANCELLED', 'FINISHED')
"""

_FORGET_LOG = f"""
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    SELECT run, :at, task, :path, attempt, state, 'READY', 'retry: what it reads is made anew' FROM jobs
    WHERE {_THIS} {{lock}}
"""

_FORGET = f"DELETE FROM jobs WHERE {_THIS}"

_REVIVE_LOG = f"""
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    SELECT run, :at, task, :path, attempt, state, 'READY', :note FROM jobs
    WHERE {_THIS} AND {_STATE} = 'DONE' AND reused IS NOT NULL {{lock}}
"""

_REVIVE = f"""
    UPDATE jobs SET state = 'READY', attempt = 1, reused = NULL, outputs = NULL, made_before = :before
    WHERE {_THIS} AND {_STATE} = 'DONE' AND reused IS NOT NULL
"""

_COMPARED = f"UPDATE jobs SET made_before = NULL WHERE {_THIS}"

Key = tuple[int, str]
"""A job of a run: task and path."""


def lease(tx: Connection, run: str, leases: Sequence[Lease]) -> set[Key]:
    """Hands attempts out and returns the jobs for which that was legal.

    A job that has no row gets one; one that has must be READY after a lower attempt.
    """
    at = now(tx)
    rows = [_lease_values(run, at, one) for one in leases]
    return _logged(tx, rows, bulk.changed(tx, _LEASE, rows))


def started(tx: Connection, run: str, begun: Iterable[tuple[int, str, int]]) -> set[Key]:
    """Moves attempts ``(task, path, attempt)`` from LEASED to RUNNING and returns the jobs that moved."""
    at = now(tx)
    rows = [
        _key(run, at, task, path) | {"attempt": attempt, "old": "LEASED", "new": "RUNNING", "note": ""}
        for task, path, attempt in begun
    ]
    return _logged(tx, rows, bulk.changed(tx, _STARTED, rows))


def settle(tx: Connection, run: str, settlements: Sequence[Settlement]) -> set[Key]:
    """Settles attempts that were handed out and returns the jobs that changed.

    Only the current attempt of a job that is LEASED or RUNNING is settled: a late report of an old attempt,
    or the same report once more, changes nothing.  With ``to=READY`` the job waits for its next lease.  A try
    that ends in READY or FAILED counts as ``charged`` or as ``lost``; one that we ended ourselves, or that
    ended in order and left event ranges to do, as neither.
    """
    at = now(tx)
    _refuse_unless({JobState.LEASED, JobState.RUNNING}, settlements)
    once = {(one.task, one.path, one.attempt): one for one in reversed(settlements)}
    rows = [_settle_values(run, at, one) for one in reversed(once.values())]
    flags = bulk.changed(tx, _SETTLE_LOG, rows)
    accepted = [row for row, flag in zip(rows, flags, strict=True) if flag]
    bulk.many(tx, _SETTLE, accepted)
    return {(row["task"], row["path"]) for row in accepted}


def record(tx: Connection, run: str, settlements: Sequence[Settlement]) -> set[Key]:
    """Records jobs that needed no backend, in the state they ended in, and returns those that changed.

    A job that has no row gets one; one that waits (READY) is moved, and keeps the number of its last attempt;
    any other is left as it is, so that the same call once more changes nothing.
    """
    at = now(tx)
    _refuse_unless({JobState.READY}, settlements)
    rows = [_settle_values(run, at, one) for one in settlements]
    flags = bulk.changed(tx, _RECORD, rows)
    accepted = [row for row, flag in zip(rows, flags, strict=True) if flag]
    bulk.many(tx, _RECORD_LOG, accepted)
    return {(row["task"], row["path"]) for row in accepted}


def reset(tx: Connection, run: str, chosen: Iterable[Key]) -> set[Key]:
    """Makes FAILED, CANCELLED and FINISHED jobs READY, no tries counted, and returns those that changed."""
    at = now(tx)
    rows = [_key(run, at, task, path) for task, path in dict.fromkeys(chosen)]
    flags = bulk.changed(tx, _RESET_LOG, rows)
    accepted = [row for row, flag in zip(rows, flags, strict=True) if flag]
    bulk.many(tx, _RESET, accepted)
    return {(row["task"], row["path"]) for row in accepted}


def forget(tx: Connection, run: str, chosen: Iterable[Key]) -> None:
    """Forgets jobs, of a run in which none is handed out, as if they had never been ready.

    Attempts of theirs must be numbered from where they stopped: see ``tasks.reopen``.
    """
    at = now(tx)
    rows = [_key(run, at, task, path) for task, path in chosen]
    bulk.many(tx, _FORGET_LOG, rows)
    bulk.many(tx, _FORGET, rows)


def revive(tx: Connection, run: str, chosen: Mapping[Key, str]) -> None:
    """Makes reused jobs READY whose outputs are gone.

    Args:
        tx: a transaction.
        run: the run.
        chosen: what is kept of each job until ``compared``, to tell whether it makes the same again.
    """
    at = now(tx)
    note = "what it made in an earlier run is gone, and is needed"
    rows = [
        _key(run, at, task, path) | {"note": note, "before": before}
        for (task, path), before in chosen.items()
    ]
    bulk.many(tx, _REVIVE_LOG, rows)
    bulk.many(tx, _REVIVE, rows)


def compared(tx: Connection, run: str, chosen: Iterable[Key]) -> None:
    """Records that what jobs made again was compared with what they had made, and what follows was done."""
    bulk.many(tx, _COMPARED, [_key(run, 0.0, task, path) for task, path in chosen])


def _refuse_unless(possible: set[JobState], settlements: Sequence[Settlement]) -> None:
    for to in {one.to for one in settlements}:
        if not possible <= sources(JOB_MOVES, to) or to in (JobState.LEASED, JobState.RUNNING):
            raise ValueError(f"no job can be settled as {to} from {' or '.join(sorted(possible))}")


def _logged(tx: Connection, rows: list[dict[str, Any]], flags: list[bool]) -> set[Key]:
    """Appends the rows that changed something to the event log and returns their keys."""
    accepted = [row for row, flag in zip(rows, flags, strict=True) if flag]
    log.append(tx, accepted)
    return {(row["task"], row["path"]) for row in accepted}


def _key(run: str, at: float, task: int, path: str) -> dict[str, Any]:
    return {"run": run, "at": at, "task": task, "path": path, "key": paths.key(path)}


def _lease_values(run: str, at: float, one: Lease) -> dict[str, Any]:
    asked = one.resources
    return {
        "run": run,
        "at": at,
        "task": one.task,
        "path": one.path,
        "key": paths.key(one.path),
        "attempt": one.attempt,
        "first": one.first,
        "stop": one.stop,
        "file": one.file,
        "reuse_key": one.key,
        "fields": dump_or_none(one.fields),
        "backend": one.backend,
        "directory": one.directory,
        "asked_cores": asked and asked.cores,
        "asked_memory_mb": asked and asked.ram_mb,
        "asked_time_s": asked and asked.time_s,
        "asked_gpus": asked and asked.gpus,
        "old": "READY",
        "new": "LEASED",
        "note": one.note,
    }


def _settle_values(run: str, at: float, one: Settlement) -> dict[str, Any]:
    again = one.to in (JobState.READY, JobState.FAILED) and one.cause not in (None, Cause.CANCELLED)
    return {
        "run": run,
        "at": at,
        "task": one.task,
        "path": one.path,
        "key": paths.key(one.path),
        "attempt": one.attempt,
        "to": one.to.value,
        "note": _note(one),
        "charged": int(again and one.charged),
        "lost": int(again and not one.charged),
        "outputs": dump_or_none(one.outputs),
        "cause": one.cause and one.cause.value,
        "exit_code": one.exit_code,
        "signal": one.signal,
        "message": plain(one.message),
        "stderr_tail": plain(one.stderr_tail),
        "command": dump(one.command) if one.command else None,
        "started_at": one.started_at,
        "wall_s": one.wall_s,
        "took_s": one.took_s,
        "cpu_s": one.cpu_s,
        "peak_memory_mb": one.peak_memory_mb,
        "host": one.host,
        "worker": one.worker,
        "devices": dump(one.devices) if one.devices else None,
        "not_before": one.not_before,
        "fields": dump_or_none(one.fields),
        "reused": one.reused,
    }


def _note(one: Settlement) -> str:
    if one.cause is None:
        return plain(one.message)
    return plain(f"{one.cause}: {one.message[:200]}" if one.message else str(one.cause))
