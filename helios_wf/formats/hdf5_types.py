"""HDF5 datasets as Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def type_of_dataset(dataset: Any, field: str | None) -> pa.DataType | None:
    """Returns the Arrow type of a dataset (or a field of a compound one); None when Arrow cannot hold it.

    Axes behind the first become lists of fixed size; sequences of variable length become lists.
    """
    import h5py
    import pyarrow as pa

    dtype = dataset.dtype if field is None else dataset.dtype[field]
    shape = dataset.shape[1:] if field is None else dtype.shape
    dtype = dtype.base
    if h5py.check_string_dtype(dtype) is not None:
        found: Any = pa.string()
    elif (inner := h5py.check_vlen_dtype(dtype)) is not None:
        found = pa.list_(pa.from_numpy_dtype(inner))
    else:
        try:
            found = pa.from_numpy_dtype(dtype.newbyteorder("="))
        except (pa.ArrowException, TypeError):
            return None
    for size in reversed(shape):
        found = pa.list_(found, int(size))
    return found


def slice_to_arrow(dataset: Any, field: str | None, low: int, high: int, type_: pa.DataType) -> pa.Array:
    """Returns the events ``[low, high)`` of a column."""
    import numpy as np
    import pyarrow as pa

    values = (dataset if field is None else dataset.fields(field))[low:high]
    inner, sizes = type_, []
    while pa.types.is_fixed_size_list(inner):
        sizes.append(inner.list_size)
        inner = inner.value_type
    flat = values.reshape(-1)
    if pa.types.is_string(inner):
        array = pa.array([_text(value) for value in flat], inner)
    elif pa.types.is_list(inner):
        array = pa.array(list(flat), inner)
    else:
        array = pa.array(np.ascontiguousarray(flat, flat.dtype.newbyteorder("=")), inner)
    for size in reversed(sizes):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
