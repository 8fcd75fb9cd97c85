"""Events written to HDF5: a group with a dataset for each column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from helios_wf.errors import FileFormatError
from helios_wf.formats.batches import rebatched

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Writing

_CHUNK_EVENTS = 16_384


def write_hdf5(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing) -> int:
    """Writes events and returns their number; chunks have at most 16,384 events.

    Raises:
        FileFormatError: a column has a type that a dataset does not hold, or a null.
    """
    import h5py

    count = 0
    chunk = min(writing.cluster_events, _CHUNK_EVENTS)
    with h5py.File(writing.place, "w", libver="v110", track_order=True) as file:
        group = file if writing.table in ("", "/") else file.create_group(writing.table, track_order=True)
        datasets = {field.name: _dataset(path, group, field, chunk) for field in schema}
        for batch in rebatched(batches, chunk * max(1, writing.cluster_events // chunk)):
            for name, dataset in datasets.items():
                dataset.resize(count + batch.num_rows, axis=0)
                _append(dataset, count, _values(path, name, batch.column(name)))
            count += batch.num_rows
    return count


def _dataset(path: str, group: Any, field: pa.Field, chunk: int) -> Any:
    import h5py
    import pyarrow as pa

    if "/" in field.name:
        raise FileFormatError(
            f"{path}: column {field.name!r}: a dataset's name has no '/'; rename the column"
        )
    type_, shape = _values_of(field.type), []
    while pa.types.is_fixed_size_list(type_):
        shape.append(type_.list_size)
        type_ = type_.value_type
    if pa.types.is_string(type_) and not shape:
        dtype: Any = h5py.string_dtype()
    elif pa.types.is_list(type_) and _is_number(type_.value_type) and not shape:
        dtype = h5py.vlen_dtype(type_.value_type.to_pandas_dtype())
    elif _is_number(type_):
        dtype = type_.to_pandas_dtype()
    else:
        raise FileFormatError(
            f"{path}: column {field.name!r} is {field.type}, which an HDF5 dataset does not hold; it holds "
            "numbers, booleans, text and lists of numbers: leave the column out, or write Parquet"
        )
    return group.create_dataset(
        field.name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(chunk, *shape), compression="gzip",
        compression_opts=1, shuffle=True,
    )  # fmt: skip


def _append(dataset: Any, start: int, values: Any) -> None:
    import h5py

    if values.dtype != object or h5py.check_vlen_dtype(dataset.dtype) is None:
        dataset[start:] = values
        return
    # h5py's own assignment takes lists that all have one length for one list of two dimensions
    space = dataset.id.get_space()
    space.select_hyperslab((start,), (len(values),))
    typed = h5py.h5t.py_create(dataset.dtype)
    dataset.id.write(h5py.h5s.create_simple((len(values),)), space, values.astype(dataset.dtype), typed)


def _is_number(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_))


def _values_of(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    type_ = type_.value_type if pa.types.is_dictionary(type_) else type_
    return pa.string() if pa.types.is_large_string(type_) else type_


def _values(path: str, name: str, column: pa.Array) -> Any:
    import numpy as np
    import pyarrow as pa

    if column.null_count:
        raise FileFormatError(
            f"{path}: column {name!r} has a null, which HDF5 cannot hold; leave such events out "
            f"(filter: {name} is not null), or write Parquet"
        )
    column, shape = column.cast(_values_of(column.type)), [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    if pa.types.is_list(column.type):
        values = np.empty(len(column), object)
        for place, item in enumerate(column):
            values[place] = np.ascontiguousarray(item.values.to_numpy(zero_copy_only=False))
        return values
    return column.to_numpy(zero_copy_only=False).reshape(shape)
