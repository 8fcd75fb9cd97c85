"""``--check-compiler``: the command lines of a run are compared with cwltool's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
requirements: {InlineJavascriptRequirement: {}, InitialWorkDirRequirement: {listing: [
  {entryname: $(inputs.n).cfg, entry: "n = $(inputs.n)"}]}}
baseCommand: [sh, -c, 'echo "$0 $@"; cat *.cfg']
arguments: [{valueFrom: EXTRA, position: 2}]
inputs: {n: {type: int, inputBinding: {prefix: -n, position: 1}}}
outputs: {said: stdout}
"""

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {numbers: "int[]"}
steps: {say: {run: tool.cwl, scatter: n, in: {n: numbers}, out: [said]}}
outputs: {said: {type: "File[]", outputSource: say/said}}
"""


def write(helios: Command, extra: str) -> None:
    helios.write("tool.cwl", TOOL.replace("EXTRA", extra))
    helios.write("flow.cwl", WORKFLOW)
    helios.write("job.yml", "numbers: [1, 2, 3, 4, 5]")


def said(helios: Command) -> list[str]:
    return [Path(one["path"]).read_text() for one in helios.json("run", "-q", *ARGUMENTS)["said"]]


ARGUMENTS = ("--check-compiler=2", "--jobs=1", "flow.cwl", "job.yml")


def test_jobs_that_cwltool_would_run_alike_are_run_as_compiled(helios: Command) -> None:
    write(helios, "$(inputs.n * 2)")
    assert said(helios) == [f"-n {n} {2 * n}\nn = {n}" for n in range(1, 6)]
    assert helios.err == ""
    helios("status")
    assert "cwltool" not in helios.out


def test_a_difference_is_told_with_its_place_and_cwltool_runs_the_task(helios: Command) -> None:
    write(helios, "$(Math.random())")
    found = said(helios)
    assert [text.split()[1] for text in found] == ["1", "2", "3", "4", "5"]
    assert "tool.cwl:1:1: step 'say' is run by cwltool: compiled, it differs" in helios.err
    assert "argv[5] is '0." in helios.err
    helios("status")
    assert "say is run by cwltool" in helios.out
    (task,) = helios.json("status", "--format", "json")["tasks"]
    assert task["differs"][0].endswith("tool.cwl:1:1")
    assert task["differs"][1].startswith("argv[5] is ")


@pytest.mark.parametrize("value", ["0", "many"])
def test_the_number_of_jobs_to_compare_is_checked(helios: Command, value: str) -> None:
    write(helios, "x")
    assert helios("run", f"--check-compiler={value}", "flow.cwl", "job.yml") == 2
    assert "whole number" in helios.err
