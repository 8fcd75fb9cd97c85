"""JavaScript in documents that run: where it fails is said, what hangs ends, and Node is never started."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}
inputs: {n: "int[]"}
steps:
  one:
    run: tool.cwl
    scatter: i
    in:
      i: n
      j:
        valueFrom: $(inputs.i + 1)
    when: $(inputs.i > 0)
    out: [out, text]
  last:
    run:
      class: ExpressionTool
      inputs: {all: "Any"}
      outputs: {sum: int}
      expression: |
        ${
          var sum = 0;
          inputs.all.forEach(function (text) { sum += parseInt(text || "0"); });
          return {sum: sum};
        }
    in: {all: one/text}
    out: [sum]
outputs: {sum: {type: int, outputSource: last/sum}}
"""

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
requirements:
  InlineJavascriptRequirement:
    expressionLib: ["function twice(x) { return 2 * x; }"]
baseCommand: echo
arguments: ["$(twice(inputs.j))"]
inputs: {i: int, j: int}
stdout: out.txt
outputs:
  out: stdout
  text:
    type: string
    outputBinding:
      glob: $("out" + ".txt")
      loadContents: true
      outputEval: $(self[0].contents.trim())
"""

BY_CWLTOOL = (
    "requirements:\n  cwltool:ShmSize: {shmSize: 64m}\n",
    '$namespaces: {cwltool: "http://commonwl.org/cwltool#"}\n',
)
"""A requirement that says nothing without a container, and that is not compiled."""


@pytest.fixture
def documents(helios: Command) -> Path:
    helios.write("main.cwl", WORKFLOW)
    helios.write("tool.cwl", TOOL)
    return helios.write("job.json", json.dumps({"n": [1, 0, 2, 3]}))


def changed(helios: Command, name: str, old: str, new: str) -> None:
    text = (helios.folder / name).read_text()
    assert old in text
    helios.write(name, text.replace(old, new))


def leave_to_cwltool(helios: Command) -> None:
    requirement, namespaces = BY_CWLTOOL
    changed(helios, "tool.cwl", "requirements:\n", requirement)
    changed(helios, "tool.cwl", "stdout: out.txt\n", f"stdout: out.txt\n{namespaces}")


@pytest.mark.parametrize("by_cwltool", [False, True])
def test_node_is_never_started_nor_a_container_with_it(
    by_cwltool: bool, helios: Command, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = helios.folder / "called"
    for name in ("node", "nodejs", "docker", "podman", "singularity", "apptainer", "udocker"):
        program = helios.write(f"bin/{name}", f'#!/bin/sh\necho "$0 $@" >> {called}\nexit 1\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helios.folder}/bin{os.pathsep}{os.environ['PATH']}")
    if by_cwltool:
        leave_to_cwltool(helios)
    plan = helios.json("plan", "main.cwl", documents, "--format", "json")
    assert ("reference" in json.dumps(plan)) == by_cwltool
    called.unlink(missing_ok=True)  # a plan may ask container engines for their version
    assert helios("validate", "main.cwl", "tool.cwl") == 0, helios.out
    assert helios.json("run", "main.cwl", documents, "--quiet") == {"sum": 4 + 6 + 8}
    assert not called.exists(), called.read_text()


@pytest.mark.parametrize("by_cwltool", [False, True])
@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "main.cwl",
            "$(inputs.i + 1)",
            "$(inputs.i.x.y)",
            r"main\.cwl:15:20: .*cannot read property 'y' of undefined \(line 1 of it\); given: .*\"i\": 1",
        ),
        ("main.cwl", "$(inputs.i > 0)", "$(inputs.i > zero)", r"main\.cwl:16:11: .*zero is not defined"),
        (
            "main.cwl",
            "sum += parseInt",
            "sum += inputs.all.none.parseInt",
            r"main\.cwl:23:19: .*property 'parseInt' of undefined \(line 3",
        ),
        ("tool.cwl", "twice(inputs.j)", "thrice(inputs.j)", r"tool\.cwl:7:13: .*thrice is not defined"),
        ("tool.cwl", "self[0].contents", "self[7].contents", r"tool\.cwl:17:19: .*'contents' of undefined"),
    ],
)
def test_an_expression_that_fails_is_told_with_its_place(
    by_cwltool: bool, name: str, old: str, new: str, told: str, helios: Command, documents: Path
) -> None:
    changed(helios, name, old, new)
    if by_cwltool:
        leave_to_cwltool(helios)
    assert helios("run", "main.cwl", documents) == 1
    if by_cwltool and name == "tool.cwl":
        # cwltool's engine is told no more than the code
        told = told.partition(".*")[2]
    assert re.search(told, helios.err), helios.err


@pytest.mark.parametrize(
    ("name", "old", "new", "place"),
    [
        ("main.cwl", "$(inputs.i + 1)", "${ while (inputs.i != 7) {} return 1; }", r"main\.cwl:15:20"),
        ("main.cwl", "$(inputs.i > 0)", '$(new Array(1e9 + inputs.i).join("ab"))', r"main\.cwl:16:11"),
        ("tool.cwl", '"$(twice(inputs.j))"', "'${ for (;;) inputs.j; }'", r"tool\.cwl:7:13"),
        ("tool.cwl", "$(self[0].contents.trim())", "${ for (;;) self; }", r"tool\.cwl:17:19"),
        ("tool.cwl", '$("out" + ".txt")', "${ for (;;) inputs.i; }", r"tool\.cwl:15:13"),
    ],
)
def test_an_expression_that_hangs_is_ended_and_named(
    name: str,
    old: str,
    new: str,
    place: str,
    helios: Command,
    documents: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HELIOS_EXPRESSION_SECONDS", "0.5")
    changed(helios, name, old, new)
    assert helios("run", "main.cwl", documents) == 1
    assert re.search(f"{place}: expression .*more than 0.5 s of processor time", helios.err), helios.err


def test_a_limit_that_is_no_number_is_told(
    helios: Command, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELIOS_LOAD_SECONDS", "soon")
    assert helios("validate", "main.cwl") == 2
    assert "HELIOS_LOAD_SECONDS must be a number of seconds, not 'soon'" in helios.err
