"""The types of a CSV file's columns, from its first rows: the same for every range of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helios_wf.formats.csv_head import CsvHead
from helios_wf.formats.csv_parse import NULLS, parse_options, read_options
from helios_wf.formats.rows import RowRule

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_ROWS = 100
"""So many rows say what a column is: numbers, text, times."""

_INTEGER = r"^[+-]?[0-9]+$"
_NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^[+-]?(nan|inf|infinity)$"


def inferred_schema(head: CsvHead, rule: RowRule) -> pa.Schema:
    """Returns the schema that the head of a file suggests.

    The first 100 rows say what a column is; the rest of the first MiB may widen it (integers to ``double``,
    nothing to anything), but numbers never become text: what does not fit is found, with its line, when
    it is read.  A column without a value is ``string``, or ``null`` when the file ends there.  Times get
    nanoseconds, so that a later fraction of a second fits.
    """
    import pyarrow as pa

    unknown = pa.null() if head.complete else pa.string()
    if not head.n_sample:
        return pa.schema([(name, unknown) for name in head.names])
    table = _table(head, head.sample, rule)
    first = _table(head, head.sample, rule, rows=FIRST_ROWS)
    fields = []
    for name in head.names:
        column, start = table.column(name), first.column(name).type
        settled = _settled(column.type, unknown)
        broken = pa.types.is_string(settled) and not (pa.types.is_null(start) or _is_text(start))
        fields.append((name, _mended(column, start) if broken else settled))
    return pa.schema(fields)


def _table(head: CsvHead, data: bytes, rule: RowRule, rows: int | None = None) -> pa.Table:
    """Returns the sample (or its first rows) with Arrow's types; rows of another length are left out."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    from helios_wf.formats.rows import Block

    quoted = b'"' in data
    if rows is not None and rows < head.n_sample:
        starts = Block(bytearray(data), len(data), 0, rule, quoted).starts()
        data = data[: int(starts[rows])]
    return pa_csv.read_csv(
        pa.BufferReader(data),
        read_options=read_options(head.names, len(data)),
        parse_options=parse_options(rule, quoted=quoted, skip_broken=True),
        convert_options=pa_csv.ConvertOptions(**NULLS),
    )


def _mended(column: Any, start: pa.DataType) -> pa.DataType:
    """Returns the type of a column that has broken values, by those that are not broken."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_integer(start) and _is_text(column.type)):
        return _settled(start, start)
    text = column.cast(pa.binary())
    whole, number = (pc.match_substring_regex(text, pattern) for pattern in (_INTEGER, _NUMBER))
    fractions = pc.any(pc.and_not(number, whole)).as_py()
    return pa.float64() if fractions else start


def _is_text(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(type_) or pa.types.is_binary(type_))


def _settled(type_: pa.DataType, unknown: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_null(type_):
        return unknown
    if pa.types.is_binary(type_):
        return pa.string()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("ns", type_.tz)
    return type_
