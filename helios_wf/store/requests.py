"""What other processes ask of the engine that holds a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sqlalchemy import Connection, delete, insert, select, update

from helios_wf.model import Json
from helios_wf.store.clock import now
from helios_wf.store.codec import dump, dump_or_none, instant, load
from helios_wf.store.rows import Request
from helios_wf.store.schema import requests

Verb: TypeAlias = Literal["cancel", "pause", "resume", "retry", "explain"]


def put(tx: Connection, run: str, verb: Verb, arguments: Json = None) -> int:
    """Leaves a request for the engine of a run and returns its number."""
    row = {"run": run, "verb": verb, "arguments": dump_or_none(arguments), "at": now(tx)}
    return int(tx.execute(insert(requests).values(row).returning(requests.c.id)).scalar_one())


def answer(tx: Connection, id: int, value: Json) -> None:
    """Answers a request that asks for something."""
    tx.execute(update(requests).where(requests.c.id == id).values(answer=dump(value)))


def answered(tx: Connection, id: int) -> Json:
    """Returns the answer to a request, None while there is none."""
    return load(tx.execute(select(requests.c.answer).where(requests.c.id == id)).scalar())


def forget(tx: Connection, id: int) -> None:
    """Forgets a request, whatever became of it."""
    tx.execute(delete(requests).where(requests.c.id == id))


def pending(tx: Connection, run: str) -> bool:
    """Says whether a run has requests that no engine took."""
    query = select(requests.c.id).where(requests.c.run == run, requests.c.taken.is_(None)).limit(1)
    return tx.execute(query).first() is not None


def take(tx: Connection, run: str) -> Sequence[Request]:
    """Takes all open requests of a run, oldest first; each is given out once."""
    taken = (
        update(requests)
        .where(requests.c.run == run, requests.c.taken.is_(None))
        .values(taken=now(tx))
        .returning(requests.c.id, requests.c.verb, requests.c.arguments, requests.c.at)
    )
    found = [
        Request(id=row.id, verb=row.verb, arguments=load(row.arguments), at=instant(row.at))
        for row in tx.execute(taken)
    ]
    return sorted(found, key=lambda request: request.id)
