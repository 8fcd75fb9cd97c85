"""The syntax tree of a filter: frozen nodes; ``column`` counts from 1 in the text it was parsed from."""

from __future__ import annotations

import typing
from typing import TypeAlias

from helios_wf.model.noun import Noun

Scalar: TypeAlias = str | int | float | bool | None
"""A value of the language."""

LogicOp: TypeAlias = typing.Literal["and", "or"]
Function: TypeAlias = typing.Literal["abs", "sqrt"]
UnaryOp: TypeAlias = typing.Literal["not", "-"] | Function
BinaryOp: TypeAlias = typing.Literal["+", "-", "*", "/", "%"]
CompareOp: TypeAlias = typing.Literal["==", "!=", "<", "<=", ">", ">="]


class Name(Noun, frozen=True):
    """The value of a column (or capture, or metadata entry)."""

    name: str
    column: int = 0


class Literal(Noun, frozen=True):
    """A constant."""

    value: Scalar
    column: int = 0


class Logic(Noun, frozen=True):
    """``and`` or ``or`` over two or more conditions."""

    op: LogicOp
    operands: tuple[Node, ...]
    column: int = 0


class Unary(Noun, frozen=True):
    """``not`` of a condition, minus a number, or a function of one."""

    op: UnaryOp
    operand: Node
    column: int = 0


class Binary(Noun, frozen=True):
    """Arithmetic with two numbers."""

    op: BinaryOp
    left: Node
    right: Node
    column: int = 0


class Compare(Noun, frozen=True):
    """One comparison; a chain is parsed into a ``Logic`` of these."""

    op: CompareOp
    left: Node
    right: Node
    column: int = 0


class Membership(Noun, frozen=True):
    """Whether a value is one of some constants, none of which is null and all of which are of one kind."""

    operand: Node
    values: tuple[Scalar, ...]
    negated: bool = False
    column: int = 0


class IsNull(Noun, frozen=True):
    """``is null``, or ``is not null``; never null itself."""

    operand: Node
    negated: bool = False
    column: int = 0


Node: TypeAlias = Name | Literal | Logic | Unary | Binary | Compare | Membership | IsNull


def children(node: Node) -> tuple[Node, ...]:
    """Returns the nodes right below one."""
    match node:
        case Name() | Literal():
            return ()
        case Logic():
            return node.operands
        case Binary() | Compare():
            return (node.left, node.right)
        case Unary() | Membership() | IsNull():
            return (node.operand,)


def names(node: Node) -> frozenset[str]:
    """Returns all names in a filter."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Name):
            found.add(current.name)
        waiting.extend(children(current))
    return frozenset(found)
