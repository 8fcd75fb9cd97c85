"""The filter language, over scalars."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import FilterError
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
    evaluate,
    holds,
    names,
    parse,
)

EVENT = {"energy": 81.5, "n": 7, "status": "active", "good": True, "eta": None, "Muon pt": 3.0, "zero": 0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('energy > 80 and status == "active"', True),
        ("energy > 80 and status == 'idle'", False),
        ("0 < n <= 7", True),
        ("0 < n < 7 < 9", False),
        ("n in [1, 7]", True),
        ("n not in [1, 7,]", False),
        ("n in [-1, 7.0]", True),
        ("`Muon pt` == 3", True),
        ("good", True),
        ("not good or n != 7", False),
        ("not n == 8", True),
        ("good == true", True),
        ("2 + 3 * 4 == 14", True),
        ("(2 + 3) * 4 == 20", True),
        ("10 - 3 - 2", 5),
        ("7 / 2", 3.5),
        ("-7 % 3", 2),
        ("-n + 1", -6),
        ("2 * -n", -14),
        ("- -3", 3),
        (".5 + 1.e2 + 1e-1", 100.6),
        ("n == 0007", True),
        ("'it\\'s' == \"it's\"", True),
        ("'a\\\\n\\n' == 'a\\\\n\\n'", True),
        ("1 == 1 or 1 == 2 and 1 == 2", True),
        ("not 1 == 2 and 1 == 2", False),
    ],
)
def test_a_filter_means_what_it_says(text: str, value: Any) -> None:
    assert evaluate(parse(text), EVENT) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eta > 1", None),
        ("not eta > 1", None),
        ("eta > 1 and n == 8", False),
        ("eta > 1 and n == 7", None),
        ("eta > 1 or n == 7", True),
        ("eta > 1 or n == 8", None),
        ("eta + 1", None),
        ("-eta", None),
        ("eta in [1]", None),
        ("eta not in [1]", None),
        ("eta is null", True),
        ("eta + n is null", True),
        ("eta is not null", False),
        ("n is null", False),
        ("n / zero", None),
        ("n % zero", None),
        ("n / 0.0 is null", True),
    ],
)
def test_null_is_neither_true_nor_false(text: str, value: Any) -> None:
    assert evaluate(parse(text), EVENT) is value


def test_only_true_is_taken() -> None:
    assert holds(parse("n == 7"), EVENT)
    assert not holds(parse("n == 8"), EVENT)
    assert not holds(parse("eta == 8"), EVENT)
    with pytest.raises(FilterError, match=r"its value is a number \(n = 7\); write a condition"):
        holds(parse("n"), EVENT)


def test_nan_is_unequal_to_everything_and_no_null() -> None:
    values = {"x": math.nan}
    assert evaluate(parse("x == x"), values) is False
    assert evaluate(parse("x != x"), values) is True
    assert evaluate(parse("x is null"), values) is False


def test_the_tree_keeps_columns_and_flattens_what_is_associative() -> None:
    assert parse("a and b and c") == Logic("and", (Name("a", 1), Name("b", 7), Name("c", 13)), 3)
    assert parse("1 < a < b") == Logic(
        "and",
        (Compare("<", Literal(1, 1), Name("a", 5), 3), Compare("<", Name("a", 5), Name("b", 9), 7)),
        3,
    )
    assert parse("a not in ['x']") == Membership(Name("a", 1), ("x",), True, 3)
    assert parse("a is not null") == IsNull(Name("a", 1), True, 3)


def test_names_are_all_names_wherever_they_stand() -> None:
    assert names(parse("a + `b c` > -d and (not e or f in [1] or g is null) or a")) == set("adefg") | {"b c"}


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a = 3", 3, "unknown operator '='; write '=='"),
        ("a && b", 3, "write 'and'"),
        ("a || b", 3, "write 'or'"),
        ("!a", 1, "write 'not'"),
        ("a > 3 AND b", 7, r"expected 'and', 'or' or an operator, found 'AND' \(keywords are small: 'and'\)"),
        ("a >", 4, "expected a name, a value or '\\(', found the end"),
        ("(a > 3", 7, "expected '\\)' for the '\\(' in column 1, found the end"),
        ("a > 3)", 6, "found '\\)'"),
        ("a == 'x", 6, "never closed"),
        ("a == 'x\\q'", 8, "unknown escape"),
        ("`a > 3", 1, "backticks"),
        ("énergie > 3", 1, "odd characters stands in backticks"),
        ("a == null", 3, "write 'is null'"),
        ("a in []", 7, "the list is empty"),
        ("a in [b]", 7, "a list holds"),
        ("a in [1, null]", 10, "a list holds"),
        ("a in [1, 'x']", 3, "mixes numbers and text"),
        ("a in 3", 6, "expected '\\[' after 'in'"),
        ("a not b", 7, "expected 'in' after 'not'"),
        ("a is 3", 6, "expected 'null' after 'is'"),
        ("a < 3 in [true]", 7, "after a comparison; put one of them in brackets"),
        ("a in [1] == true", 10, "'==' after 'in'"),
        ("a is null == b", 11, "'==' after 'is'"),
        ("a == not b", 6, "wants brackets"),
        ("3 abc", 3, "found 'abc'"),
        ("18446744073709551616 == a", 1, "does not fit 64 bits"),
        ("-9223372036854775809 == a", 1, "does not fit 64 bits"),
        ("1e999 == a", 1, "too large for a double"),
        ("a ; b", 3, "unexpected character ';'"),
        ("a.b > 3", 2, "unexpected character '.'"),
    ],
)
def test_a_mistake_is_shown_with_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(FilterError, match=message) as caught:
        parse(text)
    said, shown, caret = str(caught.value).split("\n")
    assert said.startswith(f"filter: column {column}: ")
    assert shown == f"    {text}"
    assert caret.index("^") == 4 + column - 1


def test_a_mistake_far_to_the_right_is_shown_in_a_window() -> None:
    with pytest.raises(FilterError) as caught:
        parse("a == 1 or " * 100 + "?" + " or a == 1" * 100)
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) < 80
    assert shown[caret.index("^")] == "?"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_filter_is_a_mistake(text: str) -> None:
    with pytest.raises(FilterError, match="it is empty"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enrgy > 80", "unknown name 'enrgy'; did you mean 'energy'"),
        ("zzzzz > 80", "unknown name 'zzzzz'; known: Muon pt, energy, eta, good, n, status, zero"),
        ("status > 80", r"'>' compares text \(status = 'active'\) with a number \(80\)"),
        ("good == 1", "compares a boolean"),
        ("good < true", "does not order booleans"),
        ("status + 1 > 2", r"column 8: '\+' wants numbers and got text \(status = 'active'\)"),
        ("-status == 1", "'-' wants numbers"),
        ("good + 1 == 2", "wants numbers and got a boolean"),
        ("n and good", "'and' wants a condition and got a number"),
        ("not n", "'not' wants a condition"),
        ("status in [1]", "in a list of values like 1"),
        ("n == 8 and enrgy > 1", "unknown name"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        evaluate(parse(text), EVENT)


def test_a_value_that_is_no_scalar_cannot_be_compared() -> None:
    with pytest.raises(FilterError, match="compares a list"):
        evaluate(parse("tags == 1"), {"tags": [1]})
    assert evaluate(parse("tags is null"), {"tags": [1]}) is False


@pytest.mark.parametrize(
    "text",
    [
        "(" * 30_000 + "a" + ")" * 30_000,
        "not " * 15_000 + "a",
        "-" * 60_000 + "a",
        "a" + "+a" * 30_000,
        "a in " + "[" * 60_000,
        "a == " * 10_000 + "not a",
        "a" * 70_000,
        "1" * 60_000,
    ],
    ids=["brackets", "not", "minus", "plus", "lists", "chain", "length", "digits"],
)
def test_hostile_text_is_refused_without_harm(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_long_flat_filters_are_fine() -> None:
    runs = ", ".join(str(run) for run in range(5000))
    assert evaluate(parse(f"n in [{runs}]"), EVENT) is True
    assert evaluate(parse(" or ".join(["n == 8"] * 5000) + " or n == 7"), EVENT) is True
    assert evaluate(parse("n" + "+n" * 100), EVENT) == 707
    assert evaluate(parse("(" * 49 + "n" + ")" * 49), EVENT) == 7


@given(st.text(alphabet="abn01.'\"`()[],<>=!+-*/% \n\\andorotisull", max_size=40))
def test_any_text_parses_or_is_a_filter_error(text: str) -> None:
    try:
        node = parse(text)
    except FilterError:
        return
    assert isinstance(names(node), frozenset)


def written(node: Node) -> str:
    """Returns a filter's text with every bracket there."""
    match node:
        case Name():
            return f"`{node.name}`"
        case Literal():
            return "null" if node.value is None else repr(node.value)
        case Logic():
            return "(" + f" {node.op} ".join(written(operand) for operand in node.operands) + ")"
        case Unary():
            return f"({node.op} {written(node.operand)})"
        case Binary() | Compare():
            return f"({written(node.left)} {node.op} {written(node.right)})"
        case Membership():
            values = ", ".join(written(Literal(value)) for value in node.values)
            return f"({written(node.operand)} {'not ' * node.negated}in [{values}])"
        case IsNull():
            return f"({written(node.operand)} is {'not ' * node.negated}null)"


