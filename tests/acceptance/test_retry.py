"""``helios-wf retry``: what failed is tried again, what is done stays, what follows is made anew."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from driving import HELIOS_WF, finish, wait_until
from fragile_runs import Fragile

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command


def parts(fragile: Fragile) -> dict[tuple[int, int], tuple[int, str]]:
    """Returns the ranges that are done, each with the number of its tries and when the last began."""
    return {
        (row["first"], row["stop"]): (row["tries"], row["started"])
        for row in fragile.ranges("--state", "done")
    }


def test_only_the_ranges_that_were_lost_run_again(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 48, {7: "exit 3", 30: "signal 9"})
    assert fragile.run() == 1
    assert fragile.events("FATAL") == [("0.txt", 7), ("0.txt", 30)]
    before = parts(fragile)
    fragile.mend()
    assert helios("retry", "--ranges", "--quiet") == 0, helios.err
    fragile.check_outputs()
    after = parts(fragile)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {(7, 8), (30, 31)}
    assert {after[key][0] for key in set(after) - set(before)} == {3}


def test_a_tool_that_still_fails_fails_the_run_once_more(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 20, {7: "exit 3"})
    assert fragile.run() == 1
    assert helios("retry", "--ranges", "--quiet") == 1
    assert "cannot process event 7" in helios.err
    (row,) = fragile.ranges("--state", "fatal")
    assert row["tries"] == 4


def test_what_a_finished_run_lost_is_made_up_for_and_its_datasets_are_made_anew(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 40, {0: "exit 3", 21: "exit 3"}, files=2, tolerate="{events: 0.1}")
    assert fragile.run() == 0
    assert "is FINISHED: step 'number' lost 2 of 80 events: event 0 of /" in helios.err
    fragile.check_outputs(frozenset({0, 21}))
    assert (
        "lost 2 of 80 events"
        in helios.json("dataset", "show", "fragile.0001.joined.v1", "--format", "json")["meta"]["missing"]
    )
    before = parts(fragile)
    fragile.mend()
    assert helios("retry", "--ranges", "--quiet") == 0, helios.err
    fragile.check_outputs()
    after = parts(fragile)
    assert set(after) - set(before) == {(0, 1), (21, 22)}
    assert {key: after[key] for key in before} == before
    status = fragile.status()
    assert status["state"] == "DONE"
    assert {task["task"]: task["state"] for task in status["tasks"]} == dict.fromkeys(
        ("number", "mark", "join", "join_marked"), "DONE"
    )
    assert "missing" not in fragile.meta("joined")
    assert helios("retry", "--ranges") == 2
    assert "is DONE already" in helios.err


def test_a_dataset_that_another_run_has_read_is_not_made_anew(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 40, {5: "exit 3"}, tolerate="{events: 0.1}")
    assert fragile.run() == 0
    text = (helios.folder / "fragile.cwl").read_text()
    text = text.replace("template: fragile,", "template: reader,").replace('"fragile.', '"read.')
    helios.write("reader.cwl", text.replace('"read.{run:04d}.raw"', '"fragile.{run:04d}.joined.v1"'))
    first = fragile.status()["run"]
    assert helios("run", "reader.cwl", "--outdir", "out", "--quiet") == 0, helios.err
    fragile.mend()
    assert helios("retry", first, "--ranges") == 2
    assert "cannot make dataset 'fragile.0001.joined.v1' anew: run " in helios.err
    fragile.check_outputs(frozenset({5}))


def test_where_nothing_can_be_tried_again_that_is_said(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 20, {7: "exit 3"})
    assert fragile.run() == 1
    run = fragile.status()["run"]
    assert helios("retry", run, "join") == 2
    assert "is FAILED: no job of step 'join' failed or was cancelled" in helios.err
    assert helios("retry", run, "join", "--ranges") == 2
    assert "is FAILED: no event ranges of step 'join' are lost" in helios.err
    assert helios("retry", run, "jion") == 2
    assert "has no step 'jion'; did you mean 'join'?" in helios.err
    assert fragile.status()["state"] == "FAILED"


BOTH = """\
touch "$1/$$.here"
while [ "$(ls "$1"/*.here | wc -l)" -lt 2 ]; do sleep 0.02; done
test -e "$1/mended" && echo made
"""

TWO_STEPS = """\
cwlVersion: v1.2
class: Workflow
inputs: {folder: string}
steps:
  one:
    in: {folder: folder}
    out: [made]
    run: &tool
      class: CommandLineTool
      baseCommand: sh
      inputs:
        script: {type: File, default: {class: File, location: both.sh}, inputBinding: {position: 0}}
        folder: {type: string, inputBinding: {position: 1}}
      stdout: made.txt
      outputs: {made: stdout}
  two: {in: {folder: folder}, out: [made], run: *tool}
  after:
    in: {made: one/made}
    out: [copied]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {made: {type: File, inputBinding: {position: 1}}}
      stdout: copied.txt
      outputs: {copied: stdout}
