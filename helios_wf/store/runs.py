"""Runs: recorded, found, held by one engine at a time, and moved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Row, func, insert, null, or_, select, update
from sqlalchemy.exc import IntegrityError

from helios_wf.errors import RunError, RunTakenError, did_you_mean
from helios_wf.model import Json
from helios_wf.states import RUN_MOVES, SETTLED_RUNS, RunState, sources
from helios_wf.store import arrays, log
from helios_wf.store.clock import now
from helios_wf.store.codec import dump, dump_or_none, instant, instant_or_none, load, plain
from helios_wf.store.rows import NewRun, RunRow
from helios_wf.store.schema import runs

_LIVE = tuple(state for state in RunState if state not in SETTLED_RUNS)
_COUNTS = (*_LIVE, RunState.DONE, RunState.FINISHED)
_LONG = ("inputs", "outputs")
_BRIEF: tuple[Any, ...] = tuple(null().label(c.name) if c.name in _LONG else c for c in runs.c)


def create(tx: Connection, run: NewRun) -> None:
    """Records a run as PENDING.

    Raises:
        RunError: there is one of that id.
    """
    at = now(tx)
    values = {
        "id": run.id,
        "label": plain(run.label),
        "document": run.document,
        "identity": run.identity,
        "template": run.template,
        "version": run.version,
        "inputs": None,
        "options": dump_or_none(run.options),
        "datasets": dump(run.datasets),
        "state": RunState.PENDING,
        "reason": "",
        "epoch": 0,
        "created": at,
        "changed": at,
    }
    try:
        tx.execute(insert(runs).values(values))
    except IntegrityError as error:
        raise RunError(f"there is a run {run.id!r} already; a new run needs a new id") from error
    inputs = arrays.put(tx, run.id, "inputs", run.inputs)
    tx.execute(update(runs).where(runs.c.id == run.id).values(inputs=dump_or_none(inputs)))
    log.append_one(tx, run.id, at, None, RunState.PENDING)


def get(tx: Connection, id_or_prefix: str) -> RunRow:
    """Returns the run of an id, or of the only id that starts with the given text.

    Raises:
        RunError: none does, or more than one.
    """
    exact = tx.execute(select(runs).where(runs.c.id == id_or_prefix)).first()
    if exact is not None:
        return _whole(tx, exact)
    found: Sequence[Row[Any]] = ()
    if id_or_prefix:
        query = select(runs).where(func.substr(runs.c.id, 1, len(id_or_prefix)) == id_or_prefix)
        found = tx.execute(query.order_by(runs.c.created.desc()).limit(6)).all()
    if len(found) == 1:
        return _whole(tx, found[0])
    if found:
        ids = ", ".join(row.id for row in found[:5]) + (", ..." if len(found) > 5 else "")
        raise RunError(f"{id_or_prefix!r} is the beginning of several runs: {ids}; give more of the id")
    recent = tx.execute(select(runs.c.id).order_by(runs.c.created.desc()).limit(10)).scalars().all()
    hint = did_you_mean(id_or_prefix, recent) or "; the store has no runs"
    raise RunError(f"no run {id_or_prefix!r}{hint}")


def look(tx: Connection, id: str) -> RunRow:
    """Returns the run of an id without inputs and outputs, which may be long.

    Raises:
        RunError: there is none.
    """
    found = tx.execute(select(*_BRIEF).where(runs.c.id == id)).first()
    return _row(found) if found is not None else get(tx, id)


def begins(tx: Connection, beginning: str) -> bool:
    """Says whether the id of a run begins so."""
    query = select(runs.c.id).where(func.substr(runs.c.id, 1, len(beginning)) == beginning).limit(1)
    return bool(beginning) and tx.execute(query).first() is not None


def latest(tx: Connection) -> RunRow | None:
    """Returns the run that was recorded last, None when there is none."""
    found = tx.execute(select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(1)).first()
    return None if found is None else _whole(tx, found)


def list(tx: Connection, limit: int = 100, states: Collection[RunState] | None = None) -> Sequence[RunRow]:
    """Returns the latest runs, newest first, without inputs and outputs; only those in some states."""
    query = select(*_BRIEF).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(runs.c.state.in_(states))
    return [_row(row) for row in tx.execute(query)]


def find_unfinished(tx: Connection, identity: str) -> RunRow | None:
    """Returns the newest run of an identity that is not settled, None when there is none."""
    query = (
        select(runs)
        .where(runs.c.identity == identity, runs.c.state.in_(_LIVE))
        .order_by(runs.c.created.desc())
        .limit(1)
    )
    found = tx.execute(query).first()
    return None if found is None else _whole(tx, found)


def unfinished(tx: Connection) -> Iterator[tuple[str, Json]]:
    """Yields ``(id, options)`` of the runs that are not settled."""
    for id, options in tx.execute(select(runs.c.id, runs.c.options).where(runs.c.state.in_(_LIVE))):
        yield id, load(options)


def readers(tx: Connection, dataset: str) -> Sequence[tuple[str, RunState]]:
    """Returns ``(id, state)`` of the runs that took a dataset, oldest first."""
    query = select(runs.c.id, runs.c.state, runs.c.datasets).order_by(runs.c.created)
    return [
        (row.id, RunState(row.state)) for row in tx.execute(query) if dataset in load(row.datasets).values()
    ]


def processed(tx: Connection, template: str) -> Iterator[tuple[int, dict[str, str], RunState]]:
    """Yields ``(version, datasets by input, state)`` of a template's runs that are done or in progress."""
    query = select(runs.c.version, runs.c.datasets, runs.c.state).where(
        runs.c.template == template, runs.c.state.in_(_COUNTS)
    )
    for version, datasets, state in tx.execute(query):
        yield version, load(datasets), RunState(state)


