"""Parquet files: a row is an event, a row group a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError
from helios_wf.formats.batches import rebatched, trimmed
from helios_wf.formats.columns import columns_of
from helios_wf.formats.names import Format
from helios_wf.formats.opening import file_size, unreadable
from helios_wf.formats.parquet_map import COLUMNS, ParquetMap
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_BUFFER_BYTES = 1 << 20


def open_source(path: str, made: Format, opening: Opening) -> ParquetFile | ParquetMap:
    """Opens a Parquet file by its footer; one that is an event map, by its numbers too."""
    file = ParquetFile(path, opening)
    return ParquetMap(path, file, opening.table) if set(file.schema.names) == COLUMNS else file


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a Parquet file with row groups of ``cluster_events`` and returns the number of events."""
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(writing.place, schema, compression="zstd") as writer:
        for batch in rebatched(batches, writing.cluster_events):
            writer.write_batch(batch, row_group_size=writing.cluster_events)
            count += batch.num_rows
    return count


class ParquetFile:
    """An open Parquet file."""

    def __init__(self, path: str, opening: Opening) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = path
        self.table = opening.table
        _check_end(path)
        try:
            # without pre-buffering and with small buffers, no row group is ever in memory as a whole
            self._file = pq.ParquetFile(
                path, pre_buffer=False, buffer_size=_BUFFER_BYTES, read_dictionary=list(opening.dictionaries)
            )
        except (pa.ArrowException, OSError) as error:
            raise _broken(path, error) from None
        self.schema = self._file.schema_arrow.remove_metadata()
        groups = self._file.metadata
        self._bounds = [
            0,
            *accumulate(groups.row_group(place).num_rows for place in range(groups.num_row_groups)),
        ]

    def layout(self) -> Layout:
        """Returns the layout, from the footer."""
        return Layout(
            format="parquet",
            n_events=self._bounds[-1],
            columns=columns_of(self.schema),
            clusters=tuple(dict.fromkeys(self._bounds)) if self._bounds[-1] else (),
            table=self.table,
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted events; row groups whose statistics rule the condition out are not read."""
        stop = self._bounds[-1] if wanted.stop is None else min(wanted.stop, self._bounds[-1])
        return trimmed(self._positioned(wanted, stop), wanted.first, stop, wanted.batch_events)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _positioned(self, wanted: Wanted, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa

        for group, (low, high) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
            if high <= wanted.first or low >= stop or low == high or self._ruled_out(group, wanted):
                continue
            position = low
            try:
                for batch in self._read(group, wanted):
                    yield position, batch
                    position += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                raise _broken(self._path, error) from None

    def _read(self, group: int, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        schema = pa.schema([self.schema.field(name) for name in wanted.columns])
        found: Iterable[pa.RecordBatch] = self._file.iter_batches(
            batch_size=wanted.batch_events,
            row_groups=[group],
            columns=list(wanted.columns),
            use_threads=wanted.use_threads,
        )
        for batch in found:
            yield _fitted(batch, schema)

    def _ruled_out(self, group: int, wanted: Wanted) -> bool:
        if wanted.condition is None:
            return False
        from helios_wf.formats.pushdown import ruled_out

        return ruled_out(wanted.condition, _statistics(self._file.metadata.row_group(group)))


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    batch = batch.select(schema.names)
    return batch if batch.schema == schema else batch.replace_schema_metadata(None).cast(schema)


def _statistics(group: Any) -> dict[str, tuple[Any, Any]]:
    """Returns the smallest and largest value of each flat column that has them."""
    found: dict[str, tuple[Any, Any]] = {}
    for place in range(group.num_columns):
        column = group.column(place)
        statistics = column.statistics
        if statistics is not None and statistics.has_min_max and "." not in column.path_in_schema:
            found[column.path_in_schema] = (statistics.min, statistics.max)
    return found


def _check_end(path: str) -> None:
    """Checks the magic bytes at the end, which a file that was cut does not have."""
    size = file_size(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(max(size - 4, 0))
            end = file.read(4)
    except OSError as error:
        raise unreadable(path, error) from None
    if end == b"PARE":
        raise FileFormatError(f"{path}: is an encrypted Parquet file; give one that is not encrypted")
    if size < 12 or end != b"PAR1":
        raise FileTruncatedError(
            f"{path}: ends with {end!r} after {size} bytes, a Parquet file ends with b'PAR1': "
            "copy the file again"
        )


def _broken(path: str, error: Exception) -> EventFileError:
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(path, error)
    return FileFormatError(f"{path}: is broken inside: {error}; copy the file again")
