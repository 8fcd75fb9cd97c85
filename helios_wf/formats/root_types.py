"""The Arrow types of ROOT's columns, by way of awkward forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def type_of_form(form: Any) -> pa.DataType | None:
    """Returns the Arrow type of an awkward form, or None when Arrow's columns cannot hold it."""
    import awkward as ak
    import pyarrow as pa

    match form:
        case ak.forms.NumpyForm():
            return _of_numpy(form)
        case ak.forms.ListOffsetForm() | ak.forms.ListForm():
            text = {"string": pa.string(), "bytestring": pa.binary()}.get(form.parameter("__array__"))
            inner = None if text is not None else type_of_form(form.content)
            return text if inner is None else pa.list_(inner)
        case ak.forms.RegularForm():
            inner = type_of_form(form.content)
            return None if inner is None else pa.list_(inner, form.size)
        case ak.forms.RecordForm():
            return _of_record(form)
        case ak.forms.UnionForm() | ak.forms.EmptyForm():
            return None
        case _:
            # options and indexed forms: any Arrow column may hold nulls
            return type_of_form(form.content) if hasattr(form, "content") else None


def _of_numpy(form: Any) -> pa.DataType | None:
    import numpy as np
    import pyarrow as pa

    try:
        found = pa.from_numpy_dtype(np.dtype(form.primitive))
    except (TypeError, pa.ArrowException):
        return None
    for size in reversed(form.inner_shape):
        found = pa.list_(found, size)
    return found


def _of_record(form: Any) -> pa.DataType | None:
    import pyarrow as pa

    inner = [(name, type_of_form(content)) for name, content in zip(form.fields, form.contents, strict=True)]
    known = [(name, its) for name, its in inner if its is not None]
    return pa.struct(known) if len(known) == len(inner) else None


def holds_nothing(type_: pa.DataType) -> bool:
    """Says whether a column is a structure without members (or lists of such)."""
    import pyarrow as pa

    while pa.types.is_list(type_):
        type_ = type_.value_type
    return bool(pa.types.is_struct(type_)) and type_.num_fields == 0


def to_arrow(array: Any, type_: pa.DataType) -> pa.Array:
    """Returns a NumPy or awkward array as an Arrow array of a type."""
    import awkward as ak
    import numpy as np
    import pyarrow as pa

    if isinstance(array, np.ndarray) and array.ndim == 1:
        return pa.array(array, type_)
    made = ak.to_arrow(array, list_to32=True, string_to32=True, bytestring_to32=True, extensionarray=False)
    if isinstance(made, pa.ChunkedArray):
        made = made.combine_chunks()
    return made if made.type == type_ else made.cast(type_)
