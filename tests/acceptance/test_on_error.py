"""``--on-error``: what becomes of the rest of a run when a job failed for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TEMPLATE = """
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: parts, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  raw: {type: "File[]", helios:mask: "parts.{run:04d}.raw"}
steps:
  check:
    run: check.cwl
    scatter: file
    in: {file: raw}
    out: [checked]
  copy:
    run: copy.cwl
    scatter: file
    in: {file: check/checked}
    out: [copied]
  join:
    run: join.cwl
    in: {files: copy/copied}
    out: [joined]
  list:
    run: join.cwl
    in: {files: raw}
    out: [joined]
outputs:
  copied: {type: "File[]", outputSource: copy/copied}
  joined: {type: File, outputSource: join/joined, helios:dataset: "parts.{run:04d}.joined.v{version}"}
  listed: {type: File, outputSource: list/joined, helios:dataset: "parts.{run:04d}.listed.v{version}"}
"""

CHECK = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, WORK/check.sh]
inputs: {file: {type: File, inputBinding: {position: 1}}}
outputs: {checked: {type: File, outputBinding: {glob: checked.txt}}}
"""

COPY = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
stdout: copied.txt
inputs: {file: {type: File, inputBinding: {position: 1}}}
outputs: {copied: stdout}
"""

JOIN = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
stdout: joined.txt
inputs: {files: {type: "File[]", inputBinding: {position: 1}}}
outputs: {joined: stdout}
"""


class Parts:
    """A user's folder with a template whose first step refuses files that say ``bad``, until it is mended."""

    def __init__(self, helios: Command, *files: str) -> None:
        self.helios = helios
        self.said = ""
        helios.write("parts.cwl", TEMPLATE)
        helios.write("check.cwl", CHECK.replace("WORK", str(helios.folder)))
        helios.write("copy.cwl", COPY)
        helios.write("join.cwl", JOIN)
        for index, text in enumerate(files):
            helios.write(f"raw/{index}.txt", f"{text}\n")
        self.refuse("bad")

    def refuse(self, word: str) -> None:
        """Lets the first step refuse files with a word; it notes what it takes."""
        script = f'if grep -q {word} "$1"; then echo "$1: bad file" >&2; exit 3; fi\n'
        self.helios.write(
            "check.sh", script + f'cat "$1" >> {self.helios.folder}/taken; cp "$1" checked.txt\n'
        )

    def run(self, *options: str) -> int:
        given = "parts.0001.raw=raw/*.txt"
        arguments = ("run", "parts.cwl", "--dataset", given, "--outdir", "out", "--quiet", "--jobs", "2")
        code = self.helios(*arguments, *options)
        self.said = self.helios.err
        return code

    @property
    def outputs(self) -> Any:
        (run,) = json.loads(self.helios.out)
        return run["outputs"]

    @property
    def taken(self) -> list[str]:
        return (self.helios.folder / "taken").read_text().split()

    def made(self) -> set[str]:
        return self.helios.datasets().keys() - {"parts.0001.raw"}


def test_with_continue_what_can_be_done_is_done_and_published_and_a_resume_makes_the_rest(
    helios: Command,
) -> None:
    parts = Parts(helios, "a", "bad", "c", "d")
    assert parts.run("--on-error", "continue") == 1
    assert parts.outputs["copied"] is None
    assert parts.outputs["joined"] is None
    assert Path(parts.outputs["listed"]["path"]).read_text() == "a\nbad\nc\nd\n"
    assert parts.made() == {"parts.0001.listed.v1"}
    assert sorted(parts.taken) == ["a", "c", "d"]
    assert (
        "is FAILED: 1 job of step 'check' failed; "
        "outputs 'copied', 'joined' and steps 'copy', 'join' wait for check[1]"
    ) in parts.said
    status = helios.json("status", "--format", "json")
    assert status["state"] == "FAILED"
    assert {task["task"]: task["jobs"] for task in status["tasks"]} == {
        "check": {"DONE": 3, "FAILED": 1},
        "copy": {"DONE": 3},
        "join": {},
        "list": {"DONE": 1},
    }
    (kind,) = status["failures"]
    assert (kind["step"], kind["n_jobs"], kind["total"], kind.get("others", "")) == ("check", 1, 4, "")
    assert (kind["first"]["job"], kind["first"]["cause"], kind["first"]["exit_code"]) == (
        "check[1]",
        "EXIT",
        3,
    )
    parts.refuse("nothing")
    assert helios("resume", "--quiet") == 0, helios.err
    assert Path(parts.outputs["joined"]["path"]).read_text() == "a\nbad\nc\nd\n"
    assert [Path(one["path"]).read_text() for one in parts.outputs["copied"]] == [
        "a\n",
        "bad\n",
        "c\n",
        "d\n",
    ]
    assert parts.made() == {"parts.0001.listed.v1", "parts.0001.joined.v1"}
    assert sorted(parts.taken) == ["a", "bad", "c", "d"]
    assert helios("dataset", "verify", "parts.0001.listed.v1") == 0, helios.err


