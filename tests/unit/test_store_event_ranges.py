"""What the store promises of event ranges, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from helios_wf.errors import StoreError
from helios_wf.model import RangeReport
from helios_wf.states import Cause, RangeState
from helios_wf.store import Store, event_ranges, log
from helios_wf.store.rows import (
    NewRange,
    RangeBegin,
    RangeCount,
    RangeLease,
    RangeMove,
    RangeRow,
    RangeSettlement,
)

RUN = "r1"
JOB = (0, "7")


def leased(store: Store, *ranges: tuple[int, int], number: int = 1, attempt: int = 1) -> None:
    with store.write() as tx:
        event_ranges.lease(tx, RUN, [RangeLease(*JOB, *one, number, attempt) for one in ranges])


def settled(store: Store, first: int, stop: int, to: RangeState = RangeState.DONE, **fields) -> None:
    attempt, number = fields.pop("attempt", 1), fields.pop("number", 1)
    counts = {name: fields.pop(name) for name in ("charged", "lost", "not_before") if name in fields}
    report = RangeReport(first, stop, number, **fields)
    with store.write() as tx:
        event_ranges.settle(tx, RUN, [RangeSettlement(*JOB, attempt, to, report, **counts)])


def rows(store: Store, **fields) -> list[RangeRow]:
    with store.read() as tx:
        return list(event_ranges.list(tx, RUN, **fields))


def states(store: Store) -> dict[tuple[int, int], str]:
    return {(row.first, row.stop): str(row.state) for row in rows(store)}


def test_a_range_goes_from_its_lease_to_its_end_and_all_that_was_reported_is_kept(store: Store) -> None:
    leased(store, (0, 10), (10, 2**40))
    with store.write() as tx:
        event_ranges.begin(tx, RUN, [RangeBegin(*JOB, 0, 10, 1, 1, "node7", "w1")])
    assert states(store) == {(0, 10): "RUNNING", (10, 2**40): "LEASED"}
    row, _ = rows(store)
    assert (row.host, row.worker, row.started_at > 1e9) == ("node7", "w1", True)
    told = {"n_out": 9, "wall_s": 1.5, "cpu_s": 1.25, "started_at": 1700000000.25, "directory": "/d"}
    settled(store, 0, 10, outputs={"out": [1, "é"]}, peak_memory_mb=12.5, **told)
    row, _ = rows(store)
    assert {name: getattr(row, name) for name in told} == told
    assert (row.outputs, row.peak_memory_mb, row.state) == ({"out": [1, "é"]}, 12.5, RangeState.DONE)
    with store.read() as tx:
        assert log.list(tx, RUN) == [], "a million successes leave no entries"


def test_what_failed_is_logged_with_its_events_and_its_reason(store: Store) -> None:
    leased(store, (0, 10))
    report = {"cause": Cause.SIGNAL, "signal": 11, "message": "SIGSEGV", "stderr_tail": "naïve\0"}
    settled(store, 0, 10, RangeState.READY, charged=1, not_before=5.0, **report)
    (row,) = rows(store)
    assert (row.state, row.charged, row.not_before, row.signal) == (RangeState.READY, 1, 5.0, 11)
    assert (row.cause, row.stderr_tail) == (Cause.SIGNAL, "naïve\\0")
    with store.read() as tx:
        (entry,) = log.list(tx, RUN)
    assert (entry.task, entry.path, entry.attempt, entry.new) == (0, "7", 1, "READY")
    assert entry.note == "events [0, 10), try 1: SIGNAL: SIGSEGV"


def test_a_report_of_another_try_or_another_attempt_is_refused(store: Store) -> None:
    leased(store, (0, 10))
    for wrong in ({"number": 2}, {"attempt": 2}):
        with pytest.raises(StoreError, match=r"0/7 \[0, 10\)"):
            settled(store, 0, 10, **wrong)
    settled(store, 0, 10)
    with pytest.raises(StoreError, match=r"1 of 1 event ranges .* cannot be settled"):
        settled(store, 0, 10, outputs={"out": "late"})
    assert rows(store)[0].outputs == {}


def test_what_is_put_back_is_not_charged_and_its_old_try_counts_no_more(store: Store) -> None:
    leased(store, (0, 10), (10, 20), (20, 30))
    settled(store, 0, 10)
    with store.write() as tx:
        event_ranges.begin(tx, RUN, [RangeBegin(*JOB, 20, 30, 1, 1)])
        event_ranges.put_back(tx, RUN, [(*JOB, 2, True)])
        event_ranges.put_back(tx, RUN, [(*JOB, 1, True)])
    assert states(store) == {(0, 10): "DONE", (10, 20): "READY", (20, 30): "READY"}
    assert [(row.charged, row.lost) for row in rows(store)] == [(0, 0), (0, 0), (0, 1)]
    leased(store, (10, 20), number=2, attempt=2)
    with pytest.raises(StoreError):
        settled(store, 10, 20)
    settled(store, 10, 20, number=2, attempt=2)


def test_a_range_is_handed_out_once(store: Store) -> None:
    leased(store, (0, 10))
    for number in (1, 2):
        with pytest.raises(StoreError, match="handed out"):
            leased(store, (0, 10), number=number)
    settled(store, 0, 10)
    with pytest.raises(StoreError, match="handed out"):
        leased(store, (0, 10), number=2)


def test_what_is_cut_in_two_is_accounted_for_by_its_halves(store: Store) -> None:
    leased(store, (0, 10))
    settled(store, 0, 10, RangeState.SPLIT, cause=Cause.EXIT, charged=2)
    with store.write() as tx:
        event_ranges.add(tx, RUN, [NewRange(*JOB, 0, 5, 1), NewRange(*JOB, 5, 10, 1, waits_for=0)])
    with store.read() as tx:
        assert [(r.first, r.depth, r.waits_for) for r in event_ranges.unsettled(tx, RUN, *JOB)] == [
            (0, 1, None),
            (5, 1, 0),
        ]
    leased(store, (0, 5))
    with store.write() as tx:
        event_ranges.move(tx, RUN, [RangeMove(*JOB, 5, 10, RangeState.READY)])
    with store.write() as tx:
        event_ranges.move(tx, RUN, [RangeMove(*JOB, 5, 10, RangeState.SPLIT)])
    for first, stop in ((5, 10), (0, 5)):
        with store.write() as tx, pytest.raises(StoreError, match="moved"):
            event_ranges.move(tx, RUN, [RangeMove(*JOB, first, stop, RangeState.READY)])
    assert states(store) == {(0, 5): "LEASED", (0, 10): "SPLIT", (5, 10): "SPLIT"}


def test_a_job_s_outputs_are_those_of_its_ranges_that_are_done_in_event_order(store: Store) -> None:
    leased(store, (20, 30), (9, 20), (0, 9), (30, 100))
    for first, stop in ((20, 30), (0, 9)):
        settled(store, first, stop, outputs={"out": first})
    settled(store, 9, 20, RangeState.FATAL, cause=Cause.EXIT, charged=2)
    with store.read() as tx:
        assert [one["out"] for one in event_ranges.outputs(tx, RUN, *JOB)] == [0, 20]
        assert event_ranges.counts_of(tx, RUN, *JOB) == {
            RangeState.DONE: RangeCount(2, 19, 30),
            RangeState.FATAL: RangeCount(1, 11, 20),
            RangeState.LEASED: RangeCount(1, 70, 100),
        }
        assert event_ranges.counts(tx, RUN)[0] == event_ranges.counts_of(tx, RUN, *JOB)
        assert event_ranges.counts_of(tx, RUN, 0, "8") == {}


def test_what_was_given_up_can_be_tried_again_and_what_was_never_cut_is_cut_then(store: Store) -> None:
    leased(store, (0, 10), (10, 20))
    settled(store, 0, 10, RangeState.FATAL, cause=Cause.EXIT, charged=2)
    with store.write() as tx:
        event_ranges.add(tx, RUN, [NewRange(*JOB, 20, 100, 0, state=RangeState.CANCELLED)])
        event_ranges.cancel(tx, RUN, [JOB])
    assert states(store) == {(0, 10): "FATAL", (10, 20): "CANCELLED", (20, 100): "CANCELLED"}
    with store.write() as tx:
        event_ranges.reset(tx, RUN, [JOB])
    assert states(store) == {(0, 10): "READY", (10, 20): "READY"}
    assert [row.charged for row in rows(store)] == [0, 0]
    leased(store, (0, 10), number=2, attempt=2)


def test_ranges_are_listed_page_by_page_in_numeric_order(store: Store) -> None:
    with store.write() as tx:
        for path in ("9", "10"):
            event_ranges.lease(
                tx, RUN, [RangeLease(0, path, first, first + 1, 1, 1) for first in (100, 9, 20)]
            )
    found: list[tuple[str, int]] = []
    last = None
    while page := rows(store, limit=2, after=last):
        found += [(row.path, row.first) for row in page]
        last = page[-1]
    assert found == [("9", 9), ("9", 20), ("9", 100), ("10", 9), ("10", 20), ("10", 100)]
    assert rows(store, task=1) == []
    assert len(rows(store, states=[RangeState.LEASED])) == 6
    assert rows(store, states=[RangeState.DONE]) == []
