"""CSV and TSV files: a header, then a row per event; quoted fields may hold newlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from helios_wf.errors import FileFormatError
from helios_wf.formats.columns import columns_of, picked, with_types
from helios_wf.formats.csv_head import read_head
from helios_wf.formats.csv_parse import CsvParser
from helios_wf.formats.csv_types import inferred_schema
from helios_wf.formats.names import Format
from helios_wf.formats.row_faults import csv_fault, file_line, first_bad_row
from helios_wf.formats.rows import Block, RowRule
from helios_wf.formats.text_source import TextRows
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing


def rule_of(made: Format) -> RowRule:
    """Returns how the rows of ``csv`` or ``tsv`` are cut."""
    return RowRule(quoted=True, delimiter="\t" if made.name == "tsv" else ",")


def open_source(path: str, made: Format, opening: Opening) -> CsvFile:
    """Opens a CSV file; its types come from its first rows and hold for every range."""
    return CsvFile(path, made, opening)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a CSV file; see ``csv_write``."""
    from helios_wf.formats.csv_write import write_csv

    return write_csv(path, rule_of(made), schema, batches, writing.place)


class CsvFile:
    """An open CSV file."""

    def __init__(self, path: str, made: Format, opening: Opening) -> None:
        self._path = path
        self._format = made.name
        self._rule = rule_of(made)
        self._head = read_head(path, self._rule)
        self.schema = with_types(inferred_schema(self._head, self._rule), opening.types, path)
        for name in opening.dictionaries:
            self.schema = _as_dictionary(self.schema, name)
        self.rows = TextRows(
            path,
            made.name,
            self._rule,
            offset=self._head.offset,
            row_bytes=self._head.row_bytes,
            index=opening.index,
        )

    def layout(self) -> Layout:
        """Returns the layout; counts the rows by a scan unless an index was given."""
        return Layout(
            format=self._format,
            n_events=self.rows.index().n_events,
            columns=columns_of(self.schema),
            seekable=not self.rows.source.compressed,
            counted_by="scan",
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted rows."""
        schema = picked(self.schema, wanted.columns)
        parser = CsvParser(self._head.names, schema, self._rule, use_threads=wanted.use_threads)

        def parse(data: memoryview, block: Block, low: int) -> pa.Table:
            return self._parsed(parser, data, block, low)

        return self.rows.tables(wanted, parse)

    def close(self) -> None:
        """Closes the file."""
        self.rows.source.close()

    def _parsed(self, parser: CsvParser, data: memoryview, block: Block, low: int) -> pa.Table:
        import pyarrow as pa

        try:
            table = parser.parse(data, quoted=block.has_quotes)
        except pa.ArrowInvalid as error:
            raise self._fault(parser, data, block, low, str(error)) from None
        if block.buffer.find(b"\r", low, low + len(data)) >= 0:
            part = Block(bytearray(data), len(data), 0, self._rule, block.has_quotes)
            if part.count() != table.num_rows:
                raise self._lone_return(data, block, low)
        return table

    def _fault(
        self, parser: CsvParser, data: memoryview, block: Block, low: int, said: str
    ) -> FileFormatError:
        part = Block(bytearray(data), len(data), 0, self._rule, block.has_quotes)
        start, row = first_bad_row(part, lambda rows: parser.parse(rows, quoted=block.has_quotes))
        line = file_line(self._path, block.offset + low + start)
        return csv_fault(self._path, line, row, parser, said)

    def _lone_return(self, data: memoryview, block: Block, low: int) -> FileFormatError:
        text = bytes(data)
        place = next(i for i, c in enumerate(text) if c == 13 and text[i + 1 : i + 2] != b"\n")
        line = file_line(self._path, block.offset + low + place)
        return FileFormatError(
            f"{self._path}: line {line}: a carriage return without a newline; lines end with a newline, "
            "or with both"
        )


def _as_dictionary(schema: pa.Schema, name: str) -> pa.Schema:
    import pyarrow as pa

    at = schema.get_field_index(name)
    if at < 0 or not pa.types.is_string(schema.field(at).type):
        return schema
    return schema.set(at, schema.field(at).with_type(pa.dictionary(pa.int32(), pa.string())))
