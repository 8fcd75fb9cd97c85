"""Engines and workers killed at random moments: what is resumed ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import Desk, assert_nothing_was_done_twice, finish, kill, wait_until
from helios_wf_local.journals import read
from killloop import KillLoop
from rangeloop import new_range_loop

from helios_wf.states import JobState

KILLS = 50


def test_killed_and_resumed_runs_give_the_outputs_of_an_undisturbed_one(tmp_path: Path) -> None:
    loop = KillLoop(tmp_path, seed=20)
    loop.run(kills=6)
    assert loop.kills.total() == 6


def test_no_event_is_lost_or_done_twice_when_resident_tools_are_killed_too(tmp_path: Path) -> None:
    loop = new_range_loop(tmp_path, seed=3)
    loop.run(kills=6)
    assert loop.kills.total() == 6


def test_what_workers_finished_while_their_engine_was_gone_is_not_done_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", files=1, nap="0.02", is_shut=True)
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    os.kill(process.pid, signal.SIGSTOP)
    running = desk.handles()
    desk.open_gate()
    journals = desk.home / "local"
    wait_until(
        lambda: running <= {report.handle for path in journals.rglob("*.journal") for report in read(path)},
        "the workers did not report what they ran",
    )
    kill(process.pid)
    finish(process, None)
    before = desk.log()[-1].id
    run = desk.run().id
    desk.call("resume")
    ends = {f"{run}/{entry.task}/{entry.path}.{entry.attempt}": entry.new for entry in desk.log(before)}
    assert running
    assert {ends[handle] for handle in running} == {JobState.DONE}
    assert_nothing_was_done_twice(desk.log())
    desk.close()


@pytest.mark.killloop
def test_fifty_kills_change_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = KillLoop(tmp_path, seed=50)
    with capsys.disabled():
        loop.run(KILLS)
    assert set(loop.kills) == {"engine", "worker", "both"}


@pytest.mark.killloop
def test_a_hundred_kills_lose_no_event_and_do_none_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = new_range_loop(tmp_path, seed=100)
    with capsys.disabled():
        loop.run(2 * KILLS)
    assert set(loop.kills) == {"engine", "worker", "both", "tool"}


@pytest.mark.killloop
@pytest.mark.postgresql
def test_fifty_kills_change_no_output_on_postgresql(
    tmp_path: Path, new_postgresql_url: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    loop = KillLoop(tmp_path, seed=51, new_store=new_postgresql_url)
    with capsys.disabled():
        loop.run(KILLS)
    assert set(loop.kills) == {"engine", "worker", "both"}
