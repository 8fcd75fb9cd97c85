"""A checked filter computed on a record batch by Arrow's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helios_wf.filters import Binary, Compare, IsNull, Literal, Logic, Membership, Name, Node, Unary

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
_SUMS = {"+": "add_checked", "-": "subtract_checked", "*": "multiply_checked"}


def kind_of_type(type_: Any) -> str | None:
    """Returns what a filter sees in an Arrow type (number, text, truth, time, null); None for the rest."""
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


def compute(node: Node, batch: pa.RecordBatch) -> Any:
    """Returns the value of a node: an Arrow array, or a scalar when no column is in it.

    Raises:
        pyarrow.ArrowInvalid: a value does not fit 64 bits, or a text is no time.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    match node:
        case Literal():
            return pa.scalar(node.value)
        case Name():
            return _column(batch, node.name)
        case Logic():
            return _logic(node, batch)
        case Unary(op="not"):
            return pc.invert(_truth(compute(node.operand, batch)))
        case Unary():
            return _of_one(node.op, _number(compute(node.operand, batch)))
        case Binary():
            left, right = (_number(compute(side, batch)) for side in (node.left, node.right))
            return _arithmetic(node.op, left, right)
        case Compare():
            return _compare(node.op, compute(node.left, batch), compute(node.right, batch))
        case Membership():
            return _membership(node, compute(node.operand, batch))
        case IsNull():
            value = compute(node.operand, batch)
            return pc.is_valid(value) if node.negated else pc.is_null(value)


def _column(batch: pa.RecordBatch, name: str) -> Any:
    import pyarrow as pa

    column = batch.column(name)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _logic(node: Logic, batch: pa.RecordBatch) -> Any:
    import pyarrow.compute as pc

    join = pc.and_kleene if node.op == "and" else pc.or_kleene
    value = _truth(compute(node.operands[0], batch))
    for operand in node.operands[1:]:
        value = join(value, _truth(compute(operand, batch)))
    return value


def _truth(value: Any) -> Any:
    import pyarrow as pa

    return value.cast(pa.bool_()) if pa.types.is_null(value.type) else value


def _number(value: Any) -> Any:
    """Returns a number wide enough for arithmetic: int64, or double for all that is no integer."""
    import pyarrow as pa

    fits = pa.types.is_integer(value.type) and not pa.types.is_uint64(value.type)
    return value.cast(pa.int64() if fits else pa.float64())


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if op in _SUMS:
        return pc.call_function(_SUMS[op], [left, right])
    if op == "%" and pa.types.is_integer(left.type) and pa.types.is_integer(right.type):
        return _integer_rest(left, right)
    real = pa.float64()
    top, bottom = left.cast(real), _no_zero(right.cast(real))
    return pc.divide(top, bottom) if op == "/" else _real_rest(top, bottom)


def _of_one(op: str, value: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if op != "sqrt":
        return pc.negate_checked(value) if op == "-" else pc.abs_checked(value)
    real = value.cast(pa.float64(), safe=False)
    return pc.sqrt(pc.if_else(pc.less(real, 0.0), pa.scalar(None, real.type), real))


def _no_zero(value: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(value, pa.scalar(0, value.type)), pa.scalar(None, value.type), value)


def _real_rest(left: Any, right: Any) -> Any:
    """Returns the rest of a floored division of doubles, exactly as Python has it; Arrow lacks it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    with np.errstate(invalid="ignore"):
        rest = np.mod(_as_doubles(left), _as_doubles(right))
    value = pa.array(rest) if rest.ndim else pa.scalar(float(rest))
    return pc.if_else(pc.and_(pc.is_valid(left), pc.is_valid(right)), value, pa.scalar(None, pa.float64()))


def _as_doubles(value: Any) -> Any:
    """Returns a column or constant of doubles for NumPy; nulls become NaN."""
    import numpy as np
    import pyarrow as pa

    if isinstance(value, pa.Scalar):
        number = value.as_py()
        return np.float64(np.nan if number is None else number)
    return value.to_numpy(zero_copy_only=False)


def _integer_rest(left: Any, right: Any) -> Any:
    """Returns the rest of a floored division; Arrow's own division cuts towards zero."""
    import pyarrow.compute as pc

    right = _no_zero(right)
    rest = pc.subtract(left, pc.multiply(pc.divide(left, right), right))
    wrong_sign = pc.and_(pc.not_equal(rest, 0), pc.xor(pc.less(rest, 0), pc.less(right, 0)))
    return pc.if_else(wrong_sign, pc.add(rest, right), rest)


def _compare(op: str, left: Any, right: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    for one, other in ((left, right), (right, left)):
        if pa.types.is_null(one.type):
            return _nulls(one, other)
    if kind_of_type(left.type) == "number":
        left, right = _comparable(left, right)
    else:
        left, right = _as_time(left, right), _as_time(right, left)
    return pc.call_function(_COMPARE[op], [left, right])


def _nulls(one: Any, other: Any) -> Any:
    import pyarrow as pa

    arrays = [value for value in (one, other) if not isinstance(value, pa.Scalar)]
    return pa.nulls(len(arrays[0]), pa.bool_()) if arrays else pa.scalar(None, pa.bool_())


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Returns two numbers that Arrow compares exactly: unsigned with signed 64 bits as decimals."""
    import pyarrow as pa

    both = (left.type, right.type)
    unsigned = sum(pa.types.is_uint64(type_) for type_ in both)
    if unsigned == 1 and all(pa.types.is_integer(type_) for type_ in both):
        wide = pa.decimal128(20, 0)
        return left.cast(wide), right.cast(wide)
    return left, right


def _as_time(value: Any, other: Any) -> Any:
    """Returns text as a time when it is compared with one."""
    if kind_of_type(other.type) == "time" and kind_of_type(value.type) == "text":
        return value.cast(other.type)
    return value


def _membership(node: Membership, value: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(value.type):
        return value.cast(pa.bool_())
    values = pa.array(node.values)
    if kind_of_type(value.type) == "number":
        real = pa.types.is_floating(value.type) or pa.types.is_floating(values.type)
        wide = pa.float64() if real else pa.decimal128(20, 0)
        value, values = value.cast(wide), values.cast(wide)
    else:
        values = values.cast(value.type)
    found = pc.is_in(value, value_set=values)
    found = pc.invert(found) if node.negated else found
    return pc.if_else(pc.is_null(value), pa.scalar(None, pa.bool_()), found)
