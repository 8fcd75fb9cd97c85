"""Other processes at a run that is running, or that was left: engines, and those who look, ask or tidy up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import (
    Desk,
    assert_nothing_was_done_twice,
    children,
    finish,
    kill,
    printed,
    wait_until,
)

from helios_wf.states import JobState, RunState
from helios_wf.store import requests


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The outputs of an undisturbed run."""
    desk = Desk(tmp_path_factory.mktemp("undisturbed") / "desk", files=1, nap="0.01")
    out, _ = desk.call(*desk.run_arguments)
    desk.close()
    return printed(out)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose runs go on as far as the gate, and to their end when it is opened."""
    desk = Desk(tmp_path / "desk", files=1, nap="0.02", is_shut=True)
    yield desk
    desk.close()


@pytest.fixture
def engine(desk: Desk) -> subprocess.Popen[str]:
    """An engine whose run is under way: some jobs are done, others wait at the gate."""
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    return process


def wait_until_heard(desk: Desk) -> None:
    """Waits until an engine has read what was asked of it."""

    def is_heard() -> bool:
        with desk.store.read() as tx:
            return not requests.pending(tx, desk.run().id)

    wait_until(is_heard, "no engine read the request")


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kills an engine and its workers at once, so that nobody can end the tools."""
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGSTOP)
    for pid in (*workers, process.pid):
        kill(pid)
    process.communicate()


def test_a_second_engine_says_so_and_leaves_the_run_alone(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    row = desk.run()
    for arguments in (("resume", row.id), desk.run_arguments):
        out, err = desk.call(*arguments, code=2)
        assert out == ""
        assert f"run {row.id} is held by" in err
        assert f"pid {engine.pid}" in err
        assert "left alone" in err
    desk.open_gate()
    out, _ = finish(engine)
    assert printed(out) == expected
    assert len([entry for entry in desk.log() if entry.note.startswith("taken by")]) == 1
    assert_nothing_was_done_twice(desk.log())


def test_status_is_read_while_an_engine_is_at_work(desk: Desk, engine: subprocess.Popen[str]) -> None:
    row = desk.run()
    text, _ = desk.call("status")
    assert f"run {row.id} of slow_chain.cwl: RUNNING, held by" in text
    assert "process/decode" in text
    assert "RUNNING  WAITING  FAILED" in text
    shown = json.loads(desk.call("status", row.id, "--format", "json")[0])
    assert shown["state"] == "RUNNING"
    assert {task["task"] for task in shown["tasks"]} >= {"process/filter", "merge", "count"}
    assert row.id in desk.call("runs")[0]
    assert engine.poll() is None
    kill(engine.pid)
    finish(engine, None)
    assert f"RUNNING, but its engine is gone ({row.engine})" in desk.call("status")[0]
    desk.call("cancel")
    assert f"run {row.id} of slow_chain.cwl: CANCELLED" in desk.call("status")[0]


def test_a_live_run_is_paused_and_resumed(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    row = desk.run()
    out, _ = desk.call("pause", row.id)
    assert out.startswith(f"asked the engine of run {row.id}")
    wait_until_heard(desk)
    desk.open_gate()
    _, err = finish(engine, 1)
    assert f"run {row.id} is PAUSED: paused on request" in err
    assert desk.leftovers() == []
    assert desk.run().state is RunState.PAUSED
    assert {job.state for job in desk.jobs()} <= {JobState.READY, JobState.DONE}
    assert "PAUSED" in desk.call("status")[0]
    out, _ = desk.call("resume")
    assert printed(out) == expected
    assert_nothing_was_done_twice(desk.log())


def test_a_live_run_is_cancelled_and_can_be_taken_up_again(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    row = desk.run()
    out, _ = desk.call("cancel")
    assert out.startswith(f"asked the engine of run {row.id}")
    _, err = finish(engine, 1)
    assert f"run {row.id} is CANCELLED: cancelled on request" in err
    assert desk.leftovers() == []
    assert desk.run().state is RunState.CANCELLED
    assert {job.state for job in desk.jobs()} <= {JobState.READY, JobState.DONE, JobState.CANCELLED}
    _, err = desk.call("cancel", code=2)
    assert f"run {row.id} is CANCELLED already" in err
    desk.open_gate()
    out, _ = desk.call("resume")
    assert printed(out) == expected


def test_cancel_of_a_run_without_an_engine_ends_what_is_left_of_it(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    kill_all(engine)
    assert desk.leftovers()
    row = desk.run()
    out, _ = desk.call("cancel", row.id)
    assert out == f"run {row.id} is CANCELLED\n"
    assert desk.leftovers() == []
    desk.open_gate()
    out, _ = desk.call("resume")
    assert printed(out) == expected


def test_pause_of_a_run_without_an_engine_keeps_it_for_later(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    kill(engine.pid)
    finish(engine, None)
    row = desk.run()
    out, _ = desk.call("pause", row.id)
    assert out == f"run {row.id} is PAUSED\n"
    desk.open_gate()
    out, _ = desk.call(*desk.run_arguments)
    assert desk.run().id == row.id
    assert printed(out) == expected


def test_what_was_asked_of_an_engine_that_died_is_not_done_by_the_next(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    desk.stop(engine)
    out, _ = desk.call("pause")
    assert out.startswith("asked the engine")
    kill_all(engine)
    desk.open_gate()
    out, _ = desk.call("resume")
    assert printed(out) == expected


def test_clean_takes_settled_runs_only(desk: Desk, engine: subprocess.Popen[str]) -> None:
    row = desk.run()
    _, err = desk.call("clean", row.id, code=2)
    assert f"run {row.id} is RUNNING: only settled runs are cleaned" in err
    desk.call("cancel")
    finish(engine, 1)
    folder = desk.home / "runs" / row.id
    assert folder.is_dir()
    assert desk.call("clean", row.id)[0] == f"removed {folder}\n"
    assert not folder.exists()
    assert desk.call("clean", "--all")[0] == ""


def test_a_run_that_was_cleaned_is_not_resumed_but_begun_anew(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    row = desk.run()
    desk.call("cancel")
    finish(engine, 1)
    desk.call("clean")
    _, err = desk.call("resume", code=2)
    assert f"run {row.id} was cleaned" in err
    assert desk.run().state is RunState.CANCELLED
    desk.open_gate()
    out, _ = desk.call(*desk.run_arguments)
    assert desk.run().id != row.id
    assert printed(out) == expected


def test_resume_of_a_run_that_is_done_says_so(desk: Desk, engine: subprocess.Popen[str]) -> None:
    desk.open_gate()
    finish(engine)
    row = desk.run()
    before = desk.log()
    _, err = desk.call("resume", row.id, code=2)
    assert f"run {row.id} is DONE already" in err
    assert desk.log() == before


def test_an_engine_that_slept_through_its_lease_does_no_harm(
    desk: Desk, engine: subprocess.Popen[str], expected: object
) -> None:
    row = desk.run()
    desk.stop(engine)
    with desk.store.write() as tx:
        tx.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 3600")
    desk.open_gate()
    out, _ = desk.call("resume", row.id)
    assert printed(out) == expected
    log, published = desk.log(), desk.published()
    os.kill(engine.pid, signal.SIGCONT)
    out, err = finish(engine, 2)
    assert out == ""
    assert f"run {row.id} was taken by" in err
    assert (desk.log(), desk.published()) == (log, published)
    assert desk.run().state is RunState.DONE
    assert_nothing_was_done_twice(log)
    wait_until(lambda: not desk.leftovers(), "the engine that lost its run left something behind")
