"""The table of causes: what is tried again, what is charged, and when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.engine.job import Tries
from helios_wf.engine.verdicts import MOST_LOST, count, judge
from helios_wf.model import Report, RetryField
from helios_wf.states import PERMANENT, UNCHARGED, Cause, JobState


def verdict(cause: Cause | None, tries: Tries | None = None, attempts: int = 3, stopping=False, **more):
    report = Report(run="r", key="0/1", attempt=1, cause=cause, **more)
    return judge(report, tries or Tries(1), RetryField(attempts=attempts), stopping)


def test_success_is_done() -> None:
    assert verdict(None).to is JobState.DONE


CHARGED = [
    Cause.EXIT,
    Cause.SIGNAL,
    Cause.TIME_LIMIT,
    Cause.MEMORY,
    Cause.MISSING_OUTPUT,
    Cause.PROTOCOL,
]


@pytest.mark.parametrize("cause", CHARGED)
def test_the_tool_s_own_failures_are_charged_and_tried_as_often_as_allowed(cause: Cause) -> None:
    assert verdict(cause).to is JobState.READY
    assert verdict(cause).charged
    assert verdict(cause, Tries(3, charged=2)).to is JobState.FAILED
    assert verdict(cause, attempts=1).to is JobState.FAILED


@pytest.mark.parametrize("cause", sorted(PERMANENT))
def test_what_no_other_attempt_can_mend_fails_at_once(cause: Cause) -> None:
    assert verdict(cause, attempts=10).to is JobState.FAILED


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.DISK, Cause.NOT_READY])
def test_lost_tries_are_counted_apart(cause: Cause) -> None:
    many = Tries(9, charged=2, lost=0)
    assert (verdict(cause, many).to, verdict(cause, many).charged) == (JobState.READY, False)
    assert verdict(cause, Tries(9, lost=MOST_LOST - 1)).to is JobState.FAILED


def test_every_cause_stands_in_the_table() -> None:
    assert {*CHARGED, *PERMANENT, *UNCHARGED} == set(Cause)


def test_a_cancelled_attempt_is_put_back_unless_the_run_stops() -> None:
    assert verdict(Cause.CANCELLED)[:2] == (JobState.READY, False)
    assert verdict(Cause.CANCELLED).wait_s == 0
    assert verdict(Cause.CANCELLED, stopping=True).to is JobState.CANCELLED
    worn = Tries(20, charged=2, lost=MOST_LOST - 1)
    assert verdict(Cause.CANCELLED, worn).to is JobState.READY


def test_listed_exit_codes_go_over_the_number_of_attempts() -> None:
    assert verdict(Cause.EXIT, attempts=10, permanent=True).to is JobState.FAILED
    assert verdict(Cause.EXIT, Tries(1), attempts=1, temporary=True).to is JobState.READY
    assert verdict(Cause.EXIT, Tries(3, charged=2), attempts=1, temporary=True).to is JobState.FAILED
    assert verdict(Cause.EXIT, Tries(4, charged=3), attempts=5, temporary=True).to is JobState.READY


def test_waiting_doubles_up_to_a_minute() -> None:
    waits = [verdict(Cause.EXIT, Tries(n, charged=n), attempts=99).wait_s for n in range(12)]
    for n, wait in enumerate(waits):
        assert 0.75 * min(0.2 * 2**n, 60) <= wait <= 1.25 * min(0.2 * 2**n, 60)


@given(causes=st.lists(st.sampled_from([c for c in Cause if c is not Cause.CANCELLED]), max_size=20))
def test_a_job_ends_however_it_fails(causes: list[Cause]) -> None:
    tries = Tries()
    for cause in [*causes, *[Cause.LOST] * MOST_LOST, *[Cause.EXIT] * 3]:
        found = verdict(cause, tries)
        if found.to is JobState.FAILED:
            assert tries.charged < 3
            assert tries.lost < MOST_LOST
            return
        tries = count(tries, found, cause)
    raise AssertionError("tried for ever")


def test_tries_are_counted_as_they_were_judged() -> None:
    tries = Tries(4, charged=1, lost=2)
    assert count(tries, verdict(Cause.EXIT, tries), Cause.EXIT) == Tries(4, 2, 2)
    assert count(tries, verdict(Cause.LOST, tries), Cause.LOST) == Tries(4, 1, 3)
    assert count(tries, verdict(Cause.CANCELLED, tries), Cause.CANCELLED) == tries
