"""Arrow IPC files and streams: a row is an event, a record batch a cluster."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError
from helios_wf.formats.batches import rebatched, trimmed
from helios_wf.formats.columns import columns_of, picked
from helios_wf.formats.ipc_walk import record_batches
from helios_wf.formats.names import Format
from helios_wf.formats.opening import file_size, unreadable
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_MAPPED_BYTES = 64 << 20


def open_source(path: str, made: Format, opening: Opening) -> ArrowBatches:
    """Opens an Arrow file or stream."""
    return ArrowBatches(path, made.name)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes record batches of ``cluster_events`` and returns the number of events."""
    import pyarrow.ipc as ipc

    count = 0
    new = ipc.new_file if made.name == "arrow" else ipc.new_stream
    # unified dictionaries would need all batches at once: the values themselves are written
    plain = _decoded_schema(schema)
    with new(writing.place, plain) as writer:
        for batch in rebatched(batches, writing.cluster_events):
            writer.write_batch(batch if batch.schema == plain else batch.cast(plain))
            count += batch.num_rows
    return count


class ArrowBatches:
    """An open Arrow file or stream."""

    def __init__(self, path: str, format: str) -> None:
        import pyarrow as pa

        self._path = path
        self._format = format
        start, end = (8, _footer_start(path)) if format == "arrow" else (0, file_size(path))
        try:
            with self._reader(pa.OSFile(path), []) as reader:
                self.schema = reader.schema.remove_metadata()
            with Path(path).open("rb") as file:
                self._messages = record_batches(file, start, end, path)
        except (pa.ArrowException, OSError) as error:
            raise _broken(path, error) from None

    def layout(self) -> Layout:
        """Returns the layout, from the headers of all record batches."""
        bounds = [0, *accumulate(message.rows for message in self._messages)]
        return Layout(
            format=self._format,
            n_events=bounds[-1],
            columns=columns_of(self.schema),
            clusters=tuple(dict.fromkeys(bounds)) if bounds[-1] else (),
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted events."""
        stop = 2**63 if wanted.stop is None else wanted.stop
        schema = picked(self.schema, wanted.columns)
        for batch in trimmed(self._positioned(wanted, stop), wanted.first, stop, wanted.batch_events):
            batch = batch.select(schema.names)
            yield batch if batch.schema == schema else batch.replace_schema_metadata(None)

    def close(self) -> None:
        """Does nothing: the file is open only while it is read."""

    def _positioned(self, wanted: Wanted, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa

        places = sorted(self.schema.get_field_index(name) for name in wanted.columns)
        position = 0
        try:
            with self._source() as source, self._reader(source, places or [0]) as reader:
                for place, message in enumerate(self._messages):
                    needed = position < stop and position + message.rows > wanted.first
                    if self._format == "arrows":
                        # a stream is read in its order
                        batch = reader.read_next_batch()
                        if needed:
                            yield position, batch
                    elif needed:
                        yield position, reader.get_batch(place)
                    position += message.rows
                    if position >= stop:
                        return
        except (pa.ArrowException, OSError) as error:
            raise _broken(self._path, error) from None

    def _source(self) -> Any:
        """Opens the file; one with huge batches is mapped, so that they need not fit into memory."""
        import pyarrow as pa

        huge = any(message.body > _MAPPED_BYTES for message in self._messages)
        return pa.memory_map(self._path) if huge else pa.OSFile(self._path)

    def _reader(self, source: Any, fields: list[int]) -> Any:
        import pyarrow.ipc as ipc

        options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        return (ipc.open_file if self._format == "arrow" else ipc.open_stream)(source, options=options)


def _decoded_schema(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
    )


def _footer_start(path: str) -> int:
    """Returns where the footer of a file starts; behind it are its length and the magic bytes."""
    size = file_size(path)
    try:
        with Path(path).open("rb") as file:
            file.seek(max(size - 10, 0))
            end = file.read(10)
    except OSError as error:
        raise unreadable(path, error) from None
    if size < 18 or not end.endswith(b"ARROW1"):
        raise FileTruncatedError(
            f"{path}: ends with {end[-6:]!r} after {size} bytes, an Arrow file ends with b'ARROW1': "
            "copy the file again"
        )
    return max(8, size - 10 - int(struct.unpack_from("<i", end)[0]))


def _broken(path: str, error: Exception) -> EventFileError:
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(path, error)
    if "Expected to be able to read" in text or "end" in text.lower() or "Expected to read" in text:
        return FileTruncatedError(f"{path}: ends too early ({text}); copy the file again")
    return FileFormatError(f"{path}: is broken inside: {text}; copy the file again")
