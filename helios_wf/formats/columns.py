"""Columns and their types, in Arrow's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from helios_wf.errors import FileFormatError, did_you_mean
from helios_wf.model import Column

if TYPE_CHECKING:
    import pyarrow as pa

Types: TypeAlias = "Mapping[str, str | pa.DataType]"
"""Column types that the caller chose, as Arrow's words (``double``, ``timestamp[ns]``) or Arrow types."""


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """Returns the columns of a schema."""
    return tuple(Column(field.name, str(field.type)) for field in schema)


def type_named(words: str | pa.DataType) -> pa.DataType:
    """Returns an Arrow type by its name.

    Raises:
        FileFormatError: Arrow has no simple type of that name.
    """
    import pyarrow as pa

    if isinstance(words, pa.DataType):
        return words
    try:
        return pa.type_for_alias(words)
    except ValueError:
        raise FileFormatError(
            f"no column type named {words!r}; write one of: bool, int32, int64, uint64, float, double, "
            "string, date32, timestamp[s], timestamp[ms], timestamp[us], timestamp[ns]"
        ) from None


def with_types(schema: pa.Schema, types: Types | None, path: object) -> pa.Schema:
    """Returns a schema with the types of some columns replaced.

    Raises:
        FileFormatError: a column or a type is unknown.
    """
    for name, words in (types or {}).items():
        at = schema.get_field_index(name)
        if at < 0:
            hint = did_you_mean(name, schema.names)
            raise FileFormatError(f"{path}: a type is given for the unknown column {name!r}{hint}")
        schema = schema.set(at, schema.field(at).with_type(type_named(words)))
    return schema


def chosen(schema: pa.Schema, names: Iterable[str] | None, path: object) -> list[str]:
    """Returns the names of the columns to read, all of them for None.

    Raises:
        FileFormatError: a column is unknown.
    """
    if names is None:
        return list(schema.names)
    wanted = list(dict.fromkeys(names))
    known = set(schema.names)
    for name in wanted:
        if name not in known:
            raise FileFormatError(f"{path}: no column {name!r}{did_you_mean(name, known)}")
    return wanted


def picked(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Returns the part of a schema that has these columns, in this order."""
    import pyarrow as pa

    return pa.schema([schema.field(name) for name in names])


def difference(one: pa.Schema, other: pa.Schema) -> str | None:
    """Says how a second schema differs from the first (names, order, types), or returns None.

    A column of type ``null`` (of a file without a value in it) fits any other.
    """
    if one.names != other.names:
        missing = [name for name in one.names if name not in other.names]
        added = [name for name in other.names if name not in one.names]
        if missing:
            return f"has no column {missing[0]!r}"
        if added:
            return f"has a column {added[0]!r} that the first file has not"
        return f"has its columns in another order: {', '.join(other.names)}"
    for mine, its in zip(one, other, strict=True):
        if _plain(mine.type) != _plain(its.type) and "null" not in (str(mine.type), str(its.type)):
            return f"has the column {its.name!r} as {its.type}, the first file has it as {mine.type}"
    return None


def _plain(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return type_.value_type if pa.types.is_dictionary(type_) else type_
