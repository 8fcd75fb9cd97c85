"""What a filter can rule out from the smallest and largest values of columns alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helios_wf.filters import Compare, Literal, Logic, Membership, Name, Node

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

Extremes = Mapping[str, tuple[Any, Any]]


def ruled_out(node: Node, extremes: Extremes) -> bool:
    """Says whether a filter surely holds for no event, given (least, greatest) of some columns.

    False when in doubt.  A NaN lies outside the extremes, and no comparison but ``!=`` holds for it.
    """
    match node:
        case Logic(op="and"):
            return any(ruled_out(operand, extremes) for operand in node.operands)
        case Logic():
            return all(ruled_out(operand, extremes) for operand in node.operands)
        case Compare(left=Name() as name, right=Literal() as constant):
            return _outside(node.op, extremes.get(name.name), constant.value)
        case Compare(left=Literal() as constant, right=Name() as name):
            return _outside(_MIRRORED[node.op], extremes.get(name.name), constant.value)
        case Membership(operand=Name() as name, negated=False):
            found = extremes.get(name.name)
            return all(_outside("==", found, value) for value in node.values)
        case _:
            return False


def _outside(op: str, extremes: tuple[Any, Any] | None, value: Any) -> bool:
    if extremes is None or value is None:
        return False
    least, greatest = extremes
    try:
        match op:
            case "==":
                return bool(value < least or value > greatest)
            case "<":
                return bool(least >= value)
            case "<=":
                return bool(least > value)
            case ">":
                return bool(greatest <= value)
            case ">=":
                return bool(greatest < value)
    except TypeError:
        return False
    return False
