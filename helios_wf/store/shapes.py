"""Stored shapes: how many elements there are below a prefix of an index path, fixed once they are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, select, update

from helios_wf.errors import StoreError
from helios_wf.model import Json
from helios_wf.store import bulk, paths
from helios_wf.store.codec import dump, load
from helios_wf.store.schema import shapes

_PUT = """
    INSERT INTO shapes (run, domain, prefix, payload) VALUES (:run, :domain, :prefix, :payload)
    ON CONFLICT (run, domain, prefix) DO UPDATE SET payload = excluded.payload
    WHERE shapes.payload = excluded.payload
"""


def put(tx: Connection, run: str, domain: int, prefix: str, payload: Json) -> None:
    """Fixes a shape; the same once more is accepted.

    Raises:
        StoreError: another one was fixed before.
    """
    put_many(tx, run, [(domain, prefix, payload)])


def put_many(tx: Connection, run: str, rows: Sequence[tuple[int, str, Json]]) -> None:
    """Fixes many shapes ``(domain, prefix, payload)`` at once.

    Raises:
        StoreError: another one was fixed before for one of them.
    """
    values = [
        {"run": run, "domain": domain, "prefix": paths.key(prefix), "payload": dump(payload)}
        for domain, prefix, payload in rows
    ]
    for (domain, prefix, payload), kept in zip(rows, bulk.changed(tx, _PUT, values), strict=True):
        if not kept:
            raise StoreError(
                f"run {run}: the shape of domain {domain} at {prefix or 'its root'!r} is fixed and differs "
                f"from {dump(payload)[:200]}; did an input change under an unfinished run?"
            )


def change(tx: Connection, run: str, domain: int, prefix: str, payload: Json) -> None:
    """Replaces a shape: event ranges that failed are marked, and their halves stand at its end."""
    tx.execute(
        update(shapes)
        .where(shapes.c.run == run, shapes.c.domain == domain, shapes.c.prefix == paths.key(prefix))
        .values(payload=dump(payload))
    )


def forget(tx: Connection, run: str, chosen: Iterable[tuple[int, str]]) -> None:
    """Forgets shapes ``(domain, prefix)``: what they follow from is made anew."""
    bulk.many(
        tx,
        "DELETE FROM shapes WHERE run = :run AND domain = :domain AND prefix = :prefix",
        [{"run": run, "domain": domain, "prefix": paths.key(prefix)} for domain, prefix in chosen],
    )


def all(tx: Connection, run: str) -> Iterator[tuple[int, str, Json]]:
    """Yields ``(domain, prefix, payload)`` of all shapes of a run, prefixes in numeric order."""
    query = (
        select(shapes.c.domain, shapes.c.prefix, shapes.c.payload)
        .where(shapes.c.run == run)
        .order_by(shapes.c.domain, shapes.c.prefix)
    )
    for domain, prefix, payload in tx.execute(query):
        yield domain, paths.path(prefix), load(payload)
