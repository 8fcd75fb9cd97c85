"""Events written to ROOT files, as a TTree or an RNTuple, the same bytes for the same events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from helios_wf.errors import FileFormatError
from helios_wf.formats.batches import rebatched
from helios_wf.formats.root_stamp import without_times
from helios_wf.model import digest

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Writing


def write_root(
    path: str, format: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a ROOT file with one table and returns the number of events.

    ``format`` is ``root`` for a TTree, ``rntuple`` for an RNTuple.  Lists in a TTree get a branch with their
    lengths, ``n`` and the column's name, as uproot writes them.

    Raises:
        FileFormatError: the table cannot hold a column's type, or a column has a null.
    """
    import uproot

    count = 0
    # without times and with an identity of its own, equal events give equal files
    identity = uuid.UUID(digest([writing.table, str(schema)])[:32])
    with without_times(), uproot.recreate(writing.place, uuid_function=lambda: identity) as file:
        table = (
            _Tree(path, file, schema, writing) if format == "root" else _Ntuple(path, file, schema, writing)
        )
        for batch in rebatched(batches, writing.cluster_events):
            _check_nulls(path, batch)
            table.extend(batch)
            count += batch.num_rows
    return count


class _Tree:
    def __init__(self, path: str, file: Any, schema: pa.Schema, writing: Writing) -> None:
        self._path = path
        self._lists = {f"n{field.name}": field.name for field in schema if _is_list(field.type)}
        self._columns = [name for name in schema.names if name not in self._lists]
        types = {name: _branch_type(path, schema.field(name)) for name in self._columns}
        self._tree = file.mktree(writing.table, types, counter_name=lambda name: f"n{name}")

    def extend(self, batch: pa.RecordBatch) -> None:
        for counter, name in self._lists.items():
            if counter in batch.schema.names:
                self._check_counter(batch, counter, name)
        self._tree.extend({name: _awkward(batch.column(name)) for name in self._columns})

    def _check_counter(self, batch: pa.RecordBatch, counter: str, name: str) -> None:
        import pyarrow.compute as pc

        lengths = pc.list_value_length(batch.column(name))
        if not pc.all(pc.equal(lengths, batch.column(counter))).as_py() and batch.num_rows:
            raise FileFormatError(
                f"{self._path}: the column {counter!r} must hold the lengths of the lists in {name!r}, as in "
                "every TTree; rename one of them"
            )


class _Ntuple:
    def __init__(self, path: str, file: Any, schema: pa.Schema, writing: Writing) -> None:
        import awkward as ak
        import pyarrow as pa

        record = ak.zip({it.name: _awkward(pa.array([], it.type)) for it in schema}, depth_limit=1)
        try:
            self._ntuple = file.mkrntuple(writing.table, record)
        except (TypeError, NotImplementedError, ValueError) as error:
            given = ", ".join(f"{field.name}: {field.type}" for field in schema)
            raise FileFormatError(
                f"{path}: uproot writes no RNTuple with the columns {given}: {error}"
            ) from None

    def extend(self, batch: pa.RecordBatch) -> None:
        import awkward as ak

        self._ntuple.extend(
            ak.zip({name: _awkward(batch.column(name)) for name in batch.schema.names}, depth_limit=1)
        )


def _check_nulls(path: str, batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count or (_is_list(column.type) and column.flatten().null_count):
            raise FileFormatError(
                f"{path}: column {name!r} has a null, which ROOT cannot hold; leave such events out "
                f"(filter: {name} is not null), or write Parquet"
            )


def _is_list(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_))


def _branch_type(path: str, field: pa.Field) -> Any:
    import numpy as np
    import pyarrow as pa

    type_ = _values_of(field.type)
    if pa.types.is_string(type_):
        return "string"
    if _is_list(type_) and _is_number(type_.value_type):
        return f"var * {np.dtype(type_.value_type.to_pandas_dtype())}"
    if pa.types.is_fixed_size_list(type_) and _is_number(type_.value_type):
        return np.dtype((type_.value_type.to_pandas_dtype(), (type_.list_size,)))
    if _is_number(type_):
        return np.dtype(type_.to_pandas_dtype())
    raise FileFormatError(
        f"{path}: column {field.name!r} is {field.type}, which a TTree does not hold; it holds numbers, "
        "booleans, text and lists of numbers: leave the column out, or write Parquet"
    )


def _is_number(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_))


def _values_of(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    type_ = type_.value_type if pa.types.is_dictionary(type_) else type_
    return pa.string() if pa.types.is_large_string(type_) else type_


def _awkward(column: pa.Array) -> Any:
    """Returns a column as a NumPy array where its rows are of one size, else as an awkward array."""
    import awkward as ak
    import pyarrow as pa

    column = column.cast(_values_of(column.type))
    if pa.types.is_fixed_size_list(column.type) and _is_number(column.type.value_type):
        return _numbers(column.flatten()).reshape(len(column), column.type.list_size)
    return _numbers(column) if _is_number(column.type) else ak.Array(_content(column))


def _numbers(column: pa.Array) -> Any:
    return column.to_numpy(zero_copy_only=False)


def _content(column: pa.Array) -> Any:
    """Returns a column without nulls as awkward's content, cut: uproot writes buffers as they are."""
    import awkward.contents as contents
    import pyarrow as pa
    from awkward.index import Index64

    type_ = column.type
    if pa.types.is_struct(type_):
        inner = [_content(part) for part in column.flatten()]
        return contents.RecordArray(inner, [field.name for field in type_], length=len(column))
    if pa.types.is_fixed_size_list(type_):
        return contents.RegularArray(_content(column.flatten()), type_.list_size, zeros_length=len(column))
    if _is_list(type_):
        return contents.ListOffsetArray(Index64(_from_zero(column.offsets)), _content(column.flatten()))
    if pa.types.is_string(type_):
        offsets, letters = _letters(column)
        text = contents.NumpyArray(letters, parameters={"__array__": "char"})
        return contents.ListOffsetArray(Index64(offsets), text, parameters={"__array__": "string"})
    return contents.NumpyArray(_numbers(column))


def _from_zero(offsets: pa.Array) -> Any:
    import numpy as np

    places = offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    return places - places[0] if len(places) else np.zeros(1, np.int64)


def _letters(column: pa.Array) -> tuple[Any, Any]:
    """Returns the offsets and the bytes of a column of text."""
    import numpy as np
    import pyarrow as pa

    if not len(column):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    column = column.cast(pa.large_string())
    _, ends, data = column.buffers()
    places = np.frombuffer(ends, np.int64)[column.offset : column.offset + len(column) + 1]
    letters = np.frombuffer(data, np.uint8)[places[0] : places[-1]] if data else np.zeros(0, np.uint8)
    return places - places[0], letters
