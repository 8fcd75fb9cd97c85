"""Command lines of ten thousand words, and how one is refused that the system does not take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helios_wf.cwl.command import CompiledTool
from helios_wf.cwl.files import Folders
from helios_wf.model import JobSpec, Json, Report, Resources
from helios_wf.runner import run
from helios_wf.states import Cause

WORD = 100_000
"""Characters of a word below the limit for one."""


def tool_of(**fields: Json) -> dict[str, Json]:
    words = {"id": "words", "type": "string[]", "inputBinding": {"position": 1}}
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": [words], "outputs": [], **fields}


def attempt(folder: Path, words: list[str], **fields: Json) -> Report:
    spec = JobSpec(
        run="r", key="0/0", attempt=1, tool="", directory=str(folder / "job"), inputs={"words": words}
    )
    return run(spec, tool_of(baseCommand="true", **fields))


def test_words_beyond_the_limit_of_all_say_how_many_and_what_to_do(tmp_path: Path) -> None:
    limit = os.sysconf("SC_ARG_MAX")
    report = attempt(tmp_path, ["x" * WORD] * (limit // WORD + 1))
    assert (report.cause, report.permanent) == (Cause.NOT_STARTED, True)
    assert f"command 'true': its command line of {limit // WORD + 2:,} words has " in report.message
    assert f"the system takes {limit:,} " in report.message
    assert "InitialWorkDirRequirement" in report.message


def test_one_word_beyond_the_limit_is_told_apart(tmp_path: Path) -> None:
    report = attempt(tmp_path, ["x" * 131_072])
    assert report.cause is Cause.NOT_STARTED
    assert "one of its words has 131,073 bytes, and the system takes 131,072" in report.message


def test_a_shell_line_is_one_word(tmp_path: Path) -> None:
    report = attempt(tmp_path, ["x" * WORD] * 2, requirements=[{"class": "ShellCommandRequirement"}])
    assert report.cause is Cause.NOT_STARTED
    assert "a ShellCommandRequirement makes one word of the whole line" in report.message


@pytest.mark.parametrize("kind", ["string[]", {"type": "array", "items": ["string", "int"]}, "Any"])
def test_ten_thousand_words_stand_in_their_order(kind: Json, tmp_path: Path) -> None:
    words = [str(number) for number in range(10_000)]
    body = tool_of(baseCommand="tool")
    body["inputs"][0]["type"] = kind
    (tmp_path / "out").mkdir()
    argv = CompiledTool(body).prepare({"words": words}, Resources(), Folders(str(tmp_path))).argv
    assert argv == ["tool", *words]
