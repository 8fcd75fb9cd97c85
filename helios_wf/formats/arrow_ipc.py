"""Arrow IPC files and streams: a row is an event, a record batch a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError
from helios_wf.formats.batches import rebatched, trimmed
from helios_wf.formats.columns import columns_of, picked
from helios_wf.formats.names import Format
from helios_wf.formats.opening import file_size, unreadable
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing


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
    with new(path, plain) as writer:
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
        if format == "arrow":
            _check_end(path)
        try:
            with self._reader(None) as reader:
                self.schema = reader.schema.remove_metadata()
        except (pa.ArrowException, OSError) as error:
            raise _broken(path, error) from None
        self._counted: list[int] | None = None

    def layout(self) -> Layout:
        """Returns the layout, from the headers of all record batches."""
        bounds = [0, *accumulate(self._counts())]
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

        counts = self._counts() if self._format == "arrow" and wanted.first else None
        places = sorted(self.schema.get_field_index(name) for name in wanted.columns)
        position = 0
        try:
            with self._reader(places or [0]) as reader:
                if counts is None:
                    for batch in _all_batches(reader):
                        yield position, batch
                        position += batch.num_rows
                    return
                for place, rows in enumerate(counts):
                    if position < stop and position + rows > wanted.first:
                        yield position, reader.get_batch(place)
                    position += rows
        except (pa.ArrowException, OSError) as error:
            raise _broken(self._path, error) from None

    def _counts(self) -> list[int]:
        """Returns the number of rows of each batch; of a memory-mapped file only the headers are touched."""
        import pyarrow as pa

        if self._counted is None:
            try:
                with pa.memory_map(self._path) as mapped, self._reader([0], mapped) as reader:
                    self._counted = [batch.num_rows for batch in _all_batches(reader)]
            except (pa.ArrowException, OSError) as error:
                raise _broken(self._path, error) from None
        return self._counted

    def _reader(self, fields: list[int] | None, source: Any = None) -> Any:
        import pyarrow as pa
        import pyarrow.ipc as ipc

        options = ipc.IpcReadOptions(included_fields=fields or [], use_threads=False)
        opened = ipc.open_file if self._format == "arrow" else ipc.open_stream
        return opened(pa.OSFile(self._path) if source is None else source, options=options)


def _all_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(reader, "num_record_batches"):
        for place in range(reader.num_record_batches):
            yield reader.get_batch(place)
    else:
        yield from reader


def _decoded_schema(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
    )


def _check_end(path: str) -> None:
    size = file_size(path)
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(max(size - 6, 0))
        end = file.read(6)
    if end != b"ARROW1" or size < 16:
        raise FileTruncatedError(
            f"{path}: ends with {end!r} after {size} bytes, an Arrow file ends with b'ARROW1': "
            "copy the file again"
        )


def _broken(path: str, error: Exception) -> EventFileError:
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(path, error)
    if "Expected to be able to read" in text or "end" in text.lower() or "Expected to read" in text:
        return FileTruncatedError(f"{path}: ends too early ({text}); copy the file again")
    return FileFormatError(f"{path}: is broken inside: {text}; copy the file again")
