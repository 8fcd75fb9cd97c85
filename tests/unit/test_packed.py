"""Long arrays kept as text are arrays all the same."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.cwl.inputs import change_files
from helios_wf.model import digest
from helios_wf.model.packed import Packed, pack

values = st.lists(st.one_of(st.none(), st.integers(0, 9), st.text(max_size=3), st.just({"class": "File"})))


@given(values, values)
def test_a_packed_array_reads_like_a_list(plain: list[Any], other: list[Any]) -> None:
    packed = pack(plain)
    assert (list(packed), [*packed], packed[:], list(reversed(packed))) == (plain, plain, plain, plain[::-1])
    assert packed == plain
    assert (packed == other, packed != other) == (plain == other, plain != other)
    assert (other + packed, packed + other) == (other + plain, plain + other)
    assert [packed[index] for index in range(len(plain))] == plain
    assert json.loads(json.dumps(packed)) == msgspec.json.decode(msgspec.json.encode(packed)) == plain
    assert pickle.loads(pickle.dumps(packed)) == copy.deepcopy(packed) == plain


def test_the_digest_of_a_packed_array_is_that_of_the_plain_one_whatever_the_order_of_its_keys() -> None:
    assert digest({"x": pack([{"b": 1, "a": {"d": 1, "c": 2}}])}) == digest(
        {"x": [{"a": {"c": 2, "d": 1}, "b": 1}]}
    )


def test_a_packed_array_holds_text_and_not_its_elements() -> None:
    packed = pack({"class": "File"} for _ in range(3))
    assert {type(piece) for piece in list.__iter__(packed)} == {msgspec.Raw}
    assert packed[0] is not packed[0]


def test_a_packed_array_refuses_to_be_changed() -> None:
    packed = pack([1, 2])
    with pytest.raises(TypeError, match="cannot be changed"):
        packed.append(3)
    with pytest.raises(TypeError, match="cannot be changed"):
        packed[0] = 3


def test_elements_are_packed_one_by_one_as_they_are_made() -> None:
    alive: list[int] = []

    class Made(dict[str, int]):
        def __del__(self) -> None:
            alive.remove(0)

    def make() -> Iterator[Made]:
        for _ in range(100):
            assert len(alive) <= 1
            alive.append(0)
            yield Made(n=1)

    assert pack(make()) == [{"n": 1}] * 100


def test_text_that_is_not_utf_8_leaves_the_array_as_it_is() -> None:
    given = ["a", "\udcff", "b"]
    found = pack(given)
    assert found == given
    assert not isinstance(found, Packed)


def test_what_changes_files_keeps_an_array_packed() -> None:
    packed = pack({"class": "File", "path": f"/{number}"} for number in range(3))
    found = change_files({"files": packed}, lambda file: file | {"size": 1})
    assert isinstance(found["files"], Packed)
    assert found["files"][2] == {"class": "File", "path": "/2", "size": 1}
