"""Repair: what failed is cut until the events that cannot be processed stand alone; nothing else is lost."""

from __future__ import annotations

import math
import tracemalloc

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from range_tools import TOLERANT, Ledger, book_of, fails_on, play

from helios_wf.engine.range_book import Book
from helios_wf.engine.repair import SAMPLES, Health, Next, OpenRange, judge
from helios_wf.model import RangeReport, RetryField, TolerateField
from helios_wf.ranges import Cuts, covers, cut
from helios_wf.states import Cause, RangeState

SETTLED = (RangeState.DONE, RangeState.FATAL)
LIMITS = settings(max_examples=200, deadline=None)


@given(first=st.integers(0, 50), n=st.integers(1, 400), size=st.integers(1, 500), data=st.data())
def test_cuts_are_those_of_cut_one_at_a_time(first: int, n: int, size: int, data: st.DataObject) -> None:
    clusters = sorted(data.draw(st.sets(st.integers(first, first + n), max_size=20)))
    cuts = Cuts(first, first + n, size, clusters)
    found = []
    at = first
    while at < first + n:
        found.append(cuts.next(at))
        at = found[-1][1]
    assert found == cut(first, first + n, size, clusters)


@LIMITS
@given(
    n=st.integers(1, 300),
    size=st.integers(1, 300),
    bad=st.sets(st.integers(0, 299), max_size=6),
    at_once=st.integers(1, 5),
)
def test_exactly_the_bad_events_are_given_up_and_all_others_are_done_once(
    n: int, size: int, bad: set[int], at_once: int
) -> None:
    bad = {one for one in bad if one < n}
    health = Health(TOLERANT)
    ledger = play(book_of(n, size, health=health), fails_on(bad), at_once)
    if health.verdict:
        event("taken for a tool that fails on everything")
        assert len(health.samples) >= SAMPLES
        return
    assert covers(ledger.of(*SETTLED), 0, n)
    assert ledger.events(RangeState.FATAL) == sorted(bad)
    assert set(ledger.committed.values()) <= {0, 1}
    assert all(state in (*SETTLED, RangeState.SPLIT) for state in ledger.states.values())


def worst(n: int) -> int:
    return max(runs(n, at) for at in range(n))


def runs(n: int, at: int) -> int:
    ledger = play(book_of(n), fails_on({at}))
    assert ledger.events(RangeState.FATAL) == [at]
    return ledger.runs


def test_one_bad_event_costs_no_more_than_two_tries_for_each_halving_and_three() -> None:
    for n in (*range(1, 50), 63, 64, 65, 127, 128, 129):
        assert worst(n) <= 2 * math.log2(n) + 3


@LIMITS
@given(at=st.integers(0, 999_999))
def test_one_bad_event_of_a_million_is_found_in_42_tries(at: int) -> None:
    assert runs(1_000_000, at) <= 42 <= 2 * math.log2(1_000_000) + 3


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_a_tool_that_fails_on_everything_is_given_up_quickly(size: int) -> None:
    health = Health(TOLERANT)
    ledger = play(book_of(1_000_000, size, health=health), lambda one: Cause.EXIT)
    assert ledger.runs <= 2 * (2 + 2 + SAMPLES) + 6
    assert health.verdict is not None


def test_a_task_that_has_worked_is_not_taken_for_one_that_never_does() -> None:
    health = Health(TOLERANT)
    bad = set(range(500, 600))
    ledger = play(book_of(1000, 100, health=health), fails_on(bad))
    assert ledger.events(RangeState.FATAL) == sorted(bad)


def test_without_tolerance_more_than_a_hundred_events_are_not_looked_for() -> None:
    health = Health()
    ledger = play(book_of(10_000, health=health), fails_on(range(0, 10_000, 7)))
    assert "too many" in str(health.verdict)
    assert len(ledger.events(RangeState.FATAL)) == 101


