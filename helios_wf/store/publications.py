"""Publications: where outputs are going, recorded before they are moved."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import Connection, select, update

from helios_wf.store import bulk
from helios_wf.store.rows import Publication
from helios_wf.store.schema import publications

_AT_ONCE = 500

_INTEND = """
    INSERT INTO publications (run, output, position, source, destination, size, checksum, published)
    VALUES (:run, :output, :position, :source, :destination, :size, :checksum, :published)
    ON CONFLICT (run, output, position) DO UPDATE SET source = excluded.source,
        destination = excluded.destination, size = excluded.size, checksum = excluded.checksum
    WHERE NOT publications.published
"""

_PUBLISHED = """
    UPDATE publications SET published = :published, modified = :modified
    WHERE run = :run AND output = :output AND position = :position
"""


def intend(tx: Connection, run: str, intended: Iterable[Publication]) -> None:
    """Records where files are to go; an entry that is published already stays as it is."""
    rows = (
        {
            "run": run,
            "output": one.output,
            "position": one.position,
            "source": one.source,
            "destination": one.destination,
            "size": one.size,
            "checksum": one.checksum,
            "published": False,
        }
        for one in intended
    )
    bulk.many(tx, _INTEND, rows)


def published(tx: Connection, run: str, entries: Iterable[tuple[str, int, int | None]]) -> None:
    """Records that files ``(output, position, time of change in ns)`` are where they were to go."""
    rows = (
        {"run": run, "output": output, "position": position, "published": True, "modified": modified}
        for output, position, modified in entries
    )
    bulk.many(tx, _PUBLISHED, rows)


def withdraw(tx: Connection, run: str) -> None:
    """Records that the files of a run are to be put into place anew."""
    tx.execute(update(publications).where(publications.c.run == run).values(published=False))


def owner(tx: Connection, destination: str) -> str | None:
    """Returns the latest run that was to put a file in a place, None when there is none."""
    query = select(publications.c.run).where(publications.c.destination == destination)
    return tx.execute(query.order_by(publications.c.run.desc()).limit(1)).scalar()


def whereabouts(tx: Connection, sources: Iterable[str]) -> dict[str, Sequence[tuple[str, int]]]:
    """Returns where runs have published what lay in these places, the latest run first.

    Each place comes with the time of change (ns) of what was put there: something else may be there by now.
    """
    c = publications.c
    found: dict[str, Sequence[tuple[str, int]]] = {}
    wanted = iter(sources)
    while chunk := builtins.list(islice(wanted, _AT_ONCE)):
        query = select(c.source, c.destination, c.modified).where(
            c.source.in_(chunk), c.published, c.modified.is_not(None)
        )
        for source, destination, modified in tx.execute(query.order_by(c.run.desc())):
            found[source] = (*found.get(source, ()), (destination, modified))
    return found


def list(tx: Connection, run: str) -> Sequence[Publication]:
    """Returns the publications of a run by output and position."""
    query = (
        select(publications)
        .where(publications.c.run == run)
        .order_by(publications.c.output, publications.c.position)
    )
    return [
        Publication(
            output=row.output,
            position=row.position,
            source=row.source,
            destination=row.destination,
            size=row.size,
            checksum=row.checksum,
            published=bool(row.published),
        )
        for row in tx.execute(query)
    ]
