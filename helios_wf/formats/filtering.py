"""Filters over columns: the syntax tree of a filter, computed on record batches by Arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helios_wf.errors import FilterError, did_you_mean
from helios_wf.filters import (
    Binary,
    Compare,
    IsNull,
    Literal,
    Logic,
    Membership,
    Name,
    Node,
    Unary,
    error_at,
    names,
    parse,
)

if TYPE_CHECKING:
    import pyarrow as pa

_COMPARE = {
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_KINDS = {"number": "a number", "text": "text", "truth": "a boolean", "time": "a time", "null": "null"}


class Condition:
    """A filter compiled against the columns of a file.

    Raises:
        FilterError: a column is unknown or of a type that cannot be filtered, or kinds are mixed.
    """

    def __init__(self, filter: str | Node, schema: pa.Schema, path: object = "the file") -> None:
        self._text = filter if isinstance(filter, str) else ""
        self.node: Node = parse(filter) if isinstance(filter, str) else filter
        self._schema = schema
        self._path = path
        used = names(self.node)
        self.columns: tuple[str, ...] = tuple(name for name in schema.names if name in used)
        kind = self._kind(self.node)
        if kind not in ("truth", "null"):
            raise self._wrong(self.node, f"this is {_KINDS[kind]}; write a condition, such as a comparison")

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the events for which the condition is true."""
        mask = self.mask(batch)
        return batch if mask is True else batch.filter(mask) if mask is not False else batch.slice(0, 0)

    def mask(self, batch: pa.RecordBatch) -> Any:
        """Returns a boolean array with nulls, or a plain bool when the filter names no column."""
        import pyarrow as pa

        value = _compute(self.node, batch)
        return bool(value.as_py()) if isinstance(value, pa.Scalar) else value

    def _wrong(self, node: Node, message: str) -> FilterError:
        if self._text:
            return error_at(self._text, node.column, message)
        return FilterError(f"filter: {message}")

    def _kind(self, node: Node) -> str:
        """Returns what kind of value a node has, checking all below it."""
        match node:
            case Literal():
                return _kind_of_constant(node.value)
            case Name():
                return self._kind_of_column(node)
            case Logic():
                return self._all(node.operands, "truth", node.op, "truth")
            case Unary(op="not"):
                return self._all((node.operand,), "truth", node.op, "truth")
            case Unary():
                return self._all((node.operand,), "number", node.op, "number")
            case Binary():
                return self._all((node.left, node.right), "number", node.op, "number")
            case Compare():
                return self._compared(node)
            case Membership():
                return self._member(node)
            case IsNull():
                if not isinstance(node.operand, Name) or self._known(node.operand):
                    self._kind(node.operand) if not isinstance(node.operand, Name) else None
                return "truth"

    def _all(self, operands: tuple[Node, ...], wanted: str, op: str, result: str) -> str:
        for operand in operands:
            kind = self._kind(operand)
            if kind not in (wanted, "null"):
                wants = "conditions" if wanted == "truth" else "numbers"
                raise self._wrong(operand, f"{op!r} wants {wants} and got {_KINDS[kind]}")
        return result

    def _compared(self, node: Compare) -> str:
        kinds = {self._kind(node.left), self._kind(node.right)} - {"null"}
        if len(kinds) > 1 and kinds != {"time", "text"}:
            mixed = " with ".join(sorted(_KINDS[kind] for kind in kinds))
            raise self._wrong(node, f"{node.op!r} compares {mixed}; give two values of one kind")
        if kinds == {"truth"} and node.op not in ("==", "!="):
            raise self._wrong(node, f"{node.op!r} does not order booleans; use == or !=")
        return "truth"

    def _member(self, node: Membership) -> str:
        kind, values = self._kind(node.operand), _kind_of_constant(node.values[0])
        if kind not in (values, "null") and (kind, values) != ("time", "text"):
            raise self._wrong(node, f"looks for {_KINDS[kind]} in a list of {_KINDS[values]}")
        return "truth"

    def _known(self, node: Name) -> Any:
        at = self._schema.get_field_index(node.name)
        if at < 0:
            known = self._schema.names
            hint = did_you_mean(node.name, known)
            listed = "" if "known:" in hint else f" (columns: {', '.join(known):.300})"
            raise self._wrong(node, f"{self._path} has no column {node.name!r}{hint}{listed}")
        return self._schema.field(at).type

    def _kind_of_column(self, node: Name) -> str:
        type_ = self._known(node)
        kind = _kind_of_type(type_)
        if kind is None:
            raise self._wrong(
                node, f"the column {node.name!r} is {type_}; filters take numbers, text and booleans"
            )
        return kind


