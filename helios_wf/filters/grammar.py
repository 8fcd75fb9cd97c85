"""Tokens of a filter to its syntax tree, by operator precedence."""

from __future__ import annotations

from typing import cast, get_args

from helios_wf.errors import FilterError, did_you_mean
from helios_wf.filters.nodes import (
    Binary,
    BinaryOp,
    Compare,
    CompareOp,
    Function,
    IsNull,
    Literal,
    Logic,
    LogicOp,
    Membership,
    Name,
    Node,
    Scalar,
    Unary,
)
from helios_wf.filters.tokens import Token, error_at, tokenize

MAX_DEPTH = 50
"""Brackets, ``not`` and minus signs inside one another."""
MAX_ARITHMETIC = 100
"""Arithmetic operators in one filter: with MAX_DEPTH it bounds the depth of the tree."""

_OR, _AND, _COMPARE, _SUM, _PRODUCT, _MINUS = range(1, 7)
_POWER = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">=", "in", "is", "not"], _COMPARE),
    **dict.fromkeys(["+", "-"], _SUM),
    **dict.fromkeys(["*", "/", "%"], _PRODUCT),
}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
FUNCTIONS: tuple[Function, ...] = get_args(Function)
"""Functions of one number."""
_CONSTANTS: dict[str, Scalar] = {"null": None, "true": True, "false": False}


def parse(text: str) -> Node:
    """Returns the syntax tree of a filter.

    Raises:
        FilterError: with the column, what was found there and what would have been right.
    """
    parser = _Parser(text)
    if parser.ended():
        raise FilterError("filter: it is empty; give a condition such as: energy > 80")
    node = parser.expression(0)
    if not parser.ended():
        raise parser.unexpected("'and', 'or' or an operator")
    return node


