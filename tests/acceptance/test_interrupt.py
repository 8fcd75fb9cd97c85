"""Ctrl-C and SIGTERM: the engine ends in order, and the run goes on later as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driving import Desk, assert_nothing_was_done_twice, finish, printed, wait_until

from helios_wf.states import JobState, RunState


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk", files=1, nap="0.02", is_shut=True)
    yield desk
    desk.close()


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[Callable[[], tuple[Desk, subprocess.Popen[str]]]]:
    """Starts a run whose one tool ends neither by itself nor on SIGTERM, with a grace period of an hour."""
    folder = tmp_path / "stubborn"
    folder.mkdir()
    (folder / "helios.toml").write_text("[backends.local]\ngrace_s = 3600\n")
    (folder / "tool.cwl").write_text(
        "cwlVersion: v1.2\nclass: CommandLineTool\ninputs: {}\noutputs: {}\n"
        "baseCommand: [sh, -c, \"trap '' TERM; while :; do sleep 0.05; done\"]\n"
    )
    desk = Desk(folder, files=0)

    def start() -> tuple[Desk, subprocess.Popen[str]]:
        process = desk.start("run", "tool.cwl")
        desk.wait_for_tools(process)
        return desk, process

    yield start
    desk.close()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Sends SIGINT to the whole process group, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("send", [press_ctrl_c, subprocess.Popen.terminate], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_run_leaves_nothing_behind_and_can_be_resumed(
    desk: Desk, tmp_path: Path, send: Callable[[subprocess.Popen[str]], None]
) -> None:
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    send(process)
    out, err = finish(process, 130)
    assert desk.leftovers() == []
    row = desk.run()
    assert json_is_empty(out)
    assert "stopping" in err
    assert f"helios-wf resume {row.id}" in err
    assert (row.state, row.engine) == (RunState.RUNNING, None)
    assert {job.state for job in desk.jobs()} <= {JobState.READY, JobState.DONE}
    assert [job for job in desk.jobs() if job.charged or job.lost] == []
    desk.open_gate()
    out, _ = desk.call("resume", row.id)
    undisturbed = Desk(tmp_path / "undisturbed", files=1, nap="0.01")
    expected, _ = undisturbed.call(*undisturbed.run_arguments)
    assert printed(out) == printed(expected)
    assert desk.published() == undisturbed.published()
    assert_nothing_was_done_twice(desk.log())


def json_is_empty(out: str) -> bool:
    """Says whether nothing, or no outputs, went to stdout."""
    return not out.strip() or '"outputs": null' in out


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_at_once(
    stubborn: Callable[[], tuple[Desk, subprocess.Popen[str]]], second: signal.Signals
) -> None:
    desk, process = stubborn()
    press_ctrl_c(process)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        assert process.poll() is None
    os.kill(process.pid, second)
    finish(process, 130)
    wait_until(lambda: not desk.leftovers(), "a tool outlived the engine")
    row = desk.run()
    assert row.state is RunState.RUNNING
    out, _ = desk.call("cancel", row.id)
    assert out == f"run {row.id} is CANCELLED\n"


def test_a_signal_before_the_first_job_is_not_overheard(desk: Desk) -> None:
    process = desk.start(*desk.run_arguments)
    wait_until(lambda: desk.latest() is not None, "no run was recorded", every_s=0.001)
    press_ctrl_c(process)
    finish(process, 130)
    assert desk.leftovers() == []
    assert desk.run().state in (RunState.PENDING, RunState.RUNNING)
    desk.open_gate()
    out, _ = desk.call("resume")
    assert printed(out)["kept"]


def test_a_reader_that_goes_away_is_no_traceback(desk: Desk) -> None:
    desk.call("runs")
    process = desk.start("runs")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""
