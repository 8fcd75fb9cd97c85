"""Links, nulls and arrays as CWL v1.2 says."""

from __future__ import annotations

from typing import Any

import pytest

from helios_wf.cwl.dataflow import array, dot_length, link, pick
from helios_wf.errors import JobError
from helios_wf.states import Cause

NESTED, FLAT = "merge_nested", "merge_flattened"


@pytest.mark.parametrize(
    ("values", "how", "expected"),
    [
        ([1], None, 1),
        ([[1, 2]], None, [1, 2]),
        ([1], NESTED, [1]),
        ([[1, 2]], NESTED, [[1, 2]]),
        ([1, 2], None, [1, 2]),
        ([[1], [2]], NESTED, [[1], [2]]),
        ([[1], 2, None], FLAT, [1, 2, None]),
        ([[1, 2]], FLAT, [1, 2]),
        ([[[1], [2]]], FLAT, [[1], [2]]),
        ([7], FLAT, [7]),
        ([None], None, None),
        ([[], []], FLAT, []),
    ],
)
def test_sources_join_as_link_merge_says(values: list[Any], how: str | None, expected: Any) -> None:
    assert link(values, how, None) == expected


def test_pick_value_chooses_among_what_is_not_null() -> None:
    assert pick([None, 0, 1], "first_non_null") == 0
    assert pick([None, False], "the_only_non_null") is False
    assert pick([None, 1, None, 2], "all_non_null") == [1, 2]
    assert pick([], "all_non_null") == []
    assert pick("no list", "first_non_null") == "no list"
    assert link([None, "b"], NESTED, "first_non_null") == "b"
    assert link([[None, 1], [2]], FLAT, "all_non_null") == [1, 2]


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ([None, None], "first_non_null"),
        ([], "first_non_null"),
        ([None], "the_only_non_null"),
        ([1, 2], "the_only_non_null"),
    ],
)
def test_pick_value_that_finds_nothing_or_too_much_fails(values: list[Any], how: str) -> None:
    with pytest.raises(JobError, match=how) as caught:
        pick(values, how)
    assert caught.value.cause is Cause.EXPRESSION


def test_a_dot_product_names_all_lengths_that_differ() -> None:
    assert dot_length({"a": 3, "b": 3}) == 3
    with pytest.raises(JobError, match="a has 3, b has 2"):
        dot_length({"a": 3, "b": 2})


@pytest.mark.parametrize("value", [None, "text", {"class": "File"}, 3])
def test_only_arrays_are_scattered_over(value: Any) -> None:
    with pytest.raises(JobError, match="cannot scatter over 'x'"):
        array(value, "x")
