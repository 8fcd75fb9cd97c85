"""Sizes by time: ranges come to last what they should, follow the rate, and leave no small rest."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from helios_wf.engine.pacing import FIRST_EVENTS, GROWTH, Pace, Timed
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
