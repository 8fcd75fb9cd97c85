"""A compiled tool beside cwltool: what differs is found, whatever it is, and cwltool then runs the tool."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from helios_wf.cwl.checking import CheckedProgram
from helios_wf.cwl.program import CompiledProgram, by_reference, checked, program_of
from helios_wf.cwl.reference import ReferenceProgram
from helios_wf.errors import JobError
from helios_wf.model import JobSpec, Json, Report
from helios_wf.runner import run

TOOL: dict[str, Json] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", 'echo "$1 $NAME"; cat cfg/run.txt "$2"', "sh"],
    "inputs": [
        {"id": "n", "type": "int", "inputBinding": {"position": 1}},
        {"id": "f", "type": "File", "inputBinding": {"position": 2}},
    ],
    "outputs": [{"id": "said", "type": "stdout"}],
    "stdout": "said.txt",
    "requirements": [
        {"class": "EnvVarRequirement", "envDef": [{"envName": "NAME", "envValue": "<$(inputs.f.basename)>"}]},
        {
            "class": "InitialWorkDirRequirement",
            "listing": [{"entryname": "cfg/run.txt", "entry": "n=$(inputs.n)\n"}],
        },
        {"class": "ToolTimeLimit", "timelimit": 60},
    ],
}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Json]:
    path = tmp_path / "a b.txt"
    path.write_text("data\n")
    return {"n": 3, "f": {"class": "File", "location": path.as_uri()}}


def tampered(change: Callable[[dict[str, Json]], None]) -> CheckedProgram:
    """Returns the tool, compiled as if its body said something else."""
    body = copy.deepcopy(TOOL)
    change(body)
    return CheckedProgram(TOOL, CompiledProgram(body), 2)


def attempt(program: CheckedProgram, inputs: dict[str, Json], folder: Path) -> Report:
    spec = JobSpec(run="r", key="0/0", attempt=1, tool="", directory=str(folder), inputs=inputs)
    return run(spec, program)


def text_of(report: Report) -> str:
    assert report.cause is None, report.message
    return Path(report.outputs["said"]["path"]).read_text()


def set_environment(body: dict[str, Json]) -> None:
    body["requirements"][0]["envDef"][0]["envValue"] = "other"


def set_entry(body: dict[str, Json]) -> None:
    body["requirements"][1]["listing"][0]["entry"] = "n=4\n"


def set_limit(body: dict[str, Json]) -> None:
    body["requirements"][2]["timelimit"] = 61


def demand(body: dict[str, Json]) -> None:
    body["inputs"].append({"id": "more", "type": "int"})


TAMPERED: dict[str, tuple[Callable[[dict[str, Json]], None], str]] = {
    "a word": (
        lambda body: body["inputs"][0]["inputBinding"].update(prefix="-n"),
        r"argv\[4\] is '-n', cwltool has '3'",
    ),
    "a variable": (set_environment, "environment variable 'NAME' is 'other', cwltool has '<a b.txt>'"),
    "a stream": (lambda body: body.update(stdout="x"), "stdout is 'x', cwltool has 'said.txt'"),
    "a limit": (set_limit, "time_limit_s is 61, cwltool has 60"),
    "a file": (
        set_entry,
        r"file in the working directory 'cfg/run.txt' is 'a file of 4 bytes, sha1 \w+', cwltool has",
    ),
    "a refusal": (
        demand,
        "helios-wf would not run it: input 'more' must be int; it is missing; cwltool would",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_broken_compilation_is_found_and_cwltool_runs_the_job(
    case: str, inputs: dict[str, Json], tmp_path: Path
) -> None:
    change, text = TAMPERED[case]
    program = tampered(change)
    first = attempt(program, inputs, tmp_path / "first")
    assert re.match(text, first.differences[0]), first.differences
    assert text_of(first) == "3 <a b.txt>\nn=3\ndata\n"


def test_a_sound_compilation_is_compared_and_kept(inputs: dict[str, Json], tmp_path: Path) -> None:
    program = program_of(checked(TOOL, 1))
    assert isinstance(program, CheckedProgram)
    for name in ("first", "second"):
        report = attempt(program, inputs, tmp_path / name)
        assert report.differences == ()
        assert text_of(report) == "3 <a b.txt>\nn=3\ndata\n"


def test_after_a_difference_cwltool_runs_every_job_unasked(inputs: dict[str, Json], tmp_path: Path) -> None:
    program = tampered(set_entry)
    first, second = (attempt(program, inputs, tmp_path / name) for name in ("first", "second"))
    assert first.differences
    assert second.differences == ()
    assert text_of(second) == text_of(first)


def test_a_job_that_neither_would_run_fails_as_compiled(inputs: dict[str, Json], tmp_path: Path) -> None:
    report = attempt(
        CheckedProgram(TOOL, CompiledProgram(TOOL), 1), {**inputs, "n": "three"}, tmp_path / "job"
    )
    assert report.message == "input 'n' must be int; 'three' was given"
    assert report.differences == ()


def test_a_tool_can_be_marked_for_cwltool() -> None:
    assert isinstance(program_of(by_reference(TOOL)), ReferenceProgram)
    assert isinstance(program_of(TOOL), CompiledProgram)


def test_a_malformed_tool_is_no_matter_of_checking() -> None:
    with pytest.raises(JobError, match="never closed"):
        program_of(checked({**TOOL, "stdout": "$(inputs"}, 1))
