"""``helios-wf explain``: why a job, a step or a run stands where it does."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import Desk, finish, wait_until
from fake_slurm import FakeSlurm

from helios_wf.states import JobState, RunState
from tests.acceptance.conftest import Command

EXPLAINED = Path(__file__).with_name("explained.cwl")


def explained(helios: Command, *options: str, **inputs: Any) -> str:
    """Runs the steps of this module's document and returns the run's id."""
    helios.write("job.json", json.dumps({"n": [1, 2, 3], **inputs}))
    helios("run", "--quiet", *options, EXPLAINED, "job.json")
    row = helios.json("runs", "--format", "json")[0]
    return str(row["run"])


class Gated:
    """A run whose jobs of the first step stay at a gate, in a folder with settings of its own."""

    def __init__(self, desk: Desk, settings: str = "", **inputs: Any) -> None:
        self.desk = desk
        desk.gate.touch()
        (desk.folder / "helios.toml").write_text(settings)
        given = {"n": [1, 2, 3, 4], "gate": str(desk.gate), **inputs}
        (desk.folder / "job.json").write_text(json.dumps(given))

    def start(self, *arguments: str, at_work: int = 1) -> Any:
        """Starts the run, and waits until so many jobs are said to run."""
        process = self.desk.start("run", "--quiet", "explained.cwl", "job.json", *arguments)
        wait_until(lambda: self.count(JobState.RUNNING) == at_work, f"{at_work} jobs never ran", 0.05)
        return process

    def count(self, state: JobState) -> int:
        """Returns how many jobs are in a state."""
        return sum(job.state is state for job in self.desk.jobs()) if self.desk.latest() else 0

    def explain(self, *arguments: str) -> str:
        """Returns what ``explain`` says."""
        return self.desk.call("explain", *arguments)[0]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk", files=0, document=EXPLAINED)
    yield desk
    if desk.gate.exists():
        desk.open_gate()
    desk.close()


# -- inputs that are not there -----------------------------------------------------------------------------


def test_a_job_waits_for_an_upstream_job_that_failed(helios: Command) -> None:
    run = explained(helios, bad=2)
    assert helios("explain", "process/copy[1]") == 0
    assert helios.out.startswith(
        f"{run}/process/copy[1] is WAITING: it was never run, and the run is FAILED\n"
    )
    assert (
        "its input 'checked' is not there yet: it comes from process/check[1], which failed: it was"
        in helios.out
    )
    assert f"helios-wf resume {run} goes on with it" in helios.out


def test_what_waits_for_a_whole_array_is_told_down_to_the_root_of_it(helios: Command) -> None:
    explained(helios, "--on-error", "continue", bad=2)
    found = helios.json("explain", "join", "--format", "json")
    reason = found["reasons"][0]
    assert (reason["kind"], reason["input"], reason["job"]) == ("input", "outs", "process/copy[1]")
    needs = "it needs all of process/copy (it reads the whole array), of which 2 of 3 jobs are done"
    assert needs in reason["text"]
    (root,) = reason["because"]
    assert (root["kind"], root["input"], root["job"]) == ("input", "checked", "process/check[1]")
    assert "it comes from process/check[1], which failed: it was ended by SIGINT" in root["text"]
    assert not root["because"]


def test_a_step_that_is_not_expanded_says_what_must_be_known(helios: Command) -> None:
    helios.write(
        "late.cwl",
        """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {n: int}
steps:
  count:
    in: {n: n}
    out: [numbers]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'exit 3']
      inputs: {n: int}
      outputs: {numbers: {type: "int[]", outputBinding: {outputEval: "$([1, 2])"}}}
  each:
    scatter: x
    in: {x: count/numbers}
    out: []
    run: {class: CommandLineTool, baseCommand: "true", inputs: {x: int}, outputs: []}
