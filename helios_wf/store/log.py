"""The event log: one entry for every change of state, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from helios_wf.store import bulk
from helios_wf.store.codec import instant, plain
from helios_wf.store.rows import LogRow
from helios_wf.store.schema import log

_APPEND = """
    INSERT INTO log (run, at, task, path, attempt, old, new, note)
    VALUES (:run, :at, :task, :path, :attempt, :old, :new, :note)
"""


def append(tx: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Appends entries; their keys are the columns of the table, more are passed over."""
    bulk.many(tx, _APPEND, entries)


def append_one(tx: Connection, run: str, at: float, old: str | None, new: str, note: str = "") -> None:
    """Appends a change of the run itself."""
    entry = {"run": run, "at": at, "task": None, "path": None, "attempt": None}
    append(tx, [entry | {"old": old, "new": new, "note": plain(note)}])


def list(tx: Connection, run: str, after: int = 0, limit: int = 1000) -> Sequence[LogRow]:
    """Returns up to ``limit`` entries of a run in order, those behind entry ``after``."""
    query = select(log).where(log.c.run == run, log.c.id > after).order_by(log.c.id).limit(limit)
    return _rows(tx, query)


def of_job(tx: Connection, run: str, task: int, path: str) -> Sequence[LogRow]:
    """Returns the entries of a job, in order; it looks through all entries of the run."""
    query = select(log).where(log.c.run == run, log.c.task == task, log.c.path == path).order_by(log.c.id)
    return _rows(tx, query)


def of_run(tx: Connection, run: str) -> Sequence[LogRow]:
    """Returns the entries of the run itself, in order."""
    return _rows(tx, select(log).where(log.c.run == run, log.c.task.is_(None)).order_by(log.c.id))


def last(tx: Connection, run: str) -> int:
    """Returns the number of the last entry of a run, 0 where it has none."""
    query = select(log.c.id).where(log.c.run == run).order_by(log.c.id.desc()).limit(1)
    return tx.execute(query).scalar() or 0


def _rows(tx: Connection, query: Select[Any]) -> Sequence[LogRow]:
    return [
        LogRow(
            id=row.id,
            run=row.run,
            at=instant(row.at),
            task=row.task,
            path=row.path,
            attempt=row.attempt,
            old=row.old,
            new=row.new,
            note=row.note,
        )
        for row in tx.execute(query)
    ]
