"""Tasks: the steps of a run, with the numbers of their jobs in each state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from helios_wf.model import Json
from helios_wf.states import TASK_MOVES, JobState, TaskState, sources
from helios_wf.store import jobs, log
from helios_wf.store.clock import now
from helios_wf.store.codec import dump, load, plain
from helios_wf.store.rows import NewTask, TaskRow
from helios_wf.store.schema import tasks


def create(tx: Connection, run: str, new: Sequence[NewTask]) -> None:
    """Records the tasks of a run as DEFINED."""
    if not new:
        return
    at = now(tx)
    tx.execute(
        insert(tasks),
        [
            {
                "run": run,
                "number": t.number,
                "name": t.name,
                "process": t.process,
                "state": TaskState.DEFINED,
                "attempts": 0,
            }
            for t in new
        ],
    )
    log.append(tx, [_entry(run, task.number, at, None, TaskState.DEFINED) for task in new])


def move(tx: Connection, run: str, number: int, to: TaskState, note: str = "") -> bool:
    """Moves a task to another state and says whether it could."""
    this = (tasks.c.run == run, tasks.c.number == number)
    query = select(tasks.c.state).where(*this, tasks.c.state.in_(sources(TASK_MOVES, to)))
    old = tx.execute(query.with_for_update()).scalar()
    if old is None:
        return False
    tx.execute(update(tasks).where(*this).values(state=to))
    log.append(tx, [_entry(run, number, now(tx), old, to, note)])
    return True


def expanded(tx: Connection, run: str, number: int, total: int, events: int | None = None) -> None:
    """Records that a task is fully expanded, to so many jobs, which have so many events where it is cut."""
    this = (tasks.c.run == run, tasks.c.number == number)
    tx.execute(update(tasks).where(*this).values(total=total, events=events))


def reopen(tx: Connection, run: str, number: int, attempts: int = 0) -> None:
    """Makes a task go on: its jobs are tried again, or forgotten, which had up to so many attempts."""
    move(tx, run, number, TaskState.IN_PROGRESS, "retry")
    this = (tasks.c.run == run, tasks.c.number == number)
    tx.execute(update(tasks).where(*this).values(total=None, events=None))
    tx.execute(update(tasks).where(*this, tasks.c.attempts < attempts).values(attempts=attempts))


def differs(tx: Connection, run: str, number: int, text: str) -> None:
    """Records where a task's tool stands, and in what, compiled, it differs from what cwltool would run."""
    this = (tasks.c.run == run, tasks.c.number == number)
    state = tx.execute(select(tasks.c.state).where(*this)).scalar_one()
    tx.execute(update(tasks).where(*this).values(differs=plain(text)))
    note = f"cwltool runs it from now on, because compiled it differs: {text}"
    log.append(tx, [_entry(run, number, now(tx), state, state, plain(note))])


def describe(tx: Connection, run: str, number: int, fields: Json) -> None:
    """Records what the keys of all jobs of a task are made of."""
    this = (tasks.c.run == run, tasks.c.number == number)
    tx.execute(update(tasks).where(*this).values(fields=dump(fields)))


def differing(tx: Connection, run: str) -> dict[int, str]:
    """Returns the tasks of a run whose compiled tool differs from what cwltool would run, and in what."""
    query = select(tasks.c.number, tasks.c.differs).where(tasks.c.run == run, tasks.c.differs.is_not(None))
    return {row.number: row.differs for row in tx.execute(query)}


def name(tx: Connection, run: str, number: int) -> str:
    """Returns the name of a task."""
    query = select(tasks.c.name).where(tasks.c.run == run, tasks.c.number == number)
    return str(tx.execute(query).scalar_one())


def akin(tx: Connection, run: str, task: TaskRow, limit: int) -> Sequence[tuple[str, TaskRow]]:
    """Returns tasks of earlier runs that are called as one of a run, or run its tool, the latest run first.

    They come with the id of their run, and without the counts of their jobs.
    """
    c = tasks.c
    query = (
        select(tasks)
        .where(c.run < run, c.fields.is_not(None), or_(c.name == task.name, c.process == task.process))
        .order_by(c.run.desc(), c.number)
        .limit(limit)
    )
    return [(row.run, _row(row, {}, 0)) for row in tx.execute(query)]


def list(tx: Connection, run: str) -> Sequence[TaskRow]:
    """Returns the tasks of a run by number, with the counts of their jobs."""
    counts, reused = jobs.counts(tx, run), jobs.reused(tx, run)
    query = select(tasks).where(tasks.c.run == run).order_by(tasks.c.number)
    none: dict[JobState, int] = {}
    return [_row(row, counts.get(row.number, none), reused.get(row.number, 0)) for row in tx.execute(query)]


def _row(row: Row[Any], counts: dict[JobState, int], reused: int) -> TaskRow:
    return TaskRow(
        number=row.number,
        name=row.name,
        process=row.process,
        state=TaskState(row.state),
        total=row.total,
        events=row.events,
        attempts=row.attempts,
        counts=counts,
        differs=row.differs or "",
        reused=reused,
        fields=load(row.fields),
    )


def _entry(run: str, task: int, at: float, old: str | None, new: str, note: str = "") -> dict[str, object]:
    return {
        "run": run,
        "at": at,
        "task": task,
        "path": None,
        "attempt": None,
        "old": old,
        "new": new,
        "note": note,
    }
