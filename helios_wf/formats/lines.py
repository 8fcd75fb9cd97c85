"""Lines of text: a line is an event, its text the column ``line``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from helios_wf.errors import FileFormatError
from helios_wf.formats.columns import columns_of
from helios_wf.formats.names import Format
from helios_wf.formats.opening import ByteSource
from helios_wf.formats.row_faults import file_line
from helios_wf.formats.rows import LINES, Block, blocks
from helios_wf.formats.text_source import TextRows
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_HEAD_BYTES = 64 << 10


def open_source(path: str, made: Format, opening: Opening) -> LinesFile:
    """Opens a file of lines."""
    return LinesFile(path, opening)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a line per event and returns their number; the one column must be text without newlines."""
    import pyarrow as pa

    from helios_wf.formats.csv_write import text_output

    if len(schema) != 1 or not pa.types.is_string(schema.field(0).type):
        given = ", ".join(f"{field.name}: {field.type}" for field in schema)
        raise FileFormatError(
            f"{path}: lines of text have one column of text, not {given}; write CSV or JSON lines"
        )
    count = 0
    with text_output(writing.place) as out:
        for batch in batches:
            texts = batch.column(0).to_pylist()
            bad = next((text for text in texts if text is None or "\n" in text), "")
            if bad != "":
                raise FileFormatError(f"{path}: {bad!r:.80} is no line of text; write CSV or JSON lines")
            out.write("".join(f"{text}\n" for text in texts).encode())
            count += batch.num_rows
    return count


class LinesFile:
    """An open file of lines."""

    def __init__(self, path: str, opening: Opening) -> None:
        import pyarrow as pa

        self._path = path
        self.schema = pa.schema([("line", pa.string())])
        with ByteSource(path) as source:
            block = next(blocks(source, LINES, block_bytes=_HEAD_BYTES), None)
        row_bytes = block.size / max(block.count(), 1) if block else 1.0
        self.rows = TextRows(path, "lines", LINES, row_bytes=row_bytes, index=opening.index)

    def layout(self) -> Layout:
        """Returns the layout; counts the lines by a scan unless an index was given."""
        return Layout(
            format="lines",
            n_events=self.rows.index().n_events,
            columns=columns_of(self.schema),
            seekable=not self.rows.source.compressed,
            counted_by="scan",
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted lines."""

        def parse(data: memoryview, block: Block, low: int) -> pa.Table:
            return self._parsed(data, block.offset + low).select(list(wanted.columns))

        return self.rows.tables(wanted, parse)

    def close(self) -> None:
        """Closes the file."""
        self.rows.source.close()

    def _parsed(self, data: memoryview, offset: int) -> pa.Table:
        import pyarrow as pa

        array = _lines(np.frombuffer(data, np.uint8))
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise self._fault(bytes(data), offset) from None
        return pa.table([array], self.schema)

    def _fault(self, data: bytes, offset: int) -> FileFormatError:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = file_line(self._path, offset + error.start)
            given = data[error.start : error.start + 1]
            return FileFormatError(f"{self._path}: line {line}: the byte {given!r} is not UTF-8 text")
        return FileFormatError(f"{self._path}: near byte {offset}: not UTF-8 text")


def _lines(data: np.ndarray) -> pa.Array:
    """Returns the lines of some bytes, without the newlines (and carriage returns) that end them."""
    import pyarrow as pa

    newlines = data == 10
    dropped = newlines.copy()
    dropped[:-1] |= newlines[1:] & (data[:-1] == 13)
    kept = np.cumsum(~dropped, dtype=np.int32)
    ends = kept[newlines]
    if not newlines[-1]:
        ends = np.append(ends, kept[-1])
    offsets = np.concatenate([np.zeros(1, np.int32), ends]).astype(np.int32)
    text = np.ascontiguousarray(data[~dropped])
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))
