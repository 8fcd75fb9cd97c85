"""Probe and read any file of events."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from helios_wf.errors import EventFileError, FileFormatError
from helios_wf.formats.batches import BATCH_EVENTS, Batches
from helios_wf.formats.columns import Types, chosen, picked
from helios_wf.formats.names import TABLES, TEXT, Format, format_named
from helios_wf.formats.port import FormatModule, Opening, Source, Wanted
from helios_wf.formats.recognition import resolved
from helios_wf.formats.row_index import RowIndex
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.filters import Node

Path = str | os.PathLike[str]


def module_of(made: Format) -> FormatModule:
    """Returns the module that reads and writes a format."""
    return cast(FormatModule, importlib.import_module(f"helios_wf.formats.{made.module}"))


def open_source(path: Path, format: str | None = None, opening: Opening | None = None) -> Source:
    """Opens a file of events in its format.

    Raises:
        EventFileError: the file cannot be used; the subclass and message say why.
        MissingExtraError: its format needs a package that is not installed.
    """
    made = format_named(resolved(path, format))
    return module_of(made).open_source(str(path), made, opening or Opening())


def check_table(path: Path, table: str | None) -> None:
    """Makes sure that a table may be asked for in a file; whoever only opens it does not mind.

    Raises:
        EventFileError: its format has no named tables, or the file cannot be used.
    """
    if table is None:
        return
    made = format_named(resolved(path, None))
    if made.name not in TABLES:
        raise FileFormatError(
            f"{path}: has no table {table!r}: its format is {made.words}, without named tables; "
            "leave the table out"
        )


def probe(
    path: Path,
    *,
    table: str | None = None,
    format: str | None = None,
    types: Types | None = None,
    index: RowIndex | None = None,
) -> Layout:
    """Returns the number of events of a file, its columns, clusters and table.

    By metadata only, where the format has any; text is scanned once (at about 3 GB/s), unless ``index`` is
    given.

    Raises:
        EventFileError: the file cannot be used; the subclass and message say why.
        MissingExtraError: its format needs a package that is not installed.
    """
    source = open_source(path, format, Opening(table=table, types=types, index=index))
    try:
        return source.layout()
    finally:
        source.close()


def survey(
    path: Path, *, table: str | None = None, format: str | None = None, types: Types | None = None
) -> tuple[Layout, RowIndex | None]:
    """Returns the layout of a file, and its row index when it is text, by the same scan.

    Raises:
        EventFileError: as ``probe``.
    """
    source = open_source(path, format, Opening(table=table, types=types))
    try:
        layout = source.layout()
        rows = getattr(source, "rows", None)
        return layout, rows.index() if layout.format in TEXT and rows is not None else None
    finally:
        source.close()


def first_fault(path: Path, layout: Layout) -> str | None:
    """Returns what a quick look finds wrong inside a file that could be probed; None where it finds nothing.

    It finds CSV rows with another number of fields than the header; values are looked at when they are read.

    Raises:
        EventFileError: as ``probe``.
    """
    if layout.format not in ("csv", "tsv"):
        return None
    from helios_wf.formats.csv_ragged import first_ragged_row

    return first_ragged_row(str(path), layout.format)


def build_index(path: Path, *, format: str | None = None) -> RowIndex | None:
    """Returns the row index of a text file, or None for a format that needs none.

    Raises:
        EventFileError: as ``probe``.
    """
    return survey(path, format=format)[1] if resolved(path, format) in TEXT else None


def read(
    path: Path,
    first: int = 0,
    stop: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    filter: str | Node | None = None,
    table: str | None = None,
    batch_events: int = BATCH_EVENTS,
    format: str | None = None,
    types: Types | None = None,
    index: RowIndex | None = None,
    dictionaries: Sequence[str] = (),
    use_threads: bool = False,
    xp: Any = None,
) -> Batches:
    """Returns the events ``[first, stop)`` of a file, as batches of at most ``batch_events``.

    Positions count before ``filter``, which keeps the events it holds for; it may name columns that are not
    in ``columns``.  A ``stop`` behind the end is the end.  ``dictionaries`` names text columns that are
    wanted dictionary-encoded, which is quicker to count (CSV and Parquet; others give text).
    ``xp`` is a module such as CuPy to compute the filter with, where it can be (``filter_device``).
    Memory is bounded whatever the file's size.

    Raises:
        EventFileError: the file cannot be used; a broken row is found when its batch is asked for.
        FilterError: the filter names an unknown column, or compares what does not compare.
        MissingExtraError: the format needs a package that is not installed.
    """
    if first < 0 or (stop is not None and stop < first):
        raise EventFileError(f"{path}: no event range [{first}, {stop}); give 0 <= first <= stop")
    source = open_source(path, format, Opening(table, types, index, tuple(dictionaries)))
    try:
        names = chosen(source.schema, columns, path)
        schema = picked(source.schema, names)
        wanted = Wanted(first, stop, names, max(batch_events, 1), use_threads)
        if filter is None:
            return Batches(schema, source.batches(wanted), source.close)
        return Batches(schema, _filtered(source, wanted, filter, path, xp), source.close)
    except BaseException:
        source.close()
        raise


def _filtered(
    source: Source, wanted: Wanted, filter: str | Node, path: Path, xp: Any
) -> Iterator[pa.RecordBatch]:
    from helios_wf.formats.filtering import Condition

    condition = Condition(filter, source.schema, path, xp)
    names = [*wanted.columns, *(name for name in condition.columns if name not in wanted.columns)]
    widened = Wanted(
        wanted.first, wanted.stop, names, wanted.batch_events, wanted.use_threads, condition.node
    )

    def kept() -> Iterator[pa.RecordBatch]:
        for batch in source.batches(widened):
            left = condition.kept(batch)
            if left.num_rows:
                yield left.select(list(wanted.columns))

    return kept()
