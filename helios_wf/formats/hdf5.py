"""HDF5 files: the events are axis 0 of datasets of equal length in a group, or of one compound dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError, NoEventsError, did_you_mean
from helios_wf.formats.columns import columns_of, picked
from helios_wf.formats.names import Format, missing_extra
from helios_wf.formats.opening import file_size, several_tables, unreadable
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_STEP_BYTES = 64 << 20
_SUPERBLOCK_BYTES = 48


def open_source(path: str, made: Format, opening: Opening) -> Hdf5Table:
    """Opens a table of an HDF5 file."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise missing_extra(made, path) from None
    return Hdf5Table(path, opening.table)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a group of datasets; see ``hdf5_write``."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise missing_extra(made, path) from None
    from helios_wf.formats.hdf5_write import write_hdf5

    return write_hdf5(path, schema, batches, writing)


class Hdf5Table:
    """An open table of an HDF5 file."""

    def __init__(self, path: str, table: str | None) -> None:
        import h5py
        import pyarrow as pa

        from helios_wf.formats.hdf5_types import type_of_dataset

        self._path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise _broken(path, error) from None
        try:
            self.table, self._columns = _chosen(path, self._file, table)
        except BaseException:
            self._file.close()
            raise
        types = {name: type_of_dataset(dataset, field) for name, (dataset, field) in self._columns.items()}
        self.schema = pa.schema([(name, type_) for name, type_ in types.items() if type_ is not None])
        self.n_events = next((len(dataset) for dataset, _ in self._columns.values()), 0)

    def layout(self) -> Layout:
        """Returns the layout; clusters are the chunks that all columns share."""
        sizes = {dataset.chunks[0] if dataset.chunks else None for dataset, _ in self._columns.values()}
        chunk = sizes.pop() if len(sizes) == 1 else None
        return Layout(
            format="hdf5",
            n_events=self.n_events,
            columns=columns_of(self.schema),
            clusters=(*range(0, self.n_events, chunk), self.n_events) if chunk and self.n_events else (),
            table=self.table,
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted events."""
        import pyarrow as pa

        schema = picked(self.schema, wanted.columns)
        stop = self.n_events if wanted.stop is None else min(wanted.stop, self.n_events)
        step = self._step(wanted)
        for low in range(wanted.first, stop, step):
            high = min(low + step, stop)
            if schema.names:
                yield pa.record_batch([self._column(name, low, high) for name in schema.names], schema=schema)
            else:
                yield pa.record_batch([pa.nulls(high - low)], names=["_"]).select([])

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _step(self, wanted: Wanted) -> int:
        row_bytes = 1.0
        for name in wanted.columns:
            dataset, _ = self._columns[name]
            row_bytes += dataset.dtype.itemsize * dataset.size / max(self.n_events, 1)
        return max(1, min(wanted.batch_events, int(_STEP_BYTES / row_bytes)))

    def _column(self, name: str, low: int, high: int) -> pa.Array:
        from helios_wf.formats.hdf5_types import slice_to_arrow

        dataset, field = self._columns[name]
        try:
            return slice_to_arrow(dataset, field, low, high, self.schema.field(name).type)
        except OSError as error:
            raise _broken(self._path, error) from None
        except (UnicodeDecodeError, ValueError) as error:
            raise FileFormatError(f"{self._path}: {name!r}, events [{low}, {high}): {error}") from None


Columns = dict[str, tuple[Any, str | None]]
"""By name: a dataset, and the field of it when it is compound."""


def _chosen(path: str, file: Any, table: str | None) -> tuple[str, Columns]:
    if table is not None:
        found = _columns_at(path, file, table.strip("/") or "/")
        if not found:
            tables = _tables(file)
            hint = did_you_mean(table, tables) or "; it has none"
            raise NoEventsError(f"{path}: {table!r} is no table of events{hint}")
        return table, found
    tables = _tables(file)
    if not tables:
        held = ", ".join(file) or "nothing"
        raise NoEventsError(f"{path}: has no dataset with an event axis; it holds {held:.300}")
    if len(tables) > 1:
        raise several_tables(path, tables)
    return tables[0], _columns_at(path, file, tables[0])


def _tables(file: Any) -> list[str]:
    """Returns the groups with datasets of equal length, and the compound datasets, by their paths."""
    found: list[str] = []

    def visit(name: str, its: Any) -> None:
        if _is_compound(its):
            found.append(name)
        elif _is_group(its) and _equal_lengths(its):
            found.append(name or "/")

    visit("", file)
    file.visititems(visit)
    return found


def _columns_at(path: str, file: Any, table: str) -> Columns:
    its = file if table == "/" else file.get(table)
    if its is None:
        return {}
    if _is_compound(its):
        return {name: (its, name) for name in its.dtype.names}
    if not _is_group(its):
        return {table.rpartition("/")[2]: (its, None)} if len(its.shape or ()) else {}
    datasets = _flat_datasets(its)
    lengths = {len(dataset) for dataset in datasets.values()}
    if len(lengths) > 1:
        given = ", ".join(f"{name}: {len(dataset)}" for name, dataset in datasets.items())
        raise FileFormatError(
            f"{path}: the datasets of {table!r} have different lengths ({given:.200}); choose one dataset "
            "with table, or a group whose datasets have one length"
        )
    return {name: (dataset, None) for name, dataset in datasets.items()}


def _is_group(its: Any) -> bool:
    return hasattr(its, "visititems")


def _is_compound(its: Any) -> bool:
    return not _is_group(its) and its.dtype.names is not None and len(its.shape or ()) == 1


def _flat_datasets(group: Any) -> dict[str, Any]:
    return {
        name: its
        for name, its in group.items()
        if not _is_group(its)
        and hasattr(its, "shape")
        and len(its.shape or ()) >= 1
        and its.dtype.names is None
    }


def _equal_lengths(group: Any) -> bool:
    return len({len(dataset) for dataset in _flat_datasets(group).values()}) == 1


def _broken(path: str, error: OSError) -> EventFileError:
    text = str(error)
    if (
        file_size(path) < _SUPERBLOCK_BYTES
        or "truncated file" in text
        or "unable to load superblock" in text
        or "eof" in text.lower()
    ):
        return FileTruncatedError(f"{path}: ends too early ({text:.200}); copy the file again")
    if error.errno is not None:
        return unreadable(path, error)
    return FileFormatError(f"{path}: h5py cannot read it ({text:.200}); copy the file again")
