"""The event log: one entry for every change of state, written in the transaction of the change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from helios_wf.states import GOOD_JOBS
from helios_wf.store import bulk
from helios_wf.store.codec import instant, plain
from helios_wf.store.rows import LogRow
from helios_wf.store.schema import log

_OF_RANGE = re.compile(r"events \[\d+, \d+\), try ")
"""How the notes of entries begin that tell of one event range of a job."""

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


def is_of_range(entry: LogRow) -> bool:
    """Says whether an entry tells of one event range of a job, not of the job."""
    return _OF_RANGE.match(entry.note) is not None


def of_run(tx: Connection, run: str) -> Sequence[LogRow]:
    """Returns the entries of the run itself, in order."""
    return _rows(tx, select(log).where(log.c.run == run, log.c.task.is_(None)).order_by(log.c.id))


def repeated(tx: Connection, run: str) -> Iterator[tuple[int, float, str]]:
    """Yields ``(task, seconds, note)`` of the attempts of a run after which their job waited for another.

    The seconds are those from its start, or where nobody told of that from its lease, to its end.
    """
    begun: dict[tuple[int, str], float] = {}
    query = (
        select(log.c.at, log.c.task, log.c.path, log.c.old, log.c.new, log.c.note)
        .where(log.c.run == run, log.c.path.is_not(None))
        .order_by(log.c.id)
    )
    for at, task, path, old, new, note in tx.execute(
        query, execution_options={"stream_results": True, "yield_per": 2000}
    ):
        if _OF_RANGE.match(note):
            continue
        if new in ("LEASED", "RUNNING"):
            begun[task, path] = at
        else:
            start = begun.pop((task, path), at)
            if new == "READY" and old in ("LEASED", "RUNNING"):
                yield task, at - start, note


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


LATEST = 5000
"""Entries that are looked at to know how fast a run goes."""


def done_lately(tx: Connection, run: str, at: float) -> dict[int, tuple[int, float]]:
    """Returns for each task how many jobs were done since an instant, and since when that was counted.

    Instants are seconds since the epoch.  Of a run with very many entries only the latest are looked at.
    """
    query = select(log.c.at, log.c.task, log.c.path, log.c.new).where(log.c.run == run)
    latest = tx.execute(query.order_by(log.c.id.desc()).limit(LATEST)).all()
    within = [row for row in latest if row.at >= at]
    since = within[-1].at if within else at
    found: dict[int, int] = {}
    for row in within:
        if row.path is not None and row.new in GOOD_JOBS:
            found[row.task] = found.get(row.task, 0) + 1
    return {task: (count, since) for task, count in found.items()}
