"""What is odd in a document, though it is not wrong, is said by each command that reads it, cached or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
hints:
  NoSuchHint: {}
baseCommand: [echo, hi]
inputs: {word: string}
outputs: {said: stdout}
"""
WORKFLOW = """
cwlVersion: v1.2
class: Workflow
inputs: {word: string?}
steps:
  say:
    run: tool.cwl
    in: {word: word, wrod: word}
    out: [said]
outputs: {said: {type: File, outputSource: say/said}}
"""
TOLD = (
    "warning: workflow.cwl:4:10: Source 'word' of type string? may be incompatible",
    "warning: workflow.cwl:8:22: 'wrod' is not an input parameter of",
    "warning: tool.cwl:5:3: ",
    "unknown class 'NoSuchHint'",
)


@pytest.fixture
def folder(helios: Command) -> Command:
    helios.write("tool.cwl", TOOL)
    helios.write("workflow.cwl", WORKFLOW)
    helios.write("job.json", '{"word": "x"}')
    return helios


@pytest.mark.parametrize("command", [("run", "--quiet"), ("plan",), ("validate",)])
def test_what_is_odd_is_said_the_second_time_too(folder: Command, command: tuple[str, ...]) -> None:
    job = ["job.json"] if command[0] != "validate" else []
    for _ in range(2):
        assert folder(*command, "workflow.cwl", *job) == 0, folder.err
        said = folder.out if command[0] == "validate" else folder.err
        if command[0] == "validate":
            said = re.sub(r"^(.*?: )warning HW211: ", r"warning: \1", said, flags=re.MULTILINE)
        for text in TOLD:
            assert text in said


def test_nothing_is_said_of_a_sound_document(folder: Command) -> None:
    folder.write("tool.cwl", TOOL.replace("hints:\n  NoSuchHint: {}\n", ""))
    assert folder("run", "--quiet", "tool.cwl", "job.json") == 0
    assert folder.err == ""
