"""Event ranges: cut, bisect, cover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.ranges import bisect, covers, cut, cut_into

spans = st.tuples(st.integers(0, 10**12), st.integers(0, 5000)).map(lambda pair: (pair[0], sum(pair)))
sizes = st.integers(1, 6000)


@st.composite
def clustered(draw: st.DrawFn) -> tuple[int, int, tuple[int, ...]]:
    first, stop = draw(spans)
    inner = draw(st.sets(st.integers(first, stop), max_size=20))
    return first, stop, tuple(sorted(inner))


@given(spans, sizes)
def test_a_cut_covers_every_event_once(span: tuple[int, int], size: int) -> None:
    assert covers(cut(*span, size), *span)


@given(clustered(), sizes)
def test_a_cut_along_clusters_covers_every_event_once(
    span: tuple[int, int, tuple[int, ...]], size: int
) -> None:
    first, stop, clusters = span
    ranges = cut(first, stop, size, clusters)
    assert covers(ranges, first, stop)
    assert len(ranges) == len(cut(first, stop, size))
    assert ranges == cut(first, stop, size, clusters)


@given(spans, sizes)
def test_pieces_are_near_equal_and_neither_tiny_nor_huge(span: tuple[int, int], size: int) -> None:
    lengths = [stop - first for first, stop in cut(*span, size)]
    if lengths:
        assert max(lengths) - min(lengths) <= 1
        assert max(lengths) <= -(-3 * size // 2)
    if len(lengths) > 1:
        assert min(lengths) >= 2 * size // 3


@given(clustered(), sizes)
def test_a_boundary_moves_by_less_than_a_tenth_and_only_to_a_cluster(
    span: tuple[int, int, tuple[int, ...]], size: int
) -> None:
    first, stop, clusters = span
    plain, snapped = cut(first, stop, size), cut(first, stop, size, clusters)
    for (_, before), (_, after) in zip(plain, snapped, strict=True):
        assert before == after or after in clusters
        assert abs(before - after) * 10 * len(plain) < max(1, stop - first)


@given(spans, st.integers(1, 50))
def test_a_file_is_cut_into_as_many_pieces_as_asked_if_it_has_the_events(
    span: tuple[int, int], pieces: int
) -> None:
    ranges = cut_into(*span, pieces)
    assert len(ranges) == min(pieces, span[1] - span[0])
    assert covers(ranges, *span)


@given(spans, st.integers(0, 5000))
def test_halves_cover_the_whole(span: tuple[int, int], offset: int) -> None:
    first, stop = span
    if stop - first < 2:
        with pytest.raises(ValueError, match="fewer than two events"):
            bisect(first, stop)
        return
    halves = bisect(first, stop)
    assert covers(halves, first, stop)
    assert len(halves) == 2
    at = first + offset % (stop - first)
    around = bisect(first, stop, at)
    assert covers(around, first, stop)
    assert (at, at + 1) in around


def test_bisecting_reaches_every_single_event_in_about_log2_steps() -> None:
    first, stop, steps = 0, 1 << 20, 0
    while stop - first > 1:
        first, stop = bisect(first, stop)[1]
        steps += 1
    assert (first, steps) == ((1 << 20) - 1, 20)


def test_some_cuts_as_they_are_documented() -> None:
    assert cut(0, 0, 10) == []
    assert cut(5, 5, 10, (0, 5)) == []
    assert cut(0, 14, 10) == [(0, 14)]
    assert cut(0, 15, 10) == [(0, 7), (7, 15)]
    assert cut(0, 3, 1000) == [(0, 3)]
    assert cut(100, 130, 10) == [(100, 110), (110, 120), (120, 130)]
    assert cut(0, 1000, 500, (0, 451, 1000)) == [(0, 451), (451, 1000)]
    assert cut(0, 1000, 500, (0, 450, 1000)) == [(0, 500), (500, 1000)]
    assert cut_into(0, 3, 4) == [(0, 1), (1, 2), (2, 3)]
    assert cut_into(0, 0, 4) == []


@pytest.mark.parametrize(
    ("ranges", "answer"),
    [
        ([(0, 5), (5, 10)], True),
        ([(5, 10), (0, 5)], True),
        ([(0, 5), (6, 10)], False),
        ([(0, 6), (5, 10)], False),
        ([(0, 5), (0, 5), (5, 10)], False),
        ([(0, 10), (10, 11)], False),
        ([(0, 9)], False),
        ([(0, 5), (5, 5), (5, 10)], False),
        ([], False),
    ],
)
def test_a_gap_or_an_overlap_is_no_cover(ranges: list[tuple[int, int]], answer: bool) -> None:
    assert covers(ranges, 0, 10) is answer


def test_no_ranges_cover_no_events() -> None:
    assert covers([], 7, 7)


def test_impossible_cuts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        cut(0, 10, 0)
    with pytest.raises(ValueError, match="at least 1"):
        cut_into(0, 10, 0)
    with pytest.raises(ValueError, match="is no range"):
        cut(10, 0, 5)
    with pytest.raises(ValueError, match="is no range"):
        cut_into(-1, 5, 5)
    with pytest.raises(ValueError, match="event 10 is not in"):
        bisect(0, 10, 10)