class _Parser:
    """Reads tokens from left to right; ``token`` is the next one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0
        self.depth = 0
        self.arithmetic = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def ended(self) -> bool:
        return self.token.kind == "end"

    def next_is(self, *words: str) -> bool:
        """Says whether the next token is one of some keywords or operators."""
        return self.token.kind in ("keyword", "op") and self.token.text in words

    def expect(self, word: str, why: str) -> Token:
        if not self.next_is(word):
            raise self.unexpected(f"{word!r} {why}")
        return self.take()

    def fail(self, token: Token, message: str) -> FilterError:
        return error_at(self.text, token.column, message)

    def unexpected(self, wanted: str) -> FilterError:
        token = self.token
        found = "the end" if self.ended() else repr(token.text)
        hint = f" (keywords are small: {token.text.lower()!r})" if token.text.lower() in _POWER else ""
        return self.fail(token, f"expected {wanted}, found {found}{hint}")

    def expression(self, power: int) -> Node:
        """Parses all that binds tighter than ``power``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(self.token, f"nested more than {MAX_DEPTH} deep")
        if self.next_is("not") and power > _AND:
            raise self.fail(self.token, "'not' here wants brackets around it: (not ...)")
        left = self.operand()
        while self.token.kind in ("keyword", "op") and _POWER.get(self.token.text, 0) > power:
            left = self.infix(left)
        self.depth -= 1
        return left

    def operand(self) -> Node:
        token = self.token
        if token.kind in ("number", "string"):
            self.take()
            return Literal(token.value, token.column)
        if token.kind == "name":
            self.take()
            return self.function(token) if self.next_is("(") else Name(str(token.value), token.column)
        if token.kind == "keyword" and token.text in _CONSTANTS:
            self.take()
            return Literal(_CONSTANTS[token.text], token.column)
        if self.next_is("("):
            self.take()
            inner = self.expression(0)
            self.expect(")", f"for the '(' in column {token.column}")
            return inner
        if self.next_is("-", "not"):
            return self.prefix()
        raise self.unexpected("a name, a value or '('")

    def function(self, token: Token) -> Node:
        """Parses what stands in the brackets behind a function's name."""
        if token.text not in FUNCTIONS:
            raise self.fail(token, f"no function {token.text!r}{did_you_mean(token.text, FUNCTIONS)}")
        self.take()
        operand = self.expression(0)
        self.expect(")", f"behind what {token.text} is of")
        return Unary(token.text, operand, token.column)

    def prefix(self) -> Node:
        token = self.take()
        if token.text == "not":
            return Unary("not", self.expression(_AND), token.column)
        operand = self.expression(_MINUS)
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            return self.negative(cast(float, operand.value), token)
        return Unary("-", operand, token.column)

    def negative(self, value: float, token: Token) -> Literal:
        if isinstance(value, int) and value > 2**63:
            raise self.fail(token, f"the number -{value} does not fit 64 bits")
        return Literal(-value, token.column)

    def infix(self, left: Node) -> Node:
        token = self.token
        if token.text in ("and", "or"):
            return self.logic(left)
        if token.text in _COMPARISONS:
            return self.comparison(left)
        if token.text == "is":
            return self.is_null(left)
        if token.text in ("in", "not"):
            return self.membership(left)
        self.take()
        self.arithmetic += 1
        if self.arithmetic > MAX_ARITHMETIC:
            raise self.fail(token, f"more than {MAX_ARITHMETIC} arithmetic operators")
        return Binary(cast(BinaryOp, token.text), left, self.expression(_POWER[token.text]), token.column)

    def logic(self, left: Node) -> Node:
        first, operands = self.token, [left]
        while self.next_is(first.text):
            self.take()
            operands.append(self.expression(_POWER[first.text]))
        return Logic(cast(LogicOp, first.text), tuple(operands), first.column)

    def comparison(self, left: Node) -> Node:
        """Parses a comparison or a chain: ``a < b <= c`` is ``a < b and b <= c``."""
        first, links = self.token, []
        while self.next_is(*_COMPARISONS):
            token = self.take()
            right = self.expression(_COMPARE)
            for side in (left, right):
                if isinstance(side, Literal) and side.value is None:
                    raise self.fail(token, f"nothing {token.text} null; write 'is null' or 'is not null'")
            links.append(Compare(cast(CompareOp, token.text), left, right, token.column))
            left = right
        if self.next_is("in", "is", "not"):
            raise self.chained("a comparison")
        return links[0] if len(links) == 1 else Logic("and", tuple(links), first.column)

    def is_null(self, operand: Node) -> Node:
        token = self.take()
        negated = self.next_is("not")
        if negated:
            self.take()
        self.expect("null", "after 'is'")
        self.refuse_chain(token)
        return IsNull(operand, negated, token.column)

    def membership(self, operand: Node) -> Node:
        token = self.take()
        if token.text == "not":
            self.expect("in", "after 'not'")
        self.expect("[", "after 'in'")
        values = [self.member()]
        while self.next_is(","):
            self.take()
            if self.next_is("]"):
                break
            values.append(self.member())
        self.expect("]", "or ',' in the list")
        kinds = {_kind(value) for value in values}
        if len(kinds) > 1:
            raise self.fail(token, f"the list mixes {' and '.join(sorted(kinds))}; give values of one kind")
        self.refuse_chain(token)
        return Membership(operand, tuple(values), token.text == "not", token.column)

    def member(self) -> Scalar:
        token = self.token
        if self.next_is("]"):
            raise self.fail(token, "the list is empty; nothing would be in it")
        node = self.expression(_COMPARE)
        if not isinstance(node, Literal) or node.value is None:
            raise self.fail(token, "a list holds numbers, texts, true and false only (null: write 'is null')")
        return node.value

    def refuse_chain(self, token: Token) -> None:
        if self.next_is("in", "is", "not", *_COMPARISONS):
            raise self.chained(repr(token.text))

    def chained(self, before: str) -> FilterError:
        return self.fail(self.token, f"{self.token.text!r} after {before}; put one of them in brackets")


def _kind(value: Scalar) -> str:
    if isinstance(value, bool):
        return "booleans"
    return "text" if isinstance(value, str) else "numbers"
