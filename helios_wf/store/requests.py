"""What other processes ask of the engine that holds a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sqlalchemy import Connection, insert, select, update

from helios_wf.model import Json
from helios_wf.store.clock import now
from helios_wf.store.codec import dump_or_none, instant, load
from helios_wf.store.rows import Request
from helios_wf.store.schema import requests

Verb: TypeAlias = Literal["cancel", "pause", "resume", "retry"]


def put(tx: Connection, run: str, verb: Verb, arguments: Json = None) -> None:
    """Leaves a request for the engine of a run."""
    row = {"run": run, "verb": verb, "arguments": dump_or_none(arguments), "at": now(tx)}
    tx.execute(insert(requests).values(row))


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
