"""A filter over scalars: captures and metadata of one dataset, or one event."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from helios_wf.errors import FilterError, did_you_mean
from helios_wf.filters.nodes import (
    Binary,
    BinaryOp,
    Compare,
    IsNull,
    Literal,
    Logic,
    Membership,
    Name,
    Node,
    Scalar,
    Unary,
    UnaryOp,
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def evaluate(node: Node, values: Mapping[str, Any]) -> Any:
    """Returns the value of a filter: true, false or null for a condition.

    Raises:
        FilterError: a name is unknown, or a value has a type that its operator does not take.
    """
    match node:
        case Literal():
            return node.value
        case Name():
            return _lookup(node, values)
        case Logic():
            return _logic(node, [_condition(operand, values, node.op) for operand in node.operands])
        case Unary(op="not"):
            held = _condition(node.operand, values, "not")
            return None if held is None else not held
        case Unary():
            number = _number(node.operand, values, node.op, node.column)
            return None if number is None else _of_one(node.op, number, node.column)
        case Binary():
            left = _number(node.left, values, node.op, node.column)
            return _arithmetic(node.op, left, _number(node.right, values, node.op, node.column), node.column)
        case Compare():
            return _compare(node, evaluate(node.left, values), evaluate(node.right, values))
        case Membership():
            return _membership(node, evaluate(node.operand, values))
        case IsNull():
            return (evaluate(node.operand, values) is None) != node.negated


def holds(node: Node, values: Mapping[str, Any]) -> bool:
    """Says whether a filter is true; null is not.

    Raises:
        FilterError: as ``evaluate``, or the filter is no condition.
    """
    return _condition(node, values, "filter") is True


def _lookup(node: Name, values: Mapping[str, Any]) -> Any:
    try:
        return values[node.name]
    except KeyError:
        hint = did_you_mean(node.name, values)
        raise FilterError(f"filter: column {node.column}: unknown name {node.name!r}{hint}") from None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else f"a {type(value).__name__}"


def _shown(node: Node, value: Any) -> str:
    name = f"{node.name} = " if isinstance(node, Name) else ""
    return f"{_kind(value)} ({name}{value!r:.60})"


def _condition(node: Node, values: Mapping[str, Any], op: str) -> bool | None:
    value = evaluate(node, values)
    if value is None or isinstance(value, bool):
        return value
    raise FilterError(
        f"filter: column {node.column}: {op!r} wants a condition and got {_shown(node, value)}"
        if op != "filter"
        else f"filter: its value is {_shown(node, value)}; write a condition, such as a comparison"
    )


def _logic(node: Logic, held: list[bool | None]) -> bool | None:
    decisive = node.op == "or"
    if decisive in held:
        return decisive
    return None if None in held else not decisive


def _number(node: Node, values: Mapping[str, Any], op: str, column: int) -> int | float | None:
    value = evaluate(node, values)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise FilterError(f"filter: column {column}: {op!r} wants numbers and got {_shown(node, value)}")


def _arithmetic(op: BinaryOp, left: Any, right: Any, column: int) -> int | float | None:
    if left is None or right is None or (op in "/%" and right == 0):
        return None
    try:
        value: int | float = _ARITHMETIC[op](left, right)
    except OverflowError:
        raise FilterError(f"filter: column {column}: {op!r} overflows a double") from None
    return value


def _of_one(op: UnaryOp, value: int | float, column: int) -> int | float | None:
    if op == "-":
        return -value
    if op == "abs":
        return abs(value)
    try:
        return None if value < 0 else math.sqrt(value)
    except OverflowError:
        raise FilterError(f"filter: column {column}: {op!r} overflows a double") from None


def _compare(node: Compare, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    kinds = {_kind(left), _kind(right)}
    if len(kinds) > 1 or not kinds <= {"a number", "text", "a boolean"}:
        raise FilterError(
            f"filter: column {node.column}: {node.op!r} compares {_shown(node.left, left)} "
            f"with {_shown(node.right, right)}; give two numbers, two texts or two booleans"
        )
    if kinds == {"a boolean"} and node.op not in ("==", "!="):
        raise FilterError(f"filter: column {node.column}: {node.op!r} does not order booleans; use == or !=")
    return _COMPARE[node.op](left, right)


def _membership(node: Membership, value: Any) -> bool | None:
    if value is None:
        return None
    if _kind(value) != _kind(node.values[0]):
        raise FilterError(
            f"filter: column {node.column}: looks for {_shown(node.operand, value)} in a list of values like "
            f"{node.values[0]!r:.60}; give values of its kind"
        )
    found: Scalar = value in node.values
    return bool(found) != node.negated