outputs: {}
""",
    )
    helios.write("n.json", '{"n": 1}')
    assert helios("run", "--quiet", "late.cwl", "n.json") == 1
    for name in ("each", "each[5]"):
        assert helios("explain", name) == 0
        assert "how many jobs each has is not known yet" in helios.out
        assert "it comes from count, which failed: it exited with 3" in helios.out


# -- its turn ----------------------------------------------------------------------------------------------


def test_a_job_waits_for_a_worker_and_others_for_it(desk: Desk) -> None:
    gated = Gated(desk)
    process = gated.start("--jobs", "2", at_work=2)
    assert "is RUNNING: attempt 1 runs" in gated.explain("fetch[0]")
    assert "all 2 workers are busy" in gated.explain("fetch[3]")
    said = gated.explain("process/copy[1]")
    assert "its input 'checked' is not there yet: it comes from process/check[1], which waits too" in said
    assert "its input 'made' is not there yet: it comes from fetch[1], which runs (attempt 1)" in said
    step = gated.explain("fetch")
    assert "2 LEASED" in step
    assert "fetch[0-1] run now" in step
    desk.call("pause")
    wait_until(lambda: "it is paused" in gated.explain("process/copy[1]"), "it was not paused")
    assert "of the run: it is paused: what runs ends, and nothing new is started" in gated.explain()
    desk.open_gate()
    finish(process, 1)
    assert "the run is paused; helios-wf resume" in gated.explain("process/copy[3]")
    desk.call("resume")
    assert f"{desk.run().id} is DONE" in gated.explain()
    with desk.store.read() as tx:
        left = tx.exec_driver_sql("SELECT count(*) FROM requests WHERE verb = 'explain'").scalar()
    assert left == 0


def test_a_job_that_asks_for_more_memory_than_is_free_says_so(desk: Desk) -> None:
    gated = Gated(desk, "[backends.local]\nram_mb = 1000\n", n=[1, 2], ram=600)
    process = gated.start("--jobs", "2")
    said = gated.explain("fetch[1]")
    assert "it needs 600 MiB of memory, and 400 of 1000 are free" in said
    assert re.search(r"asked for +1 cores, 600 MiB of memory", said)
    desk.open_gate()
    finish(process)


def test_a_run_without_an_engine_says_how_to_go_on(desk: Desk) -> None:
    gated = Gated(desk)
    process = gated.start("--jobs", "1")
    os.kill(process.pid, signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    said = gated.explain("fetch[3]")
    assert f"the engine that held the run is gone ({desk.run().engine}); helios-wf resume" in said
    desk.open_gate()
    desk.call("resume", "--quiet")


def test_a_failed_try_waits_until_its_time_has_come(helios: Command) -> None:
    run = explained(helios, bad=2)
    later = time.time() + 3600
    with sqlite3.connect(".helios/helios.db") as store:
        store.execute("UPDATE jobs SET state = 'READY', not_before = ? WHERE state = 'FAILED'", (later,))
        store.execute("UPDATE runs SET state = 'RUNNING' WHERE id = ?", (run,))
    assert helios("explain", "process/check[1]") == 0
    assert re.search(
        r"attempt 1 ended with SIGNAL: .*; it is tried again at .*, in 60 min$", helios.out, re.M
    )
    assert f"no engine holds the run; helios-wf resume {run}" in helios.out


# -- what was run ------------------------------------------------------------------------------------------


def test_a_failed_job_says_why_and_why_it_is_not_tried_again(helios: Command) -> None:
    run = explained(helios, bad=2)
    assert helios("explain", f"{run}/process/check[1]") == 0
    assert f"{run}/process/check[1] is FAILED: it was ended by SIGINT" in helios.out
    assert "it is not tried again: in a document without helios:template a job is tried once" in helios.out
    assert "checking" in helios.out
    assert re.search(
        r"1: handed out .*; ended .*: SIGNAL: it was ended by SIGINT.* \(counts as a failure\)", helios.out
    )


def test_each_attempt_is_told_with_how_it_counted_and_what_it_asked_for(helios: Command) -> None:
    helios.write(
        "slow.cwl",
        """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: slow, version: 1, status: ACTUAL}
inputs: {x: int}
steps:
  nap:
    helios:retry: {attempts: 3, grow: 2}
    in: {x: x}
    out: []
    run:
      class: CommandLineTool
      requirements: {ToolTimeLimit: {timelimit: 1}}
      baseCommand: [sleep, "30"]
      inputs: {x: int}
      outputs: []
