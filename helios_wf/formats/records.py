"""Tables that are no events: rows of plain values into a Parquet file or an Arrow table, in batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from helios_wf.formats.writing import write
from helios_wf.model import Json

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 10_000


def write_records(
    path: str | os.PathLike[str], columns: Mapping[str, type], records: Iterable[Sequence[Json]]
) -> int:
    """Writes rows to a new Parquet file, and returns their number; one batch is in memory at a time.

    Args:
        path: the file; what was there before is replaced when all is written.
        columns: the type of each column: ``str``, ``int``, ``float`` or ``datetime``; every one may hold
            None.
        records: the rows, each with a value for each column in order.

    Raises:
        EventFileError: the file cannot be written.
    """
    schema = _schema(columns)
    return write(path, _batches(schema, records), schema, format="parquet")


def record_table(columns: Mapping[str, type], records: Iterable[Sequence[Json]]) -> pa.Table:
    """Returns the same rows as an Arrow table, in memory."""
    import pyarrow as pa

    schema = _schema(columns)
    return pa.Table.from_batches(_batches(schema, records), schema)


def _schema(columns: Mapping[str, type]) -> pa.Schema:
    import pyarrow as pa

    instant = pa.timestamp("ms", tz="UTC")
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), datetime: instant}
    return pa.schema([(name, kinds[kind]) for name, kind in columns.items()])


def _batches(schema: pa.Schema, records: Iterable[Sequence[Json]]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    rows = iter(records)
    while batch := list(islice(rows, BATCH_ROWS)):
        columns = zip(*batch, strict=True)
        yield pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
            schema=schema,
        )
