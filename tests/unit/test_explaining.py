"""What is told of a job: its attempts by the event log, and why there are no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helios_wf.explaining.attempts import attempts, why_no_more
from helios_wf.explaining.nouns import Explanation, Reason, Try
from helios_wf.explaining.words import told
from helios_wf.model import Place, RetryField, Tool
from helios_wf.model.plans import Task
from helios_wf.states import Cause, JobState
from helios_wf.store.rows import JobRow, LogRow

BEGAN = datetime(2030, 1, 31, 12, tzinfo=UTC)


def entries(*changes: tuple[int, str, str, str]) -> list[LogRow]:
    """Entries of the event log, a second apart: attempt, state before and after, note."""
    return [
        LogRow(at, "run", BEGAN + timedelta(seconds=at), 0, "3", attempt, old, new, note)
        for at, (attempt, old, new, note) in enumerate(changes)
    ]


def test_attempts_are_told_with_how_they_count_and_what_followed() -> None:
    tries = attempts(
        entries(
            (1, "READY", "LEASED", ""),
            (1, "LEASED", "RUNNING", ""),
            (1, "RUNNING", "READY", "EXIT: it exited with 7: again"),
            (2, "READY", "LEASED", ""),
            (2, "LEASED", "READY", "LOST: its node failed"),
            (3, "READY", "LEASED", ""),
            (3, "LEASED", "READY", "CANCELLED: the engine was interrupted"),
            (4, "READY", "LEASED", ""),
            (4, "LEASED", "FAILED", "SIGNAL: it was ended by SIGKILL"),
            (4, "FAILED", "READY", "retry"),
            (5, "READY", "LEASED", ""),
            (5, "LEASED", "DONE", ""),
        )
    )
    assert [(one.number, one.cause, one.counted) for one in tries] == [
        (1, "EXIT", "charged"),
        (2, "LOST", "lost"),
        (3, "CANCELLED", ""),
        (4, "SIGNAL", "charged"),
        (5, None, ""),
    ]
    assert tries[0].message == "it exited with 7: again"
    assert (tries[0].began, tries[0].ended) == (
        "2030-01-31T12:00:01.000+00:00",
        "2030-01-31T12:00:02.000+00:00",
    )
    assert [one.followed for one in tries[:3]] == ["attempt 2", "attempt 3", "attempt 4"]
    assert tries[3].followed.startswith("helios-wf retry")
    assert tries[4].followed == ""


def test_attempts_grow_only_after_those_that_needed_more() -> None:
    changes = [
        (1, "READY", "LEASED", ""),
        (1, "LEASED", "READY", "EXIT: it exited with 1"),
        (2, "READY", "LEASED", ""),
        (2, "LEASED", "READY", "MEMORY: it was killed for memory"),
        (3, "READY", "LEASED", ""),
    ]
    tries = attempts(entries(*changes), grow=1.5)
    assert [one.asked for one in tries] == ["", "", "2.25 times the memory and time"]
    assert [one.asked for one in attempts(entries(*changes))] == ["", "", ""]


def test_entries_of_event_ranges_are_no_attempts_of_the_job() -> None:
    tries = attempts(
        entries(
            (1, "READY", "LEASED", ""),
            (1, "RUNNING", "READY", "events [0, 10), try 1: EXIT: it exited with 7"),
            (1, "LEASED", "READY", ""),
        )
    )
    assert [(one.number, one.cause, one.followed) for one in tries] == [(1, None, "it is to be tried again")]


JOB: dict[str, Any] = {
    "task": 0,
    "path": "3",
    "state": JobState.FAILED,
    "attempt": 3,
    "charged": 3,
    "lost": 0,
    "message": "",
    "exit_code": 1,
    "cause": Cause.EXIT,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "it may be tried 3 times"),
        ({"charged": 1, "cause": Cause.EXPRESSION, "exit_code": None}, "EXPRESSION is final"),
        ({"charged": 1, "exit_code": 9}, "lists exit code 9 among permanentFailCodes"),
        ({"charged": 1, "lost": 5, "cause": Cause.LOST}, "5 attempts were lost through no fault of its own"),
        ({"charged": 0, "message": "step 'a' is given up: x"}, "its step is given up as a whole"),
        ({"attempt": 0, "charged": 0}, "before a tool could be started"),
    ],
)
def test_why_no_further_attempt_is_made(changes: dict[str, Any], words: str) -> None:
    fields = dict.fromkeys(JobRow.__struct_fields__) | JOB | changes
    row = JobRow(**fields)
    place = Place("a.cwl", 1, 1)
    tool = Tool("a", (), (), {"permanentFailCodes": [9]}, place)
    task = Task(0, "a", place, tool, (), (), retry=RetryField(attempts=3))
    assert words in why_no_more(task, row, is_of_template=True)


def test_an_explanation_is_told_reason_by_reason() -> None:
    behind = Reason("input", "its input comes from a[1], which failed")
    text = told(
        Explanation(
            "run",
            "run/b[1]",
            "WAITING",
            "it waits",
            (Reason("input", "its input is not there", because=(behind,)),),
            (Try(1, "2030-01-31T12:00:00.000+00:00", began="2030-01-31T12:00:01.000+00:00"),),
            {"way": "compiled", "backend": "slurm"},
        )
    )
    assert text.splitlines() == [
        "run/b[1] is WAITING: it waits",
        "  its input is not there",
        "    its input comes from a[1], which failed",
        "  attempts:",
        "    1: handed out 2030-01-31T12:00:00; began 12:00:01, runs",
        "  way      compiled",
        "  backend  slurm",
    ]
