"""How a merge's inputs are grouped: all of them, in order, never more than allowed, without holes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from helios_wf.engine.merges import Merge
from helios_wf.plan.merging import Scheme, scheme

WEIGHTS = st.lists(st.integers(0, 20), max_size=40)
MOST = st.none() | st.integers(2, 6)


def leaves(levels: list[list[list[int]]], level: int, group: int) -> list[int]:
    """Returns the inputs that a job reads, through the levels below it."""
    first, stop = levels[level][group]
    if level == 0:
        return list(range(first, stop))
    return [leaf for below in range(first, stop) for leaf in leaves(levels, level - 1, below)]


def read(made: Scheme) -> list[int]:
    return [leaf for levels in made for leaf in leaves(levels, len(levels) - 1, 0)]


@given(weights=WEIGHTS, most=MOST, target=st.none() | st.integers(1, 30))
def test_every_input_is_read_once_in_order(weights: list[int], most: int | None, target: int | None) -> None:
    made = scheme(len(weights), most, weights, target)
    assert read(made) == list(range(len(weights)))
    for levels in made:
        assert len(levels[-1]) == 1
        assert all(stop - first <= (most or len(weights)) for groups in levels for first, stop in groups)


@given(weights=st.lists(st.integers(0, 20), min_size=1, max_size=40), target=st.integers(1, 30))
def test_an_output_closes_before_it_outgrows_its_target(weights: list[int], target: int) -> None:
    made = scheme(len(weights), None, weights, target)
    spans = [levels[0][0] for levels in made]
    for first, stop in spans:
        assert stop > first
        assert sum(weights[first:stop]) <= target or stop - first == 1
    for (first, stop), (_, following) in pairwise(spans):
        assert sum(weights[first : stop + 1]) > target, "it could have taken one more"
        assert following > stop


def test_no_inputs_are_one_output_of_none() -> None:
    assert scheme(0, 3, [], 10) == scheme(0, None, None, None) == [[[[0, 0]]]]


def test_a_tree_is_near_equal() -> None:
    assert scheme(10, 4, None, None) == [[[[0, 3], [3, 6], [6, 10]], [[0, 3]]]]


@given(n=st.integers(0, 60), most=MOST, shuffled=st.randoms(use_true_random=False))
def test_a_merge_starts_every_job_once_and_ends_when_all_are_done(n: int, most: int | None, shuffled) -> None:
    merge = Merge((7,), scheme(n, most, [1] * n, 9))
    ready = list(merge.first_jobs())
    started = set(ready)
    while ready:
        assert not merge.is_complete
        path = ready.pop(shuffled.randrange(len(ready)))
        for following in merge.done(path):
            assert following not in started
            started.add(following)
            ready.append(following)
    assert merge.is_complete
    assert len(started) == merge.n_jobs
    assert all(path[0] == 7 for path in started)
    assert set(merge.last_jobs()) <= started
