"""JSON lines: an object per event, its members the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from helios_wf.errors import FileFormatError
from helios_wf.formats.columns import columns_of, picked, type_named
from helios_wf.formats.names import Format
from helios_wf.formats.opening import ByteSource
from helios_wf.formats.row_faults import file_line, first_bad_row
from helios_wf.formats.rows import JSON_LINES, Block, blocks
from helios_wf.formats.text_source import TextRows
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.columns import Types
    from helios_wf.formats.port import Opening, Wanted, Writing

HEAD_BYTES = 1 << 20


def open_source(path: str, made: Format, opening: Opening) -> JsonLinesFile:
    """Opens a file of JSON lines; its columns are those of the first MiB, for every range."""
    return JsonLinesFile(path, opening)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes an object per event and returns the number of events; NaN and infinities become null."""
    import msgspec

    from helios_wf.formats.csv_write import text_output

    encoder, count = msgspec.json.Encoder(), 0
    with text_output(writing.place) as out:
        for batch in batches:
            out.write(encoder.encode_lines(batch.to_pylist()))
            count += batch.num_rows
    return count


class JsonLinesFile:
    """An open file of JSON lines."""

    def __init__(self, path: str, opening: Opening) -> None:
        self._path = path
        with ByteSource(path) as source:
            block = next(blocks(source, JSON_LINES, block_bytes=HEAD_BYTES), None)
        self.schema = _with_types(self._inferred(block), opening.types)
        row_bytes = block.size / max(block.count(), 1) if block else 1.0
        self.rows = TextRows(path, "jsonl", JSON_LINES, row_bytes=row_bytes, index=opening.index)

    def layout(self) -> Layout:
        """Returns the layout; counts the rows by a scan unless an index was given."""
        return Layout(
            format="jsonl",
            n_events=self.rows.index().n_events,
            columns=columns_of(self.schema),
            seekable=not self.rows.source.compressed,
            counted_by="scan",
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted rows; a member that the head does not have is an error when all are wanted."""
        schema = picked(self.schema, wanted.columns)
        surplus = "error" if len(schema) == len(self.schema) else "ignore"

        def parse(data: memoryview, block: Block, low: int) -> pa.Table:
            import pyarrow as pa

            try:
                return _parse(data, schema, surplus, wanted.use_threads)
            except pa.ArrowInvalid as error:
                raise self._fault(data, block.offset + low, schema, surplus, str(error)) from None

        return self.rows.tables(wanted, parse)

    def close(self) -> None:
        """Closes the file."""
        self.rows.source.close()

    def _inferred(self, block: Block | None) -> pa.Schema:
        import pyarrow as pa

        if block is None or not block.count():
            return pa.schema([])
        data = memoryview(block.buffer)[: block.size]
        try:
            found = _parse(data, None, "infer").schema
        except pa.ArrowInvalid as error:
            raise self._fault(data, 0, None, "infer", str(error)) from None
        return pa.schema([pa.field(field.name, _settled(field.type)) for field in found])

    def _fault(
        self, data: memoryview, offset: int, schema: pa.Schema | None, surplus: str, said: str
    ) -> FileFormatError:
        part = Block(bytearray(data), len(data), 0, JSON_LINES, False)
        start, row = first_bad_row(part, lambda rows: _parse(rows, schema, surplus))
        try:
            _parse(row, schema, surplus)
        except Exception as error:
            said = str(error)
        line = file_line(self._path, offset + start)
        said = said.removeprefix("JSON parse error: ").replace(" in row 0", "")
        hint = (
            "; the first MiB has no such member: give its type, on the shell --type NAME=TYPE"
            if "unexpected field" in said
            else ""
        )
        return FileFormatError(
            f"{self._path}: line {line}: {said}{hint}: {row.decode('utf-8', 'replace')!r:.120}"
        )


def _parse(
    data: memoryview | bytes, schema: pa.Schema | None, surplus: str, use_threads: bool = False
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.json as pa_json

    block = len(data) // 4 + 1 if use_threads and len(data) > 1 << 20 else len(data) + 1
    table = pa_json.read_json(
        pa.BufferReader(data),
        read_options=pa_json.ReadOptions(use_threads=use_threads, block_size=block),
        parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=surplus),
    )
    return table if schema is None else table.select(schema.names)


def _settled(type_: Any) -> Any:
    """Returns a type in which later values fit too: text that looks like a time stays text."""
    import pyarrow as pa

    if pa.types.is_timestamp(type_) or pa.types.is_null(type_):
        return pa.string()
    if pa.types.is_list(type_):
        return pa.list_(_settled(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _settled(field.type)) for field in type_])
    return type_


def _with_types(schema: pa.Schema, types: Types | None) -> pa.Schema:
    """Returns a schema with the given types; a column that the head does not have is added."""
    import pyarrow as pa

    for name, words in (types or {}).items():
        field, at = pa.field(name, type_named(words)), schema.get_field_index(name)
        schema = schema.append(field) if at < 0 else schema.set(at, field)
    return schema