def test_a_run_goes_on_without_what_failed_again_if_it_began_so(helios: Command) -> None:
    parts = Parts(helios, "a", "bad")
    assert parts.run("--on-error", "continue") == 1
    assert helios("retry", "--quiet") == 1
    assert parts.outputs["listed"]["size"] == len("a\nbad\n")
    assert parts.made() == {"parts.0001.listed.v1"}
    assert helios("retry", "--quiet", "--on-error", "stop") == 1
    assert parts.outputs is None


def test_a_dataset_that_was_made_may_be_read_before_the_rest_is_there(helios: Command) -> None:
    parts = Parts(helios, "a", "bad")
    assert parts.run("--on-error", "continue") == 1
    reader = TEMPLATE.replace("template: parts", "template: reader").replace(
        '"parts.{run:04d}.raw"', '"parts.{run:04d}.listed.v1"'
    )
    helios.write(
        "reader.cwl",
        reader.replace('"parts.{run:04d}.joined', '"read.{run:04d}.joined').replace(
            '"parts.{run:04d}.listed.v{version}', '"read.{run:04d}.listed.v{version}'
        ),
    )
    parts.refuse("nothing")
    assert helios("run", "reader.cwl", "--outdir", "out", "--quiet") == 0, helios.err
    (failed,) = [row["run"] for row in helios.json("runs", "--format", "json") if row["state"] == "FAILED"]
    assert helios("run", "parts.cwl", "--outdir", "out", "--quiet") == 2
    said = (
        f"was made by run {failed}, which failed in part and can make the rest: helios-wf resume {failed}; "
    )
    assert said in helios.err
    assert helios("resume", failed, "--quiet") == 0, helios.err


def test_with_stop_nothing_is_published_and_with_kill_what_runs_is_ended(helios: Command) -> None:
    parts = Parts(helios, "bad", "slow")
    helios.write("helios.toml", "[backends.local]\ngrace_s = 0.2\n")
    slow = 'if grep -q slow "$1"; then touch started; while :; do sleep 0.1; done; fi\n'
    wait = "while ! ls -d WORK/.helios/runs/*/0/0/1.1/out/started; do sleep 0.1; done; exit 3\n"
    helios.write("check.sh", slow + wait.replace("WORK", str(helios.folder)))
    assert parts.run("--on-error", "kill") == 1
    assert "1 job of step 'check' failed" in helios.err
    status = helios.json("status", "--format", "json")
    assert status["tasks"][0]["jobs"] == {"FAILED": 1, "READY": 1}
    parts.refuse("nothing")
    assert helios("resume", "--quiet", "--on-error", "stop") == 0, helios.err


def test_a_run_that_failed_does_not_stop_the_others(helios: Command) -> None:
    Parts(helios)
    for index, text in enumerate(("a", "bad", "c")):
        helios.write(f"{index}.txt", f"{text}\n")
        assert helios("dataset", "add", f"parts.000{index}.raw", f"{index}.txt", "--close") == 0
    assert helios("run", "parts.cwl", "--outdir", "out", "--quiet") == 1
    states = {one["datasets"]["raw"]: one["outputs"] is not None for one in json.loads(helios.out)}
    assert states == {"parts.0000.raw": True, "parts.0001.raw": False, "parts.0002.raw": True}


def test_it_is_a_setting_and_a_wrong_word_is_told(helios: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(helios, "a", "bad")
    helios.write("helios.toml", 'on_error = "ignore"\n')
    assert parts.run() == 2
    assert "on_error: 'ignore' is not one of stop, continue, kill" in helios.err
    helios.write("helios.toml", 'on_error = "continue"\n')
    assert parts.run() == 1
    assert parts.outputs["listed"]