outputs:
  copied: {type: File, outputSource: after/copied}
  two: {type: File, outputSource: two/made}
"""


def test_one_step_can_be_tried_again_while_others_stay_failed(helios: Command) -> None:
    helios.write("both.sh", BOTH)
    helios.write("two.cwl", TWO_STEPS)
    helios.write("job.yml", f"folder: {helios.folder}\n")
    assert helios("run", "two.cwl", "job.yml", "--jobs", "2", "--quiet") == 1, helios.err
    run = helios.json("status", "--format", "json")["run"]
    helios.write("mended", "")
    assert helios("retry", run, "one", "--quiet") == 1
    assert states(helios) == {"one": "DONE", "two": "FAILED", "after": "DONE"}
    assert helios("retry", "--failed", "--quiet") == 0, helios.err
    assert states(helios) == {"one": "DONE", "two": "DONE", "after": "DONE"}
    assert (helios.folder / "copied.txt").read_text() == "made\n"


def states(helios: Command) -> dict[str, str]:
    """Returns the state of each task of the latest run."""
    return {task["task"]: task["state"] for task in helios.json("status", "--format", "json")["tasks"]}


def test_a_run_that_lost_a_job_within_tolerance_is_finished_and_is_made_up_for(helios: Command) -> None:
    fragile = Fragile(helios, "process", 12, {4: "exit 3"}, files=3, tolerate="{jobs: 0.4}")
    assert fragile.run() == 0
    assert "is FINISHED: step 'number' lost 1 of 3 jobs: number[0,0], events [0, 12) of /" in helios.err
    assert "cannot process event 4" in helios.err
    assert "step 'mark' lost 1 of " in helios.err
    assert "to try what was lost again, once that is mended: helios-wf retry " in helios.err
    fragile.check_outputs(frozenset(range(12)))
    assert "lost 1 of 3 jobs" in fragile.meta("parts")["missing"]
    status = fragile.status()
    assert {task["task"]: task["state"] for task in status["tasks"]} == {
        "number": "FINISHED",
        "mark": "FINISHED",
        "join": "DONE",
        "join_marked": "DONE",
    }
    fragile.mend()
    assert helios("retry", "--quiet") == 0, helios.err
    fragile.check_outputs()
    assert fragile.status()["state"] == "DONE"
    assert "missing" not in fragile.meta("parts")


def test_a_step_that_loses_more_jobs_than_it_may_fails_and_says_so(helios: Command) -> None:
    fragile = Fragile(helios, "process", 12, {4: "exit 3"}, files=3, tolerate="{jobs: 0.3}")
    assert fragile.run() == 1
    assert "step 'number' was given up: 1 of its 3 jobs failed for good and 0 may" in helios.err
    assert "cannot process event 4" in helios.err


GATED = """\
cwlVersion: v1.2
class: Workflow
inputs: {folder: string}
steps:
  broken:
    in: {folder: folder}
    out: [made]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'test -e "$0/mended" && echo made']
      inputs: {folder: {type: string, inputBinding: {position: 1}}}
      stdout: made.txt
      outputs: {made: stdout}
  gated:
    in: {folder: folder}
    out: [made]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'touch "$0/begun"; until test -e "$0/mended"; do sleep 0.02; done; date +%s%N']
      inputs: {folder: {type: string, inputBinding: {position: 1}}}
      stdout: gated.txt
      outputs: {made: stdout}
outputs:
  broken: {type: File, outputSource: broken/made}
  gated: {type: File, outputSource: gated/made}
"""


def test_an_engine_that_holds_the_run_is_asked_and_does_it_when_what_runs_has_ended(helios: Command) -> None:
    helios.write("gated.cwl", GATED)
    helios.write("job.yml", f"folder: {helios.folder}\n")
    engine = subprocess.Popen(
        [HELIOS_WF, "run", "gated.cwl", "job.yml", "--jobs", "2", "--quiet"],
        cwd=helios.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def broken_failed() -> bool:
        home = helios.folder / ".helios" / "helios.db"
        return home.exists() and states(helios).get("broken") == "FAILED"

    try:
        wait_until(lambda: (helios.folder / "begun").exists(), "the gated job did not begin")
        wait_until(broken_failed, "the broken job did not fail", every_s=0.2)
        assert helios("retry") == 0, helios.err
        assert "asked the engine of run " in helios.err
        helios.write("mended", "")
        out, err = finish(engine)
    finally:
        engine.kill()
    assert set(json.loads(out)) == {"broken", "gated"}, err
    assert states(helios) == {"broken": "DONE", "gated": "DONE"}
    shown = helios.json("status", "--format", "json")
    assert shown["state"] == "DONE"
    assert [task["jobs"] for task in shown["tasks"]] == [{"DONE": 1}, {"DONE": 1}]
