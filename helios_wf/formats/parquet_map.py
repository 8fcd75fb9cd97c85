"""Event maps in Parquet, for many payloads: rows of ``table``, ``event`` and ``payload``.

The rows of a table stand together, its events numbered from 0 in order, so that a range of events is a range
of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from helios_wf.errors import FileFormatError, NoEventsError, did_you_mean
from helios_wf.formats.columns import columns_of
from helios_wf.formats.opening import several_tables
from helios_wf.formats.port import Wanted
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.parquet import ParquetFile

COLUMNS = frozenset({"table", "event", "payload"})
"""A Parquet file with exactly these columns is an event map."""

BATCH_ROWS = 65_536


class Rows(NamedTuple):
    """The rows ``[first, stop)`` of the file in which a table stands."""

    first: int
    stop: int


class ParquetMap:
    """One table of an event map; its columns are ``event`` and ``payload``.

    Raises:
        FileFormatError: a table has a hole, an event twice or another base than 0, or its rows are scattered;
            names the row, counted from 1.
        NoEventsError: there is no such table.
    """

    def __init__(self, path: str, file: ParquetFile, table: str | None) -> None:
        import pyarrow as pa

        self._path = path
        self._file = file
        self._check_types()
        self.schema = pa.schema([file.schema.field(name) for name in ("event", "payload")])
        tables = self._tables()
        self.table = _chosen(path, tables, table)
        self._rows = tables[self.table]

    def layout(self) -> Layout:
        """Returns the layout; row groups are clusters."""
        first, stop = self._rows
        inside = [bound - first for bound in self._file.layout().clusters if first < bound < stop]
        return Layout(
            format="parquet",
            n_events=stop - first,
            columns=columns_of(self.schema),
            clusters=(0, *inside, stop - first) if stop > first else (),
            table=self.table,
            counted_by="scan",
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted payloads."""
        first, stop = self._rows
        end = stop if wanted.stop is None else min(first + wanted.stop, stop)
        return self._file.batches(replace(wanted, first=min(first + wanted.first, end), stop=end))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _check_types(self) -> None:
        import pyarrow as pa

        kinds = {"table": pa.types.is_string, "event": pa.types.is_integer}
        for name, fits in kinds.items():
            kind = self._file.schema.field(name).type
            if not fits(kind):
                wanted = "text" if name == "table" else "whole numbers"
                raise FileFormatError(
                    f"{self._path}: the column {name!r} of an event map holds {wanted}, not {kind}"
                )

    def _tables(self) -> dict[str, Rows]:
        """Returns where each table stands."""
        found: dict[str, Rows] = {}
        name, row = None, 0
        for batch in self._file.batches(Wanted(0, None, ("table", "event"), BATCH_ROWS)):
            events: Sequence[Any] = batch.column("event").to_pylist()
            for table, event in zip(batch.column("table").to_pylist(), events, strict=True):
                if table != name:
                    self._begin(found, table, row)
                    name = table
                first = found[table].first
                if event != row - first:
                    raise self._fault(table, event, row - first, row)
                row += 1
                found[table] = Rows(first, row)
        return found

    def _begin(self, found: dict[str, Rows], table: str | None, row: int) -> None:
        if table is None:
            raise FileFormatError(f"{self._path}: row {row + 1} names no table")
        if table in found:
            raise FileFormatError(
                f"{self._path}: row {row + 1}: {table!r} goes on after another table; its rows stand together"
            )
        found[table] = Rows(row, row)

    def _fault(self, table: str, event: int | None, wanted: int, row: int) -> FileFormatError:
        """Returns what is wrong with a row whose event has another number than it should."""
        if event is None:
            text = f"event {wanted} has no number"
        elif wanted == 0:
            text = f"its events start at {event}; they are numbered from 0"
        elif event < wanted:
            text = f"event {event} stands twice, or behind a later one; number each event once, in order"
        else:
            text = f"event {wanted} is missing before event {event}"
        return FileFormatError(f"{self._path}: row {row + 1}: {table!r}: {text}")


def _chosen(path: str, tables: dict[str, Rows], table: str | None) -> str:
    if not tables:
        raise NoEventsError(f"{path}: is an event map without rows")
    if table is None:
        if len(tables) == 1:
            return next(iter(tables))
        raise several_tables(path, tables)
    if table not in tables:
        raise NoEventsError(f"{path}: has no table {table!r}{did_you_mean(table, tables)}")
    return table
