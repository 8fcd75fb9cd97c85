"""Events written as CSV, so that the bytes do not depend on how the events came in batches."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from helios_wf.errors import FileFormatError
from helios_wf.formats.rows import RowRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


def write_csv(
    path: str, rule: RowRule, schema: pa.Schema, batches: Iterable[pa.RecordBatch], place: str
) -> int:
    """Writes a header and a row per event to ``place``; returns the number of events.

    Null is an empty field, empty text is ``""``; text is quoted only where it must be; a floating-point
    number always has a point or an exponent, so that it is read as one.

    Raises:
        FileFormatError: a column holds lists or structures, or the only column holds a null.
    """
    import pyarrow as pa

    if not schema.names:
        raise FileFormatError(f"{path}: a CSV file has at least one column; none is given")
    for field in schema:
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            raise FileFormatError(
                f"{path}: column {field.name!r} is {field.type}; CSV holds numbers, text and times: "
                "leave the column out, or write JSON lines or Parquet"
            )
    count = 0
    with text_output(place) as out:
        header = [_quoted(pa.array([name], pa.large_string()), rule)[0].as_py() for name in schema.names]
        out.write((rule.delimiter.join(header) + "\n").encode())
        for batch in batches:
            if batch.num_rows:
                out.write(_rows(path, batch, rule))
                count += batch.num_rows
    return count


@contextmanager
def text_output(path: str) -> Iterator[BinaryIO]:
    """Opens a text file to be written, gzipped (without a time stamp) when its name ends in ``.gz``."""
    with Path(path).open("wb") as file:
        if not path.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            yield cast(BinaryIO, packed)


def _rows(path: str, batch: pa.RecordBatch, rule: RowRule) -> memoryview:
    import pyarrow as pa

    if batch.num_columns == 1 and batch.column(0).null_count:
        raise FileFormatError(
            f"{path}: the only column, {batch.schema.names[0]!r}, has a null, which would be an empty line; "
            "write JSON lines or Parquet"
        )
    columns = [_text(column, rule) for column in batch.columns]
    columns[-1] = _joined(columns[-1], pa.scalar("\n", pa.large_string()))
    return _bytes_of(_joined(*columns, separator=rule.delimiter))


def _joined(*texts: Any, separator: str = "") -> pa.LargeStringArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*texts, pa.scalar(separator, pa.large_string()))


def _bytes_of(rows: pa.LargeStringArray) -> memoryview:
    """Returns the text of an array without nulls, joined; nothing is copied."""
    import numpy as np

    _, offsets, data = rows.buffers()
    ends = np.frombuffer(offsets, np.int64)
    start, stop = ends[rows.offset], ends[rows.offset + len(rows)]
    return memoryview(data)[start:stop]


def _text(column: pa.Array, rule: RowRule) -> pa.Array:
    """Returns a column as the text of its fields, null as nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = _quoted(column.cast(pa.large_string()), rule)
    else:
        text = column.cast(pa.large_string())
        if pa.types.is_floating(column.type):
            whole = pc.match_substring_regex(text, r"^-?[0-9]+$")
            text = pc.if_else(whole, _joined(text, pa.scalar(".0", pa.large_string())), text)
    return pc.fill_null(text, "")


def _quoted(column: pa.Array, rule: RowRule) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    odd = pc.match_substring_regex(column, rf'["\r\n{rule.delimiter}]|^$')
    if not pc.any(odd).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    quote = pa.scalar('"', column.type)
    return pc.if_else(odd, _joined(quote, doubled, quote), column)
