"""A checked filter computed with arrays of CuPy, or of another module with NumPy's functions.

Only what means the same there as in Arrow is computed: conditions over numbers without nulls, arithmetic of
doubles that cannot give nulls.  Whatever else a filter holds is left to Arrow, for that batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helios_wf.filters import Binary, Compare, IsNull, Literal, Logic, Membership, Name, Node, Unary

if TYPE_CHECKING:
    import pyarrow as pa

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}

EXACT = 1 << 53
"""Integers up to here are doubles too, so that they compare with doubles as Arrow has them."""


class _LeftToArrowError(Exception):
    """This part of a filter is not computed here."""


def mask_of(node: Node, batch: pa.RecordBatch, xp: Any) -> pa.Array | None:
    """Returns for which events of a batch a condition is true, or None where Arrow must say it.

    Args:
        node: a condition that was checked against the columns of the batch.
        batch: the events.
        xp: the module whose arrays are used.
    """
    import numpy as np
    import pyarrow as pa

    try:
        mask = _truth(node, batch, xp)
    except _LeftToArrowError:
        return None
    return pa.array(mask if isinstance(mask, np.ndarray) else xp.asnumpy(mask))


def _truth(node: Node, batch: pa.RecordBatch, xp: Any) -> Any:
    match node:
        case Logic(op, operands):
            masks = [_truth(operand, batch, xp) for operand in operands]
            joined = masks[0]
            for mask in masks[1:]:
                joined = joined & mask if op == "and" else joined | mask
            return joined
        case Unary("not", operand):
            return ~_truth(operand, batch, xp)
        case Compare(op, left, right):
            return _COMPARE[op](*_alike(_number(left, batch, xp), _number(right, batch, xp)))
        case Membership(operand, values, negated):
            return _member(_number(operand, batch, xp), values, negated, xp)
        case IsNull(operand=Name(name)) if not batch.column(name).null_count:
            return xp.full(batch.num_rows, getattr(node, "negated", False))
    raise _LeftToArrowError


def _number(node: Node, batch: pa.RecordBatch, xp: Any) -> Any:
    match node:
        case Literal(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case Name(name):
            return _column(batch.column(name), xp)
        case Unary("-", operand):
            return -_double(_number(operand, batch, xp))
        case Unary("abs", operand):
            return abs(_double(_number(operand, batch, xp)))
        case Binary(op, left, right) if op in _ARITHMETIC:
            return _ARITHMETIC[op](_double(_number(left, batch, xp)), _double(_number(right, batch, xp)))
    raise _LeftToArrowError


def _column(column: pa.Array, xp: Any) -> Any:
    """Returns a column of numbers without nulls, as doubles or 64-bit integers."""
    import pyarrow as pa

    signed = pa.types.is_integer(column.type) and not pa.types.is_uint64(column.type)
    if column.null_count or not (
        signed or pa.types.is_float32(column.type) or pa.types.is_float64(column.type)
    ):
        raise _LeftToArrowError
    return xp.asarray(column.to_numpy(zero_copy_only=False)).astype(xp.int64 if signed else xp.float64)


def _double(value: Any) -> Any:
    """Returns a value that arithmetic is done with; that of integers is checked for overflow by Arrow."""
    if isinstance(value, int) or (not isinstance(value, float) and value.dtype.kind != "f"):
        raise _LeftToArrowError
    return value


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Returns two values that compare as in Arrow: both integers, or both doubles."""
    sides = (left, right)
    if all(isinstance(side, int | float) for side in sides):
        raise _LeftToArrowError
    for side in sides:
        whole = isinstance(side, int) or (not isinstance(side, float) and side.dtype.kind == "i")
        if whole and not all(_is_whole(other) for other in sides) and not _is_small(side):
            raise _LeftToArrowError
        if isinstance(side, int) and not -(2**63) <= side < 2**63:
            raise _LeftToArrowError
    return left, right


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (not isinstance(value, float) and value.dtype.kind == "i")


def _is_small(value: Any) -> bool:
    """Says whether all integers are doubles too."""
    return abs(value) <= EXACT if isinstance(value, int) else bool((abs(value) <= EXACT).all())


def _member(value: Any, values: tuple[Any, ...], negated: bool, xp: Any) -> Any:
    if isinstance(value, int | float) or not all(
        isinstance(one, int) and not isinstance(one, bool) and abs(one) <= EXACT for one in values
    ):
        raise _LeftToArrowError
    if not _is_whole(value):
        raise _LeftToArrowError
    found = xp.isin(value, xp.asarray(values, dtype=xp.int64))
    return ~found if negated else found