def test_without_tolerance_nothing_new_is_begun_behind_a_lost_event_but_bisection_ends() -> None:
    book = book_of(1000, 10, RetryField(attempts=1), Health())
    ledger = play(book, fails_on({500, 507}), at_once=1)
    assert ledger.events(RangeState.FATAL) == [500, 507]
    assert book.is_doomed
    assert book.tail == 510


def test_the_task_s_tolerance_ends_the_search() -> None:
    health = Health(TOLERANT)
    health.most_lost = 3
    ledger = play(book_of(1000, health=health), fails_on(range(0, 1000, 100)))
    assert ledger.events(RangeState.FATAL) == [0, 100, 200, 300]
    assert health.verdict == "4 events are lost for good and 3 may be"


def test_a_job_of_a_task_that_tolerates_jobs_may_lose_any_number_of_events() -> None:
    health = Health(TolerateField(jobs=0.5))
    ledger = play(book_of(400, 100, health=health), fails_on(range(100, 300)))
    assert health.verdict is None
    assert len(ledger.events(RangeState.FATAL)) >= 100


def test_other_ranges_wait_while_a_probe_says_whether_the_tool_works_at_all() -> None:
    health = Health(TOLERANT)
    one, other = (book_of(100, health=health, key=key) for key in ("one", "other"))
    for book in (one, other):
        for _ in range(2):
            (tried,) = book.take(1, 1e9)
            book.settle(RangeReport(*tried[:3], Cause.EXIT), 0.0)
    assert health.probe == "one"
    assert len(other.undecided) == 1
    assert other.next_due is None
    (left,) = one.take(5, 0.0)
    one.settle(RangeReport(*left[:3]), 0.0)
    changes = other.decide()
    assert [(str(moved.one), moved.to) for moved in changes.moved] == [("[0, 100)", RangeState.SPLIT)]
    assert [str(made) for made in changes.made] == ["[0, 50)", "[50, 100)"]


def test_where_the_probe_is_lost_as_a_whole_another_range_is_probed() -> None:
    health = Health(TOLERANT)
    ledger = play(book_of(20, 2, health=health), fails_on({0, 1}))
    assert ledger.events(RangeState.FATAL) == [0, 1]
    assert ledger.events(RangeState.DONE) == list(range(2, 20))


def test_a_tool_that_names_the_event_saves_the_search() -> None:
    book = book_of(1_000_000)
    ledger = Ledger()
    for _ in range(2):
        (one,) = book.take(1, 1e9)
        ledger.write(book.settle(RangeReport(*one[:3], Cause.EXIT, at_event=777), 0.0))  # type: ignore[arg-type]
    play(book, fails_on({777}), ledger=ledger)
    assert ledger.runs == 4
    assert ledger.of(RangeState.DONE) == [(0, 777), (778, 1_000_000)]
    assert ledger.of(RangeState.FATAL) == [(777, 778)]


def test_a_tool_that_always_names_the_first_event_is_not_believed_for_long() -> None:
    book = book_of(100_000)
    tries = 0
    while taken := book.take(1, 1e9):
        tries += 1
        bad = taken[0].first <= 60_000 < taken[0].stop
        report = RangeReport(*taken[0][:3], Cause.EXIT if bad else None, at_event=taken[0].first)
        book.settle(report, 0.0)
    assert book.is_settled
    assert tries < 60


BAD = OpenRange(0, 100, number=1)
CHILD = OpenRange(0, 50, number=1, depth=1)
SINGLE = OpenRange(7, 8, number=1, depth=7)