def _kind_of_constant(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _kind_of_type(type_: Any) -> str | None:
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    checks: tuple[tuple[str, Callable[[Any], bool]], ...] = (
        ("null", pa.types.is_null),
        ("truth", pa.types.is_boolean),
        ("number", lambda it: pa.types.is_integer(it) or pa.types.is_floating(it) or pa.types.is_decimal(it)),
        ("text", lambda it: pa.types.is_string(it) or pa.types.is_large_string(it)),
        ("time", lambda it: pa.types.is_timestamp(it) or pa.types.is_date(it)),
    )
    return next((kind for kind, holds in checks if holds(type_)), None)


def _compute(node: Node, batch: pa.RecordBatch) -> Any:
    """Returns the value of a node: an Arrow array, or a scalar when no column is in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    match node:
        case Literal():
            return pa.scalar(node.value, pa.bool_()) if node.value is None else pa.scalar(node.value)
        case Name():
            return _column(batch, node.name)
        case Logic():
            join = pc.and_kleene if node.op == "and" else pc.or_kleene
            value = _truth(_compute(node.operands[0], batch))
            for operand in node.operands[1:]:
                value = join(value, _truth(_compute(operand, batch)))
            return value
        case Unary(op="not"):
            return pc.invert(_truth(_compute(node.operand, batch)))
        case Unary():
            return pc.negate(_signed(_compute(node.operand, batch)))
        case Binary():
            return _arithmetic(node.op, _compute(node.left, batch), _compute(node.right, batch))
        case Compare():
            return _compare(node.op, _compute(node.left, batch), _compute(node.right, batch))
        case Membership():
            return _membership(node, _compute(node.operand, batch))
        case IsNull():
            value = _raw(node.operand, batch)
            return pc.is_valid(value) if node.negated else pc.is_null(value)


def _raw(node: Node, batch: pa.RecordBatch) -> Any:
    return batch.column(node.name) if isinstance(node, Name) else _compute(node, batch)


def _column(batch: pa.RecordBatch, name: str) -> Any:
    import pyarrow as pa

    column = batch.column(name)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _truth(value: Any) -> Any:
    import pyarrow as pa

    return value.cast(pa.bool_()) if pa.types.is_null(value.type) else value


def _signed(value: Any) -> Any:
    import pyarrow as pa

    return value.cast(pa.float64()) if not pa.types.is_signed_integer(value.type) else value


def _compare(op: str, left: Any, right: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(left.type) or pa.types.is_null(right.type):
        return pa.nulls(max(_length(left), _length(right)), pa.bool_())
    left, right = _as_time(left, right), _as_time(right, left)
    return pc.call_function(_COMPARE[op], [left, right])


def _length(value: Any) -> int:
    import pyarrow as pa

    return 1 if isinstance(value, pa.Scalar) else len(value)


def _as_time(value: Any, other: Any) -> Any:
    """Returns text as a time when it is compared with one."""
    return (
        value.cast(other.type)
        if _kind_of_type(other.type) == "time" and _kind_of_type(value.type) == "text"
        else value
    )


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    left, right = (
        value.cast(pa.float64()) if pa.types.is_null(value.type) else value for value in (left, right)
    )
    if op in "+-*":
        return {"+": pc.add, "-": pc.subtract, "*": pc.multiply}[op](left, right)
    real = pa.float64()
    top, bottom = left.cast(real), right.cast(real)
    bottom = pc.if_else(pc.equal(bottom, 0.0), pa.scalar(None, real), bottom)
    ratio = pc.divide(top, bottom)
    if op == "/":
        return ratio
    whole = pa.types.is_integer(left.type) and pa.types.is_integer(right.type)
    rest = pc.subtract(top, pc.multiply(pc.floor(ratio), bottom))
    return rest.cast(pa.int64()) if whole else rest


def _membership(node: Membership, value: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(value.type):
        return value.cast(pa.bool_())
    values = pa.array(node.values)
    if _kind_of_type(value.type) == "number":
        real = pa.types.is_floating(value.type) or pa.types.is_floating(values.type)
        common = pa.float64() if real else pa.int64()
        value, values = value.cast(common), values.cast(common)
    elif _kind_of_type(value.type) == "time":
        values = values.cast(value.type)
    found = pc.is_in(value, value_set=values)
    found = pc.invert(found) if node.negated else found
    return pc.if_else(pc.is_null(value), pa.scalar(None, pa.bool_()), found)
