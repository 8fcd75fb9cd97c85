"""What a job file says besides inputs: the document, and requirements over those of the document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TOOL = """
cwlVersion: {version}
class: CommandLineTool
requirements:
  EnvVarRequirement: {{envDef: {{WORD: tool}}}}
  InlineJavascriptRequirement: {{}}
baseCommand: [sh, -c, 'printf %s "$WORD"']
inputs: {{word: string?}}
stdout: said.txt
outputs:
  said:
    type: string
    outputBinding: {{glob: said.txt, loadContents: true, outputEval: "$(self[0].contents)"}}
"""
WORKFLOW = """
cwlVersion: v1.2
class: Workflow
inputs: {word: string?}
steps:
  one: {run: say.cwl, in: {word: word}, out: [said]}
  two: {run: say.cwl, in: {word: word}, out: [said]}
outputs:
  first: {type: string, outputSource: one/said}
  second: {type: string, outputSource: two/said}
"""


def requirement(value: str) -> str:
    return f"- {{class: EnvVarRequirement, envDef: [{{envName: WORD, envValue: {value}}}]}}\n"


@pytest.fixture
def told(helios: Command) -> Command:
    """A folder with a tool that says a word of its environment, and a workflow that runs it twice."""
    helios.write("tools/say.cwl", TOOL.format(version="v1.2"))
    helios.write("tools/both.cwl", WORKFLOW)
    return helios


def test_requirements_of_a_job_hold_over_those_of_the_tool(told: Command) -> None:
    job = told.write("job.yml", "word: mine\ncwl:requirements:\n" + requirement("$(inputs.word)"))
    assert told.json("run", "tools/say.cwl", job) == {"said": "mine"}
    assert told.json("run", "tools/say.cwl") == {"said": "tool"}


def test_requirements_of_a_job_are_inherited_by_steps_without_their_own(told: Command) -> None:
    told.write("tools/say.cwl", TOOL.format(version="v1.2").replace("  EnvVar", "  # EnvVar"))
    job = told.write("job.yml", "cwl:requirements:\n" + requirement("job"))
    assert told.json("run", "tools/both.cwl", job) == {"first": "job", "second": "job"}


def test_overrides_reach_a_tool_and_a_single_step(told: Command) -> None:
    job = told.write(
        "job.yml", f"cwltool:overrides:\n  say.cwl:\n    requirements:\n    {requirement('all')}"
    )
    assert told.json("run", "tools/both.cwl", job) == {"first": "all", "second": "all"}
    told.write("tools/say.cwl", TOOL.format(version="v1.2").replace("  EnvVar", "  # EnvVar"))
    entry = f"'#two':\n    requirements:\n    {requirement('second')}"
    job = told.write("job.yml", f"cwltool:overrides:\n  {entry}")
    assert told.json("run", "tools/both.cwl", job) == {"first": "", "second": "second"}


def test_a_job_alone_names_its_document(told: Command) -> None:
    job = told.write("jobs/job.json", '{"cwl:tool": "../tools/say.cwl", "word": "x"}')
    assert told.json("run", job) == {"said": "tool"}
    assert told("plan", job) == 0
    assert "say" in told.out


def test_cwl_requirements_are_refused_for_v1_0(told: Command) -> None:
    told.write("tools/say.cwl", TOOL.format(version="v1.0"))
    job = told.write("job.yml", "cwl:requirements:\n" + requirement("x"))
    assert told("run", "tools/say.cwl", job) == 2
    assert "cwltool:overrides" in told.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cwl:requirements: 3\n", "must be requirements"),
        ("cwl:requirements: [{envDef: []}]\n", "each with its class"),
        ("cwltool:overrides: [1]\n", "maps processes to requirements"),
        ("cwl:requirements: [{class: NoSuchRequirement}]\n", "NoSuchRequirement"),
    ],
)
def test_requirements_that_are_none_are_told(told: Command, text: str, reason: str) -> None:
    job: Path = told.write("job.yml", text)
    assert told("run", "tools/say.cwl", job) in (2, 33)
    assert reason in told.err


def test_a_runner_says_its_version_and_33_for_what_it_cannot_do(told: Command) -> None:
    assert told("run", "--version") == 0
    assert told.out.startswith("helios-wf ")
    told.write("operation.cwl", "{cwlVersion: v1.2, class: Operation, inputs: [], outputs: []}")
    assert told("run", "--quiet", "operation.cwl") == 33
    assert "Operation" in told.err
    assert told.out == ""
