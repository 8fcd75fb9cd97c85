"""Merge files of events into one, in order, streaming."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from helios_wf.errors import FileFormatError, NoEventsError
from helios_wf.formats.columns import Types, difference
from helios_wf.formats.names import TEXT
from helios_wf.formats.opening import BLOCK_BYTES, ByteSource, not_written
from helios_wf.formats.port import Opening
from helios_wf.formats.recognition import resolved
from helios_wf.formats.whole import whole_file
from helios_wf.formats.writing import CLUSTER_EVENTS, writable, write

if TYPE_CHECKING:
    import pyarrow as pa

AnyPath = str | os.PathLike[str]


def merge(
    paths: Sequence[AnyPath],
    out: AnyPath,
    *,
    format: str | None = None,
    table: str | None = None,
    types: Types | None = None,
    cluster_events: int = CLUSTER_EVENTS,
) -> None:
    """Merges files with the same columns into a new one, events in the order of ``paths``.

    Text of one format is merged byte by byte: a CSV header stands once, a missing newline at a file's end is
    added where another file follows.  Everything else is read and written in batches, so files may also
    change format; ``table`` and ``types`` are as for ``read``.

    Raises:
        NoEventsError: there is nothing to merge.
        FileFormatError: a file has other columns than the first; names both.
    """
    if not paths:
        raise NoEventsError(f"{out}: nothing to merge; give at least one file of events")
    target = str(out)
    if any(Path(path).exists() and Path(target).exists() and Path(path).samefile(target) for path in paths):
        raise FileFormatError(f"{target}: is one of the files to merge; give the merged file another name")
    made = writable(target, format)
    formats = [resolved(path, None) for path in paths]
    if made.name in TEXT and set(formats) == {made.name} and not types:
        _merge_text([str(path) for path in paths], target, made.name)
        return
    _merge_batches(paths, target, made.name, Opening(table, types), cluster_events)


def _merge_batches(
    paths: Sequence[AnyPath], out: str, format: str, opening: Opening, cluster_events: int
) -> None:
    from helios_wf.formats.reading import open_source, read

    schema: pa.Schema | None = None
    found = opening.table
    for path in paths:
        source = open_source(path, None, opening)
        found = found or getattr(source, "table", None)
        its = source.schema
        source.close()
        differs = difference(schema, its) if schema is not None else None
        if differs:
            raise FileFormatError(f"{path}: {differs} ({paths[0]})")
        schema = its if schema is None else _without_nulls(schema, its)
    assert schema is not None

    def batches() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with read(path, table=opening.table, types=opening.types) as its:
                yield from its

    write(out, batches(), schema, format=format, table=found or "events", cluster_events=cluster_events)


def _without_nulls(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    """Returns the first schema, its columns without any value with the types of the second."""
    for place, field in enumerate(other):
        if str(one.field(place).type) == "null":
            one = one.set(place, field)
    return one


def _merge_text(paths: Sequence[str], out: str, format: str) -> None:
    from helios_wf.formats.csv_write import text_output

    starts = _header_ends(paths, format) if format in ("csv", "tsv") else [0] * len(paths)
    try:
        with whole_file(out) as place, text_output(place) as file:
            ended = True
            for path, start in zip(paths, starts, strict=True):
                ended = _append(path, start, file, ended)
    except OSError as error:
        raise not_written(out, error) from None


def _header_ends(paths: Sequence[str], format: str) -> list[int]:
    """Returns where in each CSV file to start: the first from its header on, the others behind it."""
    from helios_wf.formats.csv_head import read_head
    from helios_wf.formats.csv_read import rule_of
    from helios_wf.formats.names import FORMATS

    heads = [read_head(path, rule_of(FORMATS[format])) for path in paths]
    for path, its in zip(paths, heads, strict=True):
        if its.names != heads[0].names:
            raise FileFormatError(
                f"{path}: has the columns {', '.join(its.names)}; "
                f"the first file has {', '.join(heads[0].names)} ({paths[0]})"
            )
    return [0, *(its.offset for its in heads[1:])]


def _append(path: str, start: int, out: BinaryIO, ended: bool) -> bool:
    """Copies a file's bytes from an offset on; returns whether the output now ends with a newline."""
    buffer, between = bytearray(BLOCK_BYTES), b"" if ended else b"\n"
    with ByteSource(path) as source:
        source.seek(start)
        while size := source.fill(memoryview(buffer)):
            out.write(between)
            out.write(memoryview(buffer)[:size])
            between, ended = b"", buffer[size - 1] == 10
    return ended