outputs: {}
""",
    )
    helios.write("x.json", '{"x": 1}')
    assert helios("run", "--quiet", "slow.cwl", "x.json") == 1
    found = helios.json("explain", "nap", "--format", "json")
    assert [one["number"] for one in found["attempts"]] == [1, 2, 3]
    assert {one["counted"] for one in found["attempts"]} == {"charged"}
    assert [one["asked"] for one in found["attempts"]] == [
        "",
        "2 times the memory and time",
        "4 times the memory and time",
    ]
    assert [one["followed"] for one in found["attempts"]] == ["attempt 2", "attempt 3", ""]
    assert found["reasons"][0]["text"].startswith("it is not tried again: it may be tried 3 times")
    assert helios("retry", "--quiet") == 1
    assert len(helios.json("explain", "nap", "--format", "json")["attempts"]) == 6


def test_an_exit_code_that_the_tool_calls_final_is_told(helios: Command) -> None:
    helios.write(
        "tool.cwl",
        "{cwlVersion: v1.2, class: CommandLineTool, baseCommand: [sh, -c, exit 9], permanentFailCodes: [9],\n"
        " inputs: {}, outputs: {}}\n",
    )
    assert helios("run", "--quiet", "tool.cwl") == 1
    assert helios("explain") == 0
    (name,) = re.findall(r"^  (\S+) failed: it exited with 9", helios.out, re.MULTILINE)
    assert helios("explain", name) == 0
    assert "its tool lists exit code 9 among permanentFailCodes" in helios.out


def test_a_skipped_job_says_which_condition_was_false_with_what_values(helios: Command) -> None:
    explained(helios)
    assert helios("explain", "choose[2]") == 0
    assert "is SKIPPED" in helios.out
    assert "when: $(inputs.many > inputs.x), with many = 3, x = 3" in helios.out


def test_a_cancelled_job_says_so(desk: Desk) -> None:
    gated = Gated(desk)
    process = gated.start("--jobs", "1")
    desk.call("cancel")
    finish(process, 1)
    assert desk.run().state is RunState.CANCELLED
    assert "it was cancelled: its run was (cancelled on request)" in gated.explain("fetch[0]")


def test_a_run_is_summed_up_with_what_failed(helios: Command) -> None:
    run = explained(helios, bad=2)
    assert helios("explain") == 0
    assert helios.out.startswith(f"{run} is FAILED: 1 job of step 'process/check' failed\n")
    assert "process/check[1] failed: it was ended by SIGINT" in helios.out
    assert helios("explain", "process[1]") == 0
    assert "process/check[1] failed" in helios.out


# -- names -------------------------------------------------------------------------------------------------


def test_a_name_that_fits_nothing_is_told_what_there_is(helios: Command) -> None:
    assert helios("explain") == 2
    assert "there are no runs yet" in helios.err
    run = explained(helios)
    latest = f"there is no run 'fetsh', and the latest, {run}, has no step 'fetsh'; did you mean 'fetch'?"
    for name, words in {
        "fetch[7]": "fetch[7] is out of range: fetch has 3, fetch[0] to fetch[2]",
        "fetch[0,1]": "fetch[0,1] has too many indices; a job of it has one index, such as fetch[0]",
        "join[0]": "step 'join' has one job, without an index",
        "fetsh[0]": latest,
        f"{run}/nothing": "has no step 'nothing'; its steps: fetch, process/check, process/copy",
        f"{run}[3]": "an index needs a step",
        "fetch[x]": "'x' is no index; right would be a number counted from 0",
        "20991231/fetch": "there is no run '20991231'",
    }.items():
        assert helios("explain", name) == 2, name
        assert words in helios.err, name


def test_a_run_is_named_by_its_beginning_unless_several_begin_so(helios: Command) -> None:
    run = explained(helios)
    assert helios("explain", f"{run[:-3]}/fetch[0]") == 0
    explained(helios, many=9)
    assert helios("explain", f"{run[:2]}/fetch[0]") == 2
    assert "is the beginning of several runs" in helios.err


@pytest.mark.postgresql
def test_postgresql_tells_the_same(tmp_path: Path, postgresql_url: str) -> None:
    desk = Desk(tmp_path / "desk", store=postgresql_url, files=0, document=EXPLAINED)
    gated = Gated(desk, bad=2)
    process = gated.start("--jobs", "1")
    assert "all 1 workers are busy" in gated.explain("fetch[2]")
    assert "it comes from fetch[0], which runs (attempt 1)" in gated.explain("join")
    follower = desk.start("logs", "--follow", "--stream", "stderr")
    desk.open_gate()
    finish(process, 1)
    assert "process/check[1] | checking /" in finish(follower)[0].replace(" #", "#")
    assert "process/check[1] failed: it was ended by SIGINT" in gated.explain("process/check")
    assert desk.call("rerun", "process/check[1]", code=130)[0] == ""
    desk.close()


# -- Slurm -------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    slurm = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.bin}{os.pathsep}{os.environ['PATH']}")
    yield slurm
    slurm.release()


def test_slurm_says_why_a_job_waits_through_its_engine_and_without_it(desk: Desk, fake: FakeSlurm) -> None:
    fake.fault("pend")
    gated = Gated(desk, "[backends.slurm]\npoll_seconds = 0.2\n")
    process = gated.start("--backend", "slurm", at_work=0)
    wait_until(lambda: gated.count(JobState.LEASED), "no job was handed out")
    words = "Resources: no node has enough free cores, memory or GPUs now"
    wait_until(lambda: words in gated.explain("fetch[0]"), "Slurm's reason was not told")
    calls = len(fake.calls("sbatch")), len(fake.calls("scancel"))
    os.kill(process.pid, signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    said = gated.explain("fetch[0]")
    assert words in said
    assert "the engine that held the run is gone" in said
    assert (len(fake.calls("sbatch")), len(fake.calls("scancel"))) == calls
    fake.fault("away")
    assert "fetch[0] is LEASED" in gated.explain("fetch[0]")
    fake.mend("away")
    fake.mend("pend")
    desk.open_gate()
    desk.call("resume", "--quiet", "--backend", "slurm")
