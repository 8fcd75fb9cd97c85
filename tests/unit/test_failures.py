"""Failed jobs as they are told: when two are equal, how many are called in short, and what is said of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from helios_wf.failures import Kinds, failure_of, job_name, likeness, several, told, told_kinds
from helios_wf.failures.kinds import MOST
from helios_wf.states import Cause, JobState, TaskState
from helios_wf.store.rows import JobRow, TaskRow

JOB = JobRow(
    task=0,
    path="3",
    state=JobState.FAILED,
    attempt=2,
    charged=2,
    lost=0,
    first=10,
    stop=20,
    file="/data/a.csv",
    backend="local",
    directory="/home/runs/r/0/0/3.2",
    not_before=0.0,
    outputs=None,
    cause=Cause.EXIT,
    exit_code=7,
    signal=None,
    message="it exited with 7",
    stderr_tail="line 1\ncannot do event 13\n",
    command=("sh", "-c", "exit 7"),
    asked_cores=1.0,
    asked_memory_mb=256.0,
    asked_time_s=None,
    asked_gpus=None,
    submitted_at=0.0,
    started_at=0.0,
    settled_at=0.0,
    wall_s=1.5,
    took_s=1.5,
    cpu_s=0.0,
    peak_memory_mb=None,
    host="node7",
    worker="local-1",
    devices=(),
)
TASKS = {
    number: TaskRow(number, name, "", TaskState.FAILED, 400, {})
    for number, name in enumerate(("measure", "sum"))
}

SAME = {
    "numbers": ("it exited with 3 after 17 events", "it exited with 3 after 1,234 events"),
    "paths": ("cannot read '/a/b 1.csv': gone", "cannot read '/x/y 2.csv': gone"),
    "addresses": ("segfault at 0x7ffe01", "segfault at 0xdeadbeef"),
    "times": ("12:03:04.123 ERROR bad", "23:59:59.999 ERROR bad"),
    "names of runs": ("in 20300131-120000-1a2b3c", "in 20300201-130000-ffff00"),
    "digests": ("sha1$da39a3ee5e6b4b0d is wrong", "sha1$e5e6b4b0da39a3ee is wrong"),
    "spaces": ("a  b", "a b "),
}
OTHER = {
    "words": ("no such column", "no such table"),
    "what a name is made of": ("cannot decode", "cannot deface"),
    "causes": ("not found on PATH", "may not be executed"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_differs_from_job_to_job_makes_no_difference(one: str, other: str) -> None:
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_what_says_something_else_is_another_failure(one: str, other: str) -> None:
    assert likeness(one) != likeness(other)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(0, 60), min_size=1))
def test_spans_name_every_job_once(indices: set[int]) -> None:
    text = several("s", [str(index) for index in sorted(indices)])
    inside, _, more = text.removeprefix("s[").partition("]")
    named: list[int] = []
    for part in inside.split(","):
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    rest = int(more.removeprefix(" and ").removesuffix(" more") or 0)
    assert named == sorted(indices)[: len(named)]
    assert len(named) + rest == len(indices)


def test_jobs_of_several_indices_are_named_by_their_outer_ones() -> None:
    assert several("s", ["0/0", "0/1", "0/2", "4/7"]) == "s[0,0-2], s[4,7]"
    assert job_name("s", "4/7") == "s[4,7]"
    assert job_name("s", "") == "s"


def test_equal_failures_are_one_kind_told_with_how_many_there_are_of_all() -> None:
    kinds = Kinds("r", TASKS)
    for index in (3, 4, 5, 9):
        tail = f"at {index}\ncannot do event {index}"
        kinds.add(replace(JOB, path=str(index), stderr_tail=tail, directory=f"/home/{index}"))
    kinds.add(
        replace(
            JOB, path="6", message="it was ended by SIGSEGV", cause=Cause.SIGNAL, signal=11, exit_code=None
        )
    )
    kinds.add(replace(JOB, task=1, path=""))
    first, second, third = kinds.all()
    assert (first.step, first.n_jobs, first.total, first.others) == ("measure", 4, 400, "measure[4-5,9]")
    assert (second.first.job, second.n_jobs) == ("measure[6]", 1)
    assert (third.step, third.first.job) == ("sum", "sum")
    lines = told_kinds([first, second, third])
    assert lines[0] == "measure[3] failed: it exited with 7 (the same error in 4 of 400 jobs)"
    assert "  in the same way failed measure[4-5,9]" in lines
    assert "measure[6] failed: it was ended by SIGSEGV" in lines


def test_another_exit_code_or_last_word_is_another_kind() -> None:
    kinds = Kinds("r", TASKS)
    kinds.add(JOB)
    kinds.add(replace(JOB, path="4", exit_code=8))
    kinds.add(replace(JOB, path="5", stderr_tail="no such column"))
    assert [kind.n_jobs for kind in kinds.all()] == [1, 1, 1]


def test_a_log_that_tells_how_far_it_came_is_alike_however_far_that_was() -> None:
    kinds = Kinds("r", TASKS)
    kinds.add(replace(JOB, stderr_tail="done 1 of 9\ndone 2 of 9\nout of luck"))
    kinds.add(replace(JOB, path="4", stderr_tail="done 1 of 9\ndone 5 of 9\nout of luck\n\n"))
    assert [kind.n_jobs for kind in kinds.all()] == [2]


def test_of_many_kinds_the_first_are_told_in_full_and_the_others_by_their_cause() -> None:
    kinds = Kinds("r", TASKS)
    for letter in "abcde":
        kinds.add(replace(JOB, path=str(ord(letter)), message=f"because of {letter}"))
    lines = told_kinds(kinds.all())
    assert sum("its stderr ends with" in line for line in lines) == 3
    assert lines[-2:] == ["measure[100] failed: because of d", "measure[101] failed: because of e"]


def test_of_failures_that_are_all_different_only_so_many_are_kept() -> None:
    kinds = Kinds("r", TASKS)
    for index in range(MOST + 500):
        words = "".join(chr(ord("g") + int(digit)) for digit in str(index))
        kinds.add(replace(JOB, path=str(index), message=f"cannot read {words}"))
    found = kinds.all()
    assert len(found) == MOST + 1
    assert (found[0].n_jobs, found[0].first.job) == (500, f"measure[{MOST}]")
    assert sum(kind.n_jobs for kind in found) == MOST + 500


def test_one_failure_is_told_with_its_cause_place_log_command_and_how_to_run_it_again(tmp_path: Path) -> None:
    (tmp_path / "stderr").write_text("line 1\ncannot do event 13\n")
    failure = failure_of("20300131-120000-1a2b3c", "measure", replace(JOB, directory=str(tmp_path)))
    assert told(failure) == [
        "measure[3] failed: it exited with 7",
        "  attempt 2, events [10, 20) of /data/a.csv, on node7 (local-1), after 1.50 s",
        "  its stderr ends with:",
        "    line 1",
        "    cannot do event 13",
        f"  the whole log is in {tmp_path}/stderr",
        "  command: sh -c 'exit 7'",
        "  to run it again, here: helios-wf rerun '20300131-120000-1a2b3c/measure[3]'",
    ]


def test_what_is_told_of_a_failure_does_nothing_to_a_terminal() -> None:
    rude = replace(
        JOB, message="\x1b[31mbad\x07", stderr_tail="\x1b]0;title\x07\nfine \u202e, caf\u00e9\tx", wall_s=7384
    )
    lines = told(failure_of("r", "measure", rude))
    assert lines[0] == "measure[3] failed: \\x1b[31mbad\\x07"
    assert lines[1].endswith("after 2 h 03 min")
    assert lines[3:5] == ["    \\x1b]0;title\\x07", "    fine \\u202e, caf\u00e9\tx"]


def test_what_was_lost_again_and_again_is_told_with_how_often() -> None:
    lost = replace(JOB, cause=Cause.LOST, lost=5, message="its worker local-1 was killed by SIGKILL")
    assert failure_of("r", "measure", lost).why == (
        "its worker local-1 was killed by SIGKILL; 5 attempts were lost like that, none by its own doing"
    )


def test_where_nothing_was_run_there_is_no_log() -> None:
    assert failure_of("r", "measure", replace(JOB, command=())).log == ""


def test_a_job_that_was_never_run_has_only_its_cause() -> None:
    never = replace(
        JOB, attempt=0, directory="", stderr_tail="", command=(), message="", cause=Cause.EXPRESSION
    )
    assert told(failure_of("r", "measure", never)) == [
        "measure[3] failed: an expression of the document failed"
    ]