def contents(tx: Connection, template: str) -> dict[int, str]:
    """Returns the document digest that each version of a template had when it ran last."""
    query = (
        select(runs.c.version, runs.c.document)
        .where(runs.c.template == template, runs.c.state.in_(_COUNTS))
        .order_by(runs.c.created)
    )
    return {row.version: row.document for row in tx.execute(query)}


def take(tx: Connection, id: str, engine: str, lease_s: float, gone: str | None = None) -> int:
    """Gives a run to an engine and returns its new epoch; what older epochs still do is refused from now on.

    Args:
        id: the whole id.
        engine: who takes it, in words that help to find it (host and process).
        lease_s: an engine that was not heard for so many seconds (by the store's clock) is taken for dead.
        gone: an engine that the caller knows to be dead; it is not waited for.

    Raises:
        RunTakenError: another live engine holds it.
        RunError: there is no such run.
    """
    at = now(tx)
    free = or_(
        runs.c.engine.is_(None),
        runs.c.engine.in_([engine, gone or engine]),
        runs.c.heartbeat <= at - lease_s,
    )
    taken = (
        update(runs)
        .where(runs.c.id == id, free)
        .values(epoch=runs.c.epoch + 1, engine=engine, heartbeat=at)
        .returning(runs.c.epoch, runs.c.state)
    )
    found = tx.execute(taken).first()
    if found is None:
        holder = get(tx, id)
        age = at - holder.heartbeat_at.timestamp() if holder.heartbeat_at else 0.0
        raise RunTakenError(
            f"run {id} is held by {holder.engine}, heard {max(age, 0):.0f} s ago; it is left alone "
            f"(an engine not heard for {lease_s:.0f} s counts as dead)"
        )
    log.append_one(tx, id, at, found.state, found.state, f"taken by {engine}, epoch {found.epoch}")
    return int(found.epoch)


def fence(tx: Connection, id: str, epoch: int) -> None:
    """Makes sure that an engine still holds its run, until the end of the transaction.

    Raises:
        RunTakenError: another engine took it.
    """
    query = select(runs.c.epoch, runs.c.engine).where(runs.c.id == id).with_for_update()
    found = tx.execute(query).first()
    if found is None or found.epoch != epoch:
        raise _lost(id, found.engine if found else None)


def heartbeat(tx: Connection, id: str, epoch: int) -> None:
    """Says that the engine of a run lives.

    Raises:
        RunTakenError: another engine took the run.
    """
    fence(tx, id, epoch)
    tx.execute(update(runs).where(runs.c.id == id).values(heartbeat=now(tx)))


def release(tx: Connection, id: str, epoch: int) -> None:
    """Lets go of a run; one that another engine took is left alone."""
    tx.execute(update(runs).where(runs.c.id == id, runs.c.epoch == epoch).values(engine=None, heartbeat=None))


def move(tx: Connection, id: str, epoch: int, to: RunState, reason: str = "", outputs: Json = None) -> bool:
    """Moves a run to another state and says whether it could; ``outputs`` None leaves those there are.

    Raises:
        RunTakenError: another engine took the run.
    """
    fence(tx, id, epoch)
    at = now(tx)
    old = tx.execute(
        select(runs.c.state).where(runs.c.id == id, runs.c.state.in_(sources(RUN_MOVES, to)))
    ).scalar()
    if old is None:
        return False
    values: dict[str, Any] = {"state": to, "reason": plain(reason), "changed": at}
    if outputs is not None:
        values["outputs"] = dump(arrays.put(tx, id, "outputs", outputs))
    tx.execute(update(runs).where(runs.c.id == id, runs.c.epoch == epoch, runs.c.state == old).values(values))
    log.append_one(tx, id, at, old, to, reason)
    return True


def _lost(id: str, engine: str | None) -> RunTakenError:
    who = f"engine {engine}" if engine else "another engine"
    return RunTakenError(f"run {id} was taken by {who} in the meantime; this one leaves it alone")


def _whole(tx: Connection, row: Row[Any]) -> RunRow:
    """Returns a run with its inputs and outputs."""
    found = _row(row)
    inputs = arrays.restored(tx, found.id, "inputs", found.inputs)
    return replace(found, inputs=inputs, outputs=arrays.restored(tx, found.id, "outputs", found.outputs))


def _row(row: Row[Any]) -> RunRow:
    return RunRow(
        id=row.id,
        label=row.label,
        document=row.document,
        identity=row.identity,
        template=row.template,
        version=row.version,
        inputs=load(row.inputs),
        options=load(row.options),
        datasets=load(row.datasets),
        state=RunState(row.state),
        reason=row.reason,
        outputs=load(row.outputs),
        epoch=row.epoch,
        engine=row.engine,
        heartbeat_at=instant_or_none(row.heartbeat),
        created_at=instant(row.created),
        changed_at=instant(row.changed),
    )