numbers = st.integers(-9, 9)
number_nodes = st.recursive(
    st.sampled_from([Name("x"), Name("y"), Name("z")]),
    lambda inner: st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "%"]), inner, inner),
    max_leaves=4,
)
conditions = st.recursive(
    st.builds(Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), number_nodes, number_nodes)
    | st.builds(IsNull, number_nodes, st.booleans())
    | st.builds(
        Membership, number_nodes, st.lists(numbers, min_size=1, max_size=3).map(tuple), st.booleans()
    ),
    lambda inner: (
        st.builds(Unary, st.just("not"), inner)
        | st.builds(Logic, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@given(conditions, st.fixed_dictionaries(dict.fromkeys("xyz", st.none() | numbers)))
def test_a_filter_written_out_and_parsed_again_means_the_same(node: Node, values: dict[str, Any]) -> None:
    assert evaluate(parse(written(node)), values) is evaluate(node, values)


@given(conditions, conditions, st.fixed_dictionaries(dict.fromkeys("xyz", st.none() | numbers)))
def test_de_morgan_holds_with_nulls(left: Node, right: Node, values: dict[str, Any]) -> None:
    both = Unary("not", Logic("and", (left, right)))
    either = Logic("or", (Unary("not", left), Unary("not", right)))
    assert evaluate(both, values) is evaluate(either, values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sqrt(px * px + py * py)", 5.0),
        ("-abs(px) + 1", -2),
        ("abs(-sqrt(4)) * 2", 4.0),
        ("sqrt(px) is null", True),
        ("sqrt(nothing)", None),
        ("abs + 1", 8),
        ("`abs` + abs (px)", 10),
    ],
)
def test_functions_of_a_number(text: str, value: object) -> None:
    assert evaluate(parse(text), {"px": -3, "py": 4, "nothing": None, "abs": 7}) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sin(x) > 1", "column 1: no function 'sin'; known: abs, sqrt"),
        ("sqr(x) > 1", "did you mean 'sqrt'?"),
        ("sqrt(x > 1", "expected ')' behind what sqrt is of"),
        ("sqrt() > 1", "expected a name"),
        ("abs(x, y) > 1", "expected ')'"),
        ("abs(" * 60, "nested more than 50 deep"),
    ],
)
def test_wrong_functions_are_told(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=re.escape(words)):
        parse(text)


def test_functions_want_numbers() -> None:
    with pytest.raises(FilterError, match="'abs' wants numbers and got text"):
        evaluate(parse("abs(x) > 1"), {"x": "a"})
    with pytest.raises(FilterError, match="'sqrt' overflows a double"):
        evaluate(parse("sqrt(x * x * x * x * x * x * x) > 1"), {"x": 10**60})
