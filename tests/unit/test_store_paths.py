"""Index paths as keys: text order is numeric order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from helios_wf.store import paths

indices = st.lists(st.integers(0, 10**9), max_size=4)


def text(index: list[int]) -> str:
    return "/".join(map(str, index))


@given(indices)
def test_a_key_gives_its_path_back(index: list[int]) -> None:
    assert paths.path(paths.key(text(index))) == text(index)


@given(st.lists(indices, max_size=20))
def test_keys_sort_as_indices_do(many: list[list[int]]) -> None:
    assert sorted(paths.key(text(index)) for index in many) == [
        paths.key(text(index)) for index in sorted(many)
    ]


@given(indices, indices)
def test_a_range_of_keys_is_all_that_lies_below_a_prefix(prefix: list[int], index: list[int]) -> None:
    first, stop = paths.below(text(prefix))
    inside = first <= paths.key(text(index)) < stop
    assert inside == (len(index) > len(prefix) and index[: len(prefix)] == prefix)
