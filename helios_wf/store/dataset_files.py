"""The files of datasets; the columns that many files share are kept once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from helios_wf.errors import DatasetError
from helios_wf.model import Column, EventFile, Layout, digest
from helios_wf.store import bulk
from helios_wf.store.codec import dump, load
from helios_wf.store.schema import column_sets, dataset_files

_COLUMNS = "INSERT INTO column_sets (digest, columns) VALUES (:digest, :columns) ON CONFLICT DO NOTHING"

_APPEND = """
    INSERT INTO dataset_files (dataset, position, path, size, checksum, format, n_events, table_name,
        seekable, counted_by, clusters, columns)
    VALUES (:dataset, :position, :path, :size, :checksum, :format, :n_events, :table_name, :seekable,
        :counted_by, :clusters, :columns)
    ON CONFLICT (dataset, path) DO NOTHING
"""

_NO_LAYOUT: dict[str, Any] = {
    "format": None,
    "n_events": None,
    "table_name": None,
    "seekable": None,
    "counted_by": None,
    "clusters": None,
    "columns": None,
}


def append(tx: Connection, dataset: int, name: str, files: Sequence[EventFile]) -> None:
    """Appends files to the dataset of that number, behind those it has.

    Raises:
        DatasetError: a path occurs twice.
    """
    last = select(func.max(dataset_files.c.position)).where(dataset_files.c.dataset == dataset)
    found = tx.execute(last).scalar()
    start = 0 if found is None else found + 1
    kept: dict[tuple[Column, ...], str] = {}
    rows = []
    for position, file in enumerate(files, start):
        row = {"dataset": dataset, "position": position, "path": file.path, "size": file.size}
        rows.append(row | {"checksum": file.checksum} | _layout_values(tx, file.layout, kept))
    new = bulk.changed(tx, _APPEND, rows)
    twice = [file.path for file, flag in zip(files, new, strict=True) if not flag]
    if twice:
        more = f" and {len(twice) - 5} more" if len(twice) > 5 else ""
        raise DatasetError(f"dataset {name!r} would hold a file twice: {', '.join(twice[:5])}{more}")


def read(tx: Connection, dataset: int) -> tuple[EventFile, ...]:
    """Returns the files of the dataset of that number, in order."""
    this = dataset_files.c.dataset == dataset
    used = select(dataset_files.c.columns).where(this).distinct()
    sets = {
        row.digest: msgspec.json.decode(row.columns, type=tuple[Column, ...])
        for row in tx.execute(select(column_sets).where(column_sets.c.digest.in_(used)))
    }
    query = select(dataset_files).where(this).order_by(dataset_files.c.position)
    return tuple(
        EventFile(path=row.path, size=row.size, checksum=row.checksum, layout=_layout(row, sets))
        for row in tx.execute(query)
    )


def _layout_values(
    tx: Connection, layout: Layout | None, kept: dict[tuple[Column, ...], str]
) -> dict[str, Any]:
    if layout is None:
        return _NO_LAYOUT
    if layout.columns not in kept:
        kept[layout.columns] = digest(msgspec.to_builtins(layout.columns))
        row = {"digest": kept[layout.columns], "columns": dump(layout.columns)}
        bulk.many(tx, _COLUMNS, [row])
    return {
        "format": layout.format,
        "n_events": layout.n_events,
        "table_name": layout.table,
        "seekable": layout.seekable,
        "counted_by": layout.counted_by,
        "clusters": dump(layout.clusters) if layout.clusters else None,
        "columns": kept[layout.columns],
    }


def _layout(row: Any, sets: dict[str, tuple[Column, ...]]) -> Layout | None:
    if row.format is None:
        return None
    return Layout(
        format=row.format,
        n_events=row.n_events,
        columns=sets[row.columns],
        clusters=tuple(load(row.clusters) or ()),
        table=row.table_name,
        seekable=row.seekable,
        counted_by=row.counted_by,
    )
