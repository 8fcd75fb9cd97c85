"""Filters on columns agree with filters on scalars, and refuse what cannot be compared."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helios_wf.errors import FilterError
from helios_wf.filters import evaluate, parse
from helios_wf.formats.filtering import Condition
from helios_wf.formats.pushdown import ruled_out

SCHEMA = pa.schema(
    [
        ("i", pa.int64()),
        ("small", pa.uint8()),
        ("big", pa.uint64()),
        ("x", pa.float64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
    ]
)

NUMBERS = st.sampled_from(["i", "small", "x", "3", "-2", "0", "1.5", "250"])
ARITHMETIC = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "-"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
    ),
    max_leaves=4,
)
COMPARISONS = st.one_of(
    st.tuples(ARITHMETIC, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), ARITHMETIC).map(" ".join),
    st.tuples(st.just("s"), st.sampled_from(["==", "!=", "<", ">="]), st.sampled_from(['"a"', '""'])).map(
        " ".join
    ),
    st.sampled_from(
        [
            "b",
            "b == true",
            "i in [1, 2, -3]",
            "x not in [0.5, 2]",
            's in ["a", "bc"]',
            "x is null",
            "s is not null",
        ]
    ),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda text: f"(not ({text}))"),
    ),
    max_leaves=4,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "i": st.none() | st.integers(-10, 10),
            "small": st.none() | st.integers(0, 255),
            "big": st.just(2**63 + 1),
            "x": st.none() | st.sampled_from([0.0, 0.5, -1.25, 1e300, math.nan, math.inf, 2.0]),
            "s": st.none() | st.sampled_from(["", "a", "bc"]),
            "b": st.none() | st.booleans(),
        }
    ),
    max_size=6,
)


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, ROWS)
@example("i % x == 0", [{"i": 0, "x": math.inf}, {"i": None, "x": 1.0}])
@example("x % 0.1 > 0.05", [{"x": 5.1}, {"x": -5.1}])
def test_columns_and_scalars_give_the_same_answers(text: str, rows: list[dict[str, Any]]) -> None:
    node = parse(text)
    try:
        expected = [evaluate(node, row) for row in rows]
    except FilterError:
        return
    mask = Condition(node, SCHEMA).mask(batch_of(rows))
    given_ = [mask] * len(rows) if isinstance(mask, bool) else mask.to_pylist()
    assert [value is True for value in given_] == [value is True for value in expected]


def test_only_events_for_which_it_is_true_are_kept_so_null_is_not() -> None:
    batch = batch_of([{"i": 1}, {"i": None}, {"i": 3}])
    assert Condition("i > 1", SCHEMA).kept(batch).column("i").to_pylist() == [3]
    assert Condition("not (i > 1)", SCHEMA).kept(batch).column("i").to_pylist() == [1]
    assert Condition("1 > 2", SCHEMA).kept(batch).num_rows == 0
    assert Condition("2 > 1", SCHEMA).kept(batch).num_rows == 3


def test_event_numbers_beyond_63_bits_compare_exactly() -> None:
    batch = batch_of([{"big": 2**63 + 1, "i": -1}, {"big": 2**63, "i": 5}, {"big": 5, "i": 5}])
    assert Condition("big > 5", SCHEMA).kept(batch).num_rows == 2
    assert Condition("big == i", SCHEMA).kept(batch).num_rows == 1
    assert Condition("big in [5, -1]", SCHEMA).kept(batch).column("big").to_pylist() == [5]


def test_small_integers_do_not_wrap_around() -> None:
    batch = batch_of([{"small": 200}])
    assert Condition("small + small == 400", SCHEMA).kept(batch).num_rows == 1
    assert Condition("-small < 0", SCHEMA).kept(batch).num_rows == 1


def test_a_sum_that_overflows_is_an_error() -> None:
    with pytest.raises(FilterError, match="overflow"):
        Condition("i * i > 0", SCHEMA).mask(batch_of([{"i": 2**62}]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enery > 80", "no column 'enery'"),
        ("x > 'a'", "compares a number with text"),
        ("x", "write a condition"),
        ("b < true", "does not order booleans"),
        ("s + 1 > 2", "wants numbers and got text"),
        ("i in ['a']", "looks for a number in a list of text"),
        ("l > 1", "is list<"),
        ("x and b", "wants conditions"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused_with_its_place(text: str, message: str) -> None:
    schema = SCHEMA.append(pa.field("l", pa.list_(pa.float32()))).append(pa.field("energy", pa.float32()))
    with pytest.raises(FilterError, match=message):
        Condition(text, schema, "run7.root")


def test_an_unknown_column_gets_the_nearest_name() -> None:
    schema = pa.schema([("energy", pa.float32()), ("status", pa.string())])
    with pytest.raises(FilterError, match="did you mean 'energy'"):
        Condition("enery > 80", schema)


def test_times_compare_with_text() -> None:
    schema = pa.schema([("t", pa.timestamp("ns"))])
    batch = pa.RecordBatch.from_pylist([{"t": "2024-05-01"}, {"t": None}], pa.schema([("t", pa.string())]))
    batch = batch.cast(schema)
    assert Condition('t >= "2024-04-30 12:00:00"', schema).kept(batch).num_rows == 1
    with pytest.raises(FilterError, match="noon"):
        Condition('t >= "noon"', schema).mask(batch)


def test_a_column_without_any_value_holds_for_nothing() -> None:
    schema = pa.schema([("e", pa.null())])
    empty = pa.RecordBatch.from_pylist([], schema)
    assert Condition("e > 80", schema).kept(empty).num_rows == 0
    assert (
        Condition("e > 80 or e is null", schema)
        .kept(pa.RecordBatch.from_pylist([{"e": None}], schema))
        .num_rows
        == 1
    )


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, ROWS)
def test_statistics_rule_out_only_what_holds_for_no_event(text: str, rows: list[dict[str, Any]]) -> None:
    extremes = {}
    for name in SCHEMA.names:
        values = [row[name] for row in rows if row[name] is not None and row[name] == row[name]]
        if values:
            extremes[name] = (min(values), max(values))
    node = parse(text)
    if ruled_out(node, extremes):
        mask = Condition(node, SCHEMA).mask(batch_of(rows))
        assert True not in (
            [mask] if isinstance(mask, bool) and rows else [] if isinstance(mask, bool) else mask.to_pylist()
        )


def test_the_root_of_a_large_integer_is_that_of_the_nearest_double() -> None:
    batch = batch_of([{"i": 2**62 + 1}, {"i": -4}])
    assert Condition("sqrt(i) == 2147483648", SCHEMA).mask(batch).to_pylist() == [True, None]
    assert Condition("abs(i) == 4", SCHEMA).mask(batch).to_pylist() == [False, True]
    with pytest.raises(FilterError, match="overflow"):
        Condition("abs(i) > 0", SCHEMA).mask(batch_of([{"i": -(2**63)}]))
    with pytest.raises(FilterError, match="'sqrt' wants numbers and got text"):
        Condition("sqrt(s) > 1", SCHEMA)


NUMBERS = pa.record_batch(
    {
        "n": pa.array([-3, 0, 2, 2**53 + 1, 7], pa.int64()),
        "small": pa.array([-3, 0, 2, 5, 7], pa.int16()),
        "e": pa.array([0.1, float("nan"), -0.0, float("inf"), 80.5], pa.float64()),
        "f": pa.array([0.1, 0.25, -0.0, 3.0, 80.5], pa.float32()),
        "u": pa.array([1, 2, 3, 2**64 - 1, 5], pa.uint64()),
        "gap": pa.array([1.0, None, 3.0, None, 5.0], pa.float64()),
        "text": pa.array(["a", "b", "c", "d", "e"]),
    }
)


@pytest.mark.parametrize(
    ("condition", "on_device"),
    [
        ("e > 80", True),
        ("e != e", True),
        ("not (e <= 80)", True),
        ("f == 0.1", True),
        ("f > 0.1 and small >= 0 or n == 7", True),
        ("small in [2, 5, 11]", True),
        ("small not in [2, 5, 11]", True),
        ("n == 9007199254740993", True),
        ("small < 2.5", True),
        ("e * 2.0 + 1.0 > abs(f)", True),
        ("-e < 0.0", True),
        ("e is null", True),
        ("e is not null", True),
        ("small + 1 > 2", False),
        ("e / f > 1", False),
        ("gap > 2", False),
        ("gap is null", False),
        ("u > 2", False),
        ("text == 'a'", False),
        ("e in [0.1, 80.5]", False),
    ],
)
def test_on_a_device_a_filter_keeps_the_same_events(condition: str, on_device: bool) -> None:
    import numpy as np

    from helios_wf.formats.filter_device import mask_of

    plain = Condition(condition, NUMBERS.schema)
    there = Condition(condition, NUMBERS.schema, xp=np)
    assert there.kept(NUMBERS)["text"].to_pylist() == plain.kept(NUMBERS)["text"].to_pylist()
    assert (mask_of(plain.node, NUMBERS, np) is not None) is on_device
