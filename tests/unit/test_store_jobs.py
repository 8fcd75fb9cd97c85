"""What the store promises of jobs, on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from helios_wf.errors import RunError
from helios_wf.model import DeviceUse, Resources
from helios_wf.states import Cause, JobState
from helios_wf.store import Store, jobs, log
from helios_wf.store.rows import Lease, Settlement

RUN = "r1"


def leased(store: Store, *paths: str, attempt: int = 1, task: int = 0) -> set[tuple[int, str]]:
    with store.write() as tx:
        return jobs.lease(tx, RUN, [Lease(task=task, path=path, attempt=attempt) for path in paths])


def settled(store: Store, *settlements: Settlement) -> set[tuple[int, str]]:
    with store.write() as tx:
        return jobs.settle(tx, RUN, settlements)


def job(store: Store, path: str, task: int = 0):
    with store.read() as tx:
        return jobs.get(tx, RUN, task, path)


def moves(store: Store) -> list[tuple[int | None, str | None, int | None, str | None, str]]:
    with store.read() as tx:
        return [(e.task, e.path, e.attempt, e.old, e.new) for e in log.list(tx, RUN)]


def done(path: str, attempt: int = 1, **fields) -> Settlement:
    return Settlement(task=0, path=path, attempt=attempt, to=JobState.DONE, **fields)


def failed(path: str, attempt: int = 1, to: JobState = JobState.READY, **fields) -> Settlement:
    fields = {"cause": Cause.EXIT, "exit_code": 3} | fields
    return Settlement(task=0, path=path, attempt=attempt, to=to, **fields)


def test_a_job_goes_from_its_lease_to_its_end_and_every_move_is_logged(store: Store) -> None:
    assert leased(store, "0", "1") == {(0, "0"), (0, "1")}
    with store.write() as tx:
        assert jobs.started(tx, RUN, [(0, "0", 1)]) == {(0, "0")}
    assert settled(store, done("0", outputs={"kept": 1}), done("1", outputs=[2])) == {(0, "0"), (0, "1")}
    assert moves(store) == [
        (0, "0", 1, "READY", "LEASED"),
        (0, "1", 1, "READY", "LEASED"),
        (0, "0", 1, "LEASED", "RUNNING"),
        (0, "0", 1, "RUNNING", "DONE"),
        (0, "1", 1, "LEASED", "DONE"),
    ]
    assert job(store, "0").outputs == {"kept": 1}


def test_everything_that_a_report_says_is_kept(store: Store) -> None:
    with store.write() as tx:
        jobs.lease(
            tx, RUN, [Lease(task=2, path="7", attempt=1, first=10, stop=2**40, backend="b", directory="/d")]
        )
    told = Settlement(
        task=2,
        path="7",
        attempt=1,
        to=JobState.FAILED,
        cause=Cause.SIGNAL,
        signal=11,
        exit_code=None,
        message="ended by SIGSEGV",
        stderr_tail="naïve\0text\udc80",
        command=("prog", "--x", "1"),
        started_at=1700000000.25,
        wall_s=1.5,
        took_s=1.75,
        cpu_s=1.25,
        peak_memory_mb=12.5,
        host="node1",
        worker="w1",
        devices=(DeviceUse("GPU-1", 2048.0, 71.5),),
    )
    assert settled(store, told) == {(2, "7")}
    row = job(store, "7", task=2)
    for name in ("to", "stderr_tail", "not_before", "charged"):
        assert name in told.__struct_fields__
    for name in set(told.__struct_fields__) - {"to", "stderr_tail", "charged"}:
        assert getattr(row, name) == getattr(told, name), name
    assert row.stderr_tail == "naïve\\0text\\udc80"
    assert (row.state, row.first, row.stop, row.backend, row.directory) == (
        JobState.FAILED,
        10,
        2**40,
        "b",
        "/d",
    )
    assert (row.charged, row.lost) == (1, 0)


def test_a_late_report_of_an_old_attempt_changes_nothing(store: Store) -> None:
    leased(store, "0")
    assert settled(store, failed("0", cause=Cause.LOST, charged=False)) == {(0, "0")}
    assert settled(store, done("0")) == set()
    leased(store, "0", attempt=2)
    before = job(store, "0")
    assert settled(store, done("0", attempt=1, outputs="late")) == set()
    with store.write() as tx:
        assert jobs.started(tx, RUN, [(0, "0", 1)]) == set()
    assert job(store, "0") == before
    assert settled(store, done("0", attempt=2, outputs="right")) == {(0, "0")}
    assert job(store, "0").outputs == "right"


def test_the_same_report_twice_counts_once(store: Store) -> None:
    leased(store, "0")
    assert settled(store, failed("0"), failed("0")) == {(0, "0")}
    assert settled(store, failed("0", to=JobState.FAILED)) == set()
    row = job(store, "0")
    assert (row.state, row.charged) == (JobState.READY, 1)
    assert [move[4] for move in moves(store)] == ["LEASED", "READY"]


def test_a_final_job_is_not_raised_from_the_dead_by_a_replayed_report(store: Store) -> None:
    leased(store, "0")
    settled(store, failed("0", to=JobState.FAILED))
    assert settled(store, failed("0", to=JobState.READY)) == set()
    assert job(store, "0").state is JobState.FAILED


def test_charged_and_lost_tries_are_counted_apart(store: Store) -> None:
    leased(store, "0")
    settled(store, failed("0", not_before=17.5))
    assert job(store, "0").not_before == 17.5
    leased(store, "0", attempt=2)
    settled(store, failed("0", attempt=2, cause=Cause.LOST, charged=False))
    leased(store, "0", attempt=3)
    settled(store, failed("0", attempt=3, cause=Cause.CANCELLED, charged=False))
    row = job(store, "0")
    assert (row.attempt, row.charged, row.lost, row.state) == (3, 1, 1, JobState.READY)


def test_a_lease_needs_a_waiting_job_and_a_higher_attempt(store: Store) -> None:
    leased(store, "0")
    assert leased(store, "0", attempt=2) == set()
    settled(store, failed("0"))
    assert leased(store, "0", attempt=1) == set()
    assert leased(store, "0", attempt=2) == {(0, "0")}
    assert job(store, "0").attempt == 2


def test_recorded_jobs_settle_at_once_and_only_once(store: Store) -> None:
    skipped = Settlement(task=0, path="", attempt=0, to=JobState.SKIPPED)
    evaluated = Settlement(task=1, path="3", attempt=0, to=JobState.DONE, outputs={"x": None})
    for expected in ({(0, ""), (1, "3")}, set()):
        with store.write() as tx:
            assert jobs.record(tx, RUN, [skipped, evaluated]) == expected
    assert [(move[0], move[3], move[4]) for move in moves(store)] == [
        (0, "READY", "SKIPPED"),
        (1, "READY", "DONE"),
    ]
    assert job(store, "3", task=1).outputs == {"x": None}


def test_a_job_that_failed_before_it_was_handed_out_can_be_recorded_as_reused(store: Store) -> None:
    for to, reused in ((JobState.FAILED, None), (JobState.DONE, "other/0/0")):
        end = Settlement(task=0, path="0", attempt=0, to=to, outputs={"out": 1}, reused=reused)
        with store.write() as tx:
            assert jobs.record(tx, RUN, [end]) == {(0, "0")}
            jobs.reset(tx, RUN, [(0, "0")])
    assert job(store, "0").reused == "other/0/0"


def test_a_waiting_job_can_be_recorded_as_cancelled_but_not_a_running_one(store: Store) -> None:
    leased(store, "0", "1")
    settled(store, failed("0"))
    cancelled = [Settlement(task=0, path=path, attempt=1, to=JobState.CANCELLED) for path in ("0", "1")]
    with store.write() as tx:
        assert jobs.record(tx, RUN, cancelled) == {(0, "0")}
    assert job(store, "1").state is JobState.LEASED


def test_no_job_is_settled_as_something_that_is_no_end(store: Store) -> None:
    leased(store, "0")
    with pytest.raises(ValueError, match="LEASED"):
        settled(store, Settlement(task=0, path="0", attempt=1, to=JobState.LEASED))
    with pytest.raises(ValueError, match="FINISHED from READY"), store.write() as tx:
        jobs.record(tx, RUN, [Settlement(task=0, path="9", attempt=0, to=JobState.FINISHED)])


def test_reset_takes_failed_and_cancelled_jobs_only(store: Store) -> None:
    leased(store, "0", "1", "2")
    settled(
        store,
        failed("0", to=JobState.FAILED),
        failed("1", to=JobState.CANCELLED, cause=Cause.CANCELLED, charged=False),
        done("2"),
    )
    with store.write() as tx:
        assert jobs.reset(tx, RUN, [(0, "0"), (0, "1"), (0, "2"), (0, "0"), (9, "9")]) == {(0, "0"), (0, "1")}
    assert [job(store, path).state for path in "012"] == [JobState.READY, JobState.READY, JobState.DONE]
    assert (job(store, "0").charged, job(store, "0").attempt) == (0, 1)
    assert leased(store, "0", attempt=2) == {(0, "0")}


def test_paths_sort_as_numbers_and_a_prefix_takes_what_lies_below_it(store: Store) -> None:
    order = ["0", "0/2", "0/10", "0/10/3", "1/0", "2", "10", "10/1", "100"]
    leased(store, *reversed(order))
    leased(store, "5", task=1)
    settled(store, *[done(path, outputs=path) for path in order])
    with store.read() as tx:
        assert list(jobs.outputs_below(tx, RUN, 0)) == [(path, JobState.DONE, path) for path in order]
        below = {
            prefix: [p for p, _, _ in jobs.outputs_below(tx, RUN, 0, prefix)] for prefix in ("0", "1", "10")
        }
        assert [(row[0], row[1]) for row in jobs.states(tx, RUN)] == [(0, path) for path in order] + [
            (1, "5")
        ]
    assert below == {"0": order[:4], "1": ["1/0"], "10": ["10", "10/1"]}


def test_a_job_without_an_index_is_below_the_empty_prefix(store: Store) -> None:
    leased(store, "")
    settled(store, done("", outputs=1))
    with store.read() as tx:
        assert list(jobs.outputs_below(tx, RUN, 0, "")) == [("", JobState.DONE, 1)]
        assert jobs.outputs(tx, RUN, 0, ["", "4"]) == {"": (JobState.DONE, 1)}


def test_outputs_of_many_jobs_come_by_path(store: Store) -> None:
    paths = [str(number) for number in range(1203)]
    leased(store, *paths)
    settled(store, *[done(path, outputs=int(path)) for path in paths])
    with store.read() as tx:
        found = jobs.outputs(tx, RUN, 0, [*paths, "99999"])
    assert found == {path: (JobState.DONE, int(path)) for path in paths}


def test_counts_open_jobs_and_failures_agree(store: Store) -> None:
    leased(store, *"0123")
    leased(store, "0", task=1)
    with store.write() as tx:
        jobs.started(tx, RUN, [(0, "1", 1)])
    settled(store, done("2"), failed("3", to=JobState.FAILED, message="exit code 3"))
    with store.read() as tx:
        assert jobs.counts(tx, RUN) == {
            0: {JobState.LEASED: 1, JobState.RUNNING: 1, JobState.DONE: 1, JobState.FAILED: 1},
            1: {JobState.LEASED: 1},
        }
        assert [(row.task, row.path, row.state) for row in jobs.open(tx, RUN)] == [
            (0, "0", JobState.LEASED),
            (0, "1", JobState.RUNNING),
            (1, "0", JobState.LEASED),
        ]
        assert [(row.path, row.message) for row in jobs.failures(tx, RUN)] == [("3", "exit code 3")]
        assert jobs.failures(tx, RUN, limit=0) == []


def test_nothing_of_a_broken_transaction_stays(store: Store) -> None:
    def broken() -> None:
        with store.write() as tx:
            jobs.lease(tx, RUN, [Lease(task=0, path="0", attempt=1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    with store.read() as tx:
        assert jobs.counts(tx, RUN) == {}
        assert log.list(tx, RUN) == []


def test_runs_do_not_see_each_others_jobs(store: Store) -> None:
    leased(store, "0")
    with store.write() as tx:
        jobs.lease(tx, "r2", [Lease(task=0, path="0", attempt=5)])
        assert jobs.settle(tx, "r2", [done("0")]) == set()
    assert job(store, "0").state is JobState.LEASED


def test_a_job_that_was_never_handed_out_is_said_to_be_so(store: Store) -> None:
    with pytest.raises(RunError, match="no job 4/0/7"):
        job(store, "0/7", task=4)


def test_file_names_that_are_not_utf8_survive_in_outputs(store: Store) -> None:
    name = b"caf\xe9.dat".decode("utf-8", "surrogateescape")
    leased(store, "0")
    settled(store, done("0", outputs={"location": name, "nul": "a\0b"}))
    assert job(store, "0").outputs == {"location": name, "nul": "a\0b"}


def test_the_log_goes_on_behind_an_entry(store: Store, tmp_path: Path) -> None:
    leased(store, "0", "1", "2")
    with store.read() as tx:
        first = log.list(tx, RUN, limit=2)
        rest = log.list(tx, RUN, after=first[-1].id)
    assert [entry.path for entry in (*first, *rest)] == ["0", "1", "2"]
    assert first[0].at.tzinfo is not None


def test_what_an_attempt_asks_for_is_kept_until_a_later_one_asks_for_more(store: Store) -> None:
    asked = Resources(cores=0.5, ram_mb=1000, gpus=1, time_s=60)
    for attempt, resources in ((1, asked), (2, replace(asked, ram_mb=2000, time_s=None))):
        with store.write() as tx:
            jobs.lease(tx, RUN, [Lease(task=0, path="0", attempt=attempt, resources=resources)])
        row = job(store, "0")
        assert (row.asked_cores, row.asked_memory_mb, row.asked_time_s, row.asked_gpus) == (
            0.5,
            resources.ram_mb,
            resources.time_s,
            1,
        )
        settled(store, failed("0", attempt=attempt))
        assert job(store, "0").settled_at >= row.submitted_at


def test_an_attempt_waits_from_its_submission_and_a_later_one_from_its_own(store: Store) -> None:
    leased(store, "0")
    first = job(store, "0").submitted_at
    assert first > 0
    settled(store, failed("0", started_at=first + 5.0))
    assert job(store, "0").started_at - job(store, "0").submitted_at == 5.0
    leased(store, "0", attempt=2)
    assert job(store, "0").submitted_at > first
