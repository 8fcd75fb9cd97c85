"""The event log: one entry for every change of state, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

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
