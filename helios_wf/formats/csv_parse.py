"""Bytes of whole CSV rows to a table, by Arrow's parser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helios_wf.formats.rows import RowRule

if TYPE_CHECKING:
    import pyarrow as pa

NULLS = {"null_values": [""], "strings_can_be_null": True, "quoted_strings_can_be_null": False}
"""An empty field without quotes is null, whatever the type; everything else is a value (``nan`` is a NaN)."""


def read_options(names: Sequence[str], size: int, *, use_threads: bool = False) -> Any:
    """Returns Arrow's options to read ``size`` bytes at once (with threads: in several blocks)."""
    import pyarrow.csv as pa_csv

    block = size // 4 + 1 if use_threads and size > 1 << 20 else size + 1
    return pa_csv.ReadOptions(column_names=list(names), use_threads=use_threads, block_size=block)


def parse_options(rule: RowRule, *, quoted: bool, skip_broken: bool = False) -> Any:
    """Returns Arrow's options for a dialect."""
    import pyarrow.csv as pa_csv

    return pa_csv.ParseOptions(
        delimiter=rule.delimiter,
        newlines_in_values=quoted,
        invalid_row_handler=(lambda _: "skip") if skip_broken else None,
    )


class CsvParser:
    """Parses rows of one file: ``names`` are the fields of a row, ``wanted`` the columns to keep."""

    def __init__(
        self, names: Sequence[str], wanted: pa.Schema, rule: RowRule, *, use_threads: bool = False
    ) -> None:
        import pyarrow.csv as pa_csv

        self.names = names
        self.wanted = wanted
        self.rule = rule
        self._threads = use_threads
        # of no columns, Arrow would not tell the number of rows
        kept = wanted.names or list(names[:1])
        self._convert = pa_csv.ConvertOptions(
            column_types=wanted if len(wanted) else None, include_columns=kept, **NULLS
        )

    def parse(self, data: memoryview | bytes, *, quoted: bool) -> pa.Table:
        """Returns the table of some whole rows.

        Raises:
            pyarrow.ArrowInvalid: a row is broken.
        """
        import pyarrow as pa
        import pyarrow.csv as pa_csv

        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=read_options(self.names, len(data), use_threads=self._threads),
            parse_options=parse_options(self.rule, quoted=quoted),
            convert_options=self._convert,
        )
        return table if len(self.wanted) else table.select([])
