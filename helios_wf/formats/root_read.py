"""ROOT files: TTree and RNTuple, read by uproot; an entry is an event."""

from __future__ import annotations

import struct
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError, NoEventsError, did_you_mean
from helios_wf.formats.columns import columns_of, picked
from helios_wf.formats.names import Format, missing_extra
from helios_wf.formats.opening import file_size, head, several_tables, unreadable
from helios_wf.formats.root_tables import (
    NTUPLE_CLASSES,
    TREE_CLASSES,
    NtupleColumns,
    RootColumns,
    TreeColumns,
)
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_STEP_BYTES = 64 << 20
"""About so much memory the columns of one step may take."""


def open_source(path: str, made: Format, opening: Opening) -> RootTable:
    """Opens a table of a ROOT file."""
    try:
        import awkward  # noqa: F401
        import uproot  # noqa: F401
    except ImportError:
        raise missing_extra(made, path) from None
    return RootTable(path, opening.table)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a TTree, or an RNTuple; see ``root_write``."""
    try:
        import awkward  # noqa: F401
        import uproot  # noqa: F401
    except ImportError:
        raise missing_extra(made, path) from None
    from helios_wf.formats.root_write import write_root

    return write_root(path, made.name, schema, batches, writing)


class RootTable:
    """An open table of a ROOT file.

    Columns that uproot cannot read are left out of ``schema`` and named in ``left_out``.
    """

    def __init__(self, path: str, table: str | None) -> None:
        import pyarrow as pa
        import uproot

        _check_length(path)
        self._path = path
        try:
            self._file = uproot.open(path)
        except Exception as error:
            raise _broken(path, error) from None
        try:
            self.table, found = _chosen(path, self._file, table)
            self._columns: RootColumns = found
        except EventFileError:
            self._file.close()
            raise
        except Exception as error:
            self._file.close()
            raise _broken(path, error) from None
        self.left_out = found.left_out
        self.schema = pa.schema(list(found.types.items()))
        if self.left_out:
            warnings.warn(
                f"{path}: {self.table}: {len(self.left_out)} columns cannot be read and are left out: "
                f"{', '.join(self.left_out):.300}",
                stacklevel=2,
            )

    def layout(self) -> Layout:
        """Returns the layout, from the metadata of the table."""
        n_events = self._columns.n_events
        return Layout(
            format="root",
            n_events=n_events,
            columns=columns_of(self.schema),
            clusters=self._columns.clusters() if n_events else (),
            table=self.table,
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted events in steps that end with a cluster where that fits."""
        import pyarrow as pa

        schema = picked(self.schema, wanted.columns)
        n_events = self._columns.n_events
        stop = n_events if wanted.stop is None else min(wanted.stop, n_events)
        for low, high in self._steps(wanted, stop):
            if schema.names:
                yield pa.record_batch([self._column(name, low, high) for name in schema.names], schema=schema)
            else:
                yield pa.record_batch([pa.nulls(high - low)], names=["_"]).select([])

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _steps(self, wanted: Wanted, stop: int) -> Iterator[tuple[int, int]]:
        event_bytes = sum(self._columns.event_bytes(name) for name in wanted.columns)
        longest = max(1, min(wanted.batch_events, int(_STEP_BYTES / max(event_bytes, 1.0))))
        clusters = self._columns.clusters()
        low = wanted.first
        while low < stop:
            high = min(low + longest, stop)
            cluster = clusters[bisect_right(clusters, high) - 1]
            if low < cluster < high < stop:
                high = cluster
            yield low, high
            low = high

    def _column(self, name: str, low: int, high: int) -> pa.Array:
        try:
            return self._columns.column(name, low, high)
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise unreadable(self._path, error) from None
            raise FileFormatError(
                f"{self._path}: {self.table}: column {name!r}, events [{low}, {high}), cannot be read: "
                f"{_said(error)}; leave the column out, or check the file"
            ) from None


def _chosen(path: str, file: Any, table: str | None) -> tuple[str, RootColumns]:
    classes: dict[str, str] = file.classnames(recursive=True, cycle=False)
    tables = {name: its for name, its in classes.items() if its in TREE_CLASSES | NTUPLE_CLASSES}
    if not tables:
        held = ", ".join(f"{name} ({its})" for name, its in classes.items()) or "nothing"
        raise NoEventsError(f"{path}: has no TTree or RNTuple; it holds {held:.300}")
    if table is None:
        if len(tables) > 1:
            raise several_tables(path, tables)
        table = next(iter(tables))
    name = table.partition(";")[0]
    if name not in tables:
        raise NoEventsError(f"{path}: has no table {table!r}{did_you_mean(name, tables)}")
    found = file[table]
    return table, TreeColumns(found) if tables[name] in TREE_CLASSES else NtupleColumns(found)


def _check_length(path: str) -> None:
    """Compares the file's size with the end that its header tells.

    Source: ROOT I/O, TFile header: "root", version, fBEGIN, fEND (64 bits from version 1000000 on).
    """
    start, size = head(path, 32), file_size(path)
    if len(start) < 32:
        raise FileTruncatedError(f"{path}: has {size} bytes, less than a ROOT header: copy the file again")
    version = struct.unpack(">i", start[4:8])[0]
    end = (
        struct.unpack(">q", start[12:20])[0] if version >= 1_000_000 else struct.unpack(">i", start[12:16])[0]
    )
    if size < end:
        raise FileTruncatedError(f"{path}: has {size} bytes, its header says {end}: copy the file again")


def _broken(path: str, error: Exception) -> EventFileError:
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(path, error)
    return FileFormatError(
        f"{path}: uproot cannot read it ({_said(error)}); copy the file again, or check it with ROOT"
    )


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]:.200}"
