"""Orders of tasks: each behind what it needs, ties as they were given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.graph import CycleError, order


@st.composite
def needs(draw) -> dict[int, list[int]]:
    count = draw(st.integers(0, 12))
    names = draw(st.permutations(range(count)))
    return {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else []
        for at, name in enumerate(names)
    }


@given(made=needs(), shuffled=st.randoms(use_true_random=False))
def test_everything_stands_behind_what_it_needs(made: dict[int, list[int]], shuffled) -> None:
    keys = list(made)
    shuffled.shuffle(keys)
    found = order({key: made[key] for key in keys})
    assert sorted(found) == sorted(keys)
    for key in keys:
        assert all(found.index(before) < found.index(key) for before in made[key])


def test_ties_keep_the_order_in_which_they_were_given() -> None:
    assert order({"z": [], "a": [], "m": ["a"]}) == ["z", "a", "m"]


def test_a_circle_is_named() -> None:
    with pytest.raises(CycleError) as caught:
        order({"a": ["c"], "b": ["a"], "c": ["b"], "d": []})
    assert set(caught.value.nodes) == {"a", "b", "c"}
    first, *_, last = str(caught.value).split(" -> ")
    assert first == last
