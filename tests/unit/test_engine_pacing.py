"""Sizes by time: ranges come to last what they should, follow the rate, and leave no small rest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.engine.pacing import FIRST_EVENTS, FIRST_JOBS, GROWTH, Pace, Timed, cut_jobs
from helios_wf.ranges import Range, covers

START_S = 0.05
"""What each range takes besides its events."""


def played(
    n: int,
    seconds: float,
    per_event_s: Callable[[int], float],
    pace: Pace | None = None,
    clusters: tuple[int, ...] = (),
    ahead: int = 1,
) -> list[Range]:
    """Returns the ranges of a job of ``n`` events, ``ahead`` of them cut before the first of them is done."""
    timed = Timed(n, seconds, pace or Pace(), clusters)
    found: list[Range] = []
    at, done = 0, 0
    while done < n:
        hand = []
        while at < n and len(hand) < ahead:
            hand.append(timed.next(at))
            at = hand[-1][1]
        for first, stop in hand:
            timed.learn(stop - first, START_S + sum(per_event_s(event) for event in range(first, stop)))
            done = stop
        found += hand
    return found


def sizes(found: list[Range]) -> list[int]:
    return [stop - first for first, stop in found]


@given(
    n=st.integers(1, 3000),
    seconds=st.floats(0.01, 100),
    per_event_s=st.floats(1e-6, 1.0),
    guess=st.none() | st.floats(1e-6, 10.0),
    ahead=st.integers(1, 5),
)
def test_the_ranges_cover_the_job_once(
    n: int, seconds: float, per_event_s: float, guess: float | None, ahead: int
) -> None:
    assert covers(played(n, seconds, lambda event: per_event_s, Pace(guess), ahead=ahead), 0, n)


def test_the_first_ranges_are_small_and_the_others_last_what_they_should() -> None:
    found = sizes(played(100_000, 10.0, lambda event: 0.01))
    assert found[0] == FIRST_EVENTS
    assert found[1] <= GROWTH * FIRST_EVENTS
    assert all(800 <= size <= 1200 for size in found[6:])


def test_a_guess_sizes_the_first_range() -> None:
    found = sizes(played(100_000, 10.0, lambda event: 0.01, Pace(0.02)))
    assert found[0] == 500
    assert all(500 <= size <= 1200 for size in found)


def test_no_range_is_much_smaller_than_those_before_it() -> None:
    for n in range(20_000, 21_000, 37):
        found = sizes(played(n, 10.0, lambda event: 0.01))
        assert min(found[6:]) >= 0.6 * max(found[6:])


def test_a_change_of_the_rate_is_followed() -> None:
    found = played(100_000, 10.0, lambda event: 0.01 if event < 50_000 else 0.05)
    late = [stop - first for first, stop in found if first > 65_000]
    assert late
    assert all(150 <= size <= 300 for size in late)


def test_a_second_job_begins_with_what_the_task_has_learned_and_goes_its_own_way() -> None:
    pace = Pace()
    played(50_000, 10.0, lambda event: 0.01, pace)
    found = sizes(played(50_000, 10.0, lambda event: 0.002, pace))
    assert 700 <= found[0] <= 1200
    assert max(found) > 3500


def test_boundaries_are_snapped_to_clusters_that_are_near() -> None:
    clusters = tuple(range(0, 100_001, 100))
    found = played(100_000, 100.0, lambda event: 0.01, Pace(0.01), clusters)
    assert all(stop % 100 == 0 for _, stop in found)


def jobs_of(
    n: int, seconds: float, per_event_s: float, pace: Pace, clusters: tuple[int, ...] = ()
) -> list[Range]:
    """Returns the jobs of a file, each round of them cut when the first of the one before is done."""
    found: list[Range] = []
    is_all = False
    while not is_all:
        at = found[-1][1] if found else 0
        more, is_all = cut_jobs(at, n, seconds, pace, clusters)
        first, stop = more[0]
        pace.learn(stop - first, START_S + per_event_s * (stop - first))
        found += more
    return found


@given(
    n=st.integers(1, 3000),
    seconds=st.floats(0.01, 1000),
    per_event_s=st.floats(1e-6, 10.0),
    guess=st.none() | st.floats(1e-6, 100.0),
    clusters=st.lists(st.integers(1, 2999), unique=True).map(sorted).map(tuple),
)
def test_the_jobs_cover_the_file_once(
    n: int, seconds: float, per_event_s: float, guess: float | None, clusters: tuple[int, ...]
) -> None:
    assert covers(jobs_of(n, seconds, per_event_s, Pace(guess), clusters), 0, n)


@pytest.mark.parametrize("guess", [None, 0.001, 10.0])
def test_the_first_jobs_tell_how_large_the_others_are_whatever_the_guess(guess: float | None) -> None:
    pace = Pace(guess)
    found = sizes(jobs_of(1_000_000, 60.0, 0.01, pace))
    assert found[0] == pytest.approx(FIRST_EVENTS if guess is None else 60 / guess, rel=0.2)
    rest = found[-50:]
    assert all(5000 < size < 6500 for size in rest), rest
    assert max(rest) - min(rest) <= 1
    later, is_all = cut_jobs(0, 100_000, 60.0, pace)
    assert is_all
    assert all(5000 < size < 6500 for size in sizes(later))


def test_jobs_grow_by_a_factor_until_they_last_long_enough_to_tell() -> None:
    found = sizes(jobs_of(1_000_000, 600.0, 0.01, Pace()))
    rounds = [found[at] for at in range(0, 24, FIRST_JOBS)]
    assert all(later <= 1.5 * GROWTH * FIRST_JOBS * before for before, later in pairwise(rounds))
    assert max(found) < 70_000


def test_the_last_job_is_not_much_smaller_than_those_beside_it() -> None:
    for n in range(20_000, 20_100):
        found = sizes(jobs_of(n, 10.0, 0.01, Pace()))
        assert found[-1] > 0.9 * found[-2]


def test_a_file_is_cut_by_the_rate_that_was_seen_last() -> None:
    pace = Pace()
    jobs_of(50_000, 10.0, 0.01, pace)
    for _ in range(20):
        pace.learn(1000, 100.0)
    found, is_all = cut_jobs(0, 10_000, 10.0, pace)
    assert is_all
    assert all(90 <= size <= 110 for size in sizes(found))


def test_the_boundaries_of_jobs_are_snapped_to_clusters_that_are_near() -> None:
    pace = Pace()
    pace.learn(1000, 10.0)
    found, _ = cut_jobs(0, 10_000, 10.0, pace, tuple(range(0, 10_000, 990)))
    assert found[1][0] == 990