@pytest.mark.parametrize(
    ("one", "report", "retry", "expected"),
    [
        (BAD, {}, {}, Next.AGAIN),
        (BAD._replace(charged=1), {}, {}, Next.CUT),
        (CHILD, {}, {}, Next.CUT),
        (SINGLE, {}, {}, Next.AGAIN),
        (SINGLE._replace(charged=1), {}, {}, Next.FATAL),
        (BAD, {"permanent": True}, {}, Next.CUT),
        (SINGLE, {"permanent": True}, {}, Next.FATAL),
        (BAD._replace(charged=1), {"temporary": True}, {}, Next.AGAIN),
        (BAD._replace(charged=2), {"temporary": True}, {}, Next.CUT),
        (BAD._replace(charged=1), {}, {"bisect": False}, Next.AGAIN),
        (BAD._replace(charged=2), {}, {"bisect": False}, Next.FATAL),
        (BAD, {}, {"attempts": 1}, Next.CUT),
        (SINGLE, {}, {"attempts": 1}, Next.FATAL),
        (BAD._replace(charged=1), {"cause": Cause.MEMORY}, {"grow": 2.0}, Next.AGAIN),
        (BAD._replace(charged=1), {"cause": Cause.MEMORY}, {}, Next.CUT),
        (BAD._replace(charged=1), {"cause": Cause.LOST}, {}, Next.LOST),
        (SINGLE._replace(charged=1), {"cause": Cause.DISK}, {}, Next.LOST),
        (SINGLE._replace(charged=1), {"cause": Cause.CANCELLED}, {}, Next.BACK),
        (SINGLE._replace(charged=1), {"cause": None}, {}, Next.DONE),
    ],
)
def test_what_follows_from_a_try(one: OpenRange, report: dict, retry: dict, expected: Next) -> None:
    field = RetryField(**retry)
    told = RangeReport(one.first, one.stop, 1, **{"cause": Cause.EXIT, **report})
    assert judge(one, told, field, field.bisect) is expected


def test_a_report_of_a_try_that_is_not_held_changes_nothing() -> None:
    book = book_of(100, 10)
    one, other = book.take(2, 0.0)
    assert book.settle(RangeReport(one.first, one.stop, 2), 0.0) is None
    assert book.settle(RangeReport(50, 60, 1), 0.0) is None
    assert book.settle(RangeReport(*one[:3]), 0.0) is not None
    assert book.settle(RangeReport(*one[:3]), 0.0) is None
    assert list(book.held.values()) == [other]


def test_what_was_lost_is_tried_again_with_a_new_number_and_nothing_charged() -> None:
    book = book_of(100, 10)
    one, _ = book.take(2, 0.0)
    assert [begun.first for begun in book.begun({"0-10.1", "10-20.2", "50-60.1"})] == [0]
    book.put_back(lost=True)
    again = book.take(2, 0.0)
    assert [(r.first, r.number, r.charged, r.lost) for r in again] == [(0, 2, 0, 1), (10, 2, 0, 0)]
    assert book.settle(RangeReport(*one[:3]), 0.0) is None
    for number in range(2, 6):
        assert not book.is_worn
        book.begun({f"0-10.{number}"})
        book.put_back(lost=True)
        book.take(2, 0.0)
    assert book.is_worn


def test_what_needs_more_memory_is_left_for_an_attempt_that_has_it() -> None:
    book = book_of(100, 10, RetryField(attempts=4, grow=2.0))
    one, _ = book.take(2, 0.0)
    book.settle(RangeReport(*one[:3], Cause.MEMORY), 0.0)
    assert [r.first for r in book.take(100, 1e9)] == []
    assert book.due_later == 0.0
    assert book.begin() == 1
    assert [r.first for r in book.take(1, 1e9)] == [0]


def test_ranges_that_are_settled_take_no_memory() -> None:
    n_ranges = 20_000
    stop = 10 * n_ranges
    book = Book("0", 0, stop, Cuts(0, stop, 10), RetryField(), Health())
    tracemalloc.start()
    while taken := book.take(100, 0.0):
        for one in taken:
            book.settle(RangeReport(one.first, one.stop, one.number, wall_s=1.0), 0.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert book.is_settled
    # to keep one of them takes more than two hundred bytes
    assert peak < 25 * n_ranges
