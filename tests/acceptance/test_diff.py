"""``helios-wf diff``: two runs side by side, for people and for programs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

WORKFLOW = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {words: "string[]"}
steps:
  say: {run: say.cwl, scatter: word, in: {word: words}, out: [said]}
  join: {run: join.cwl, in: {files: say/said}, out: [joined]}
outputs: {joined: {type: File, outputSource: join/joined}}
"""

SAY = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'test "$0" != bad || { echo "$0 of $$" >&2; exit 3; }; echo GREETING "$0"']
inputs: {word: {type: string, inputBinding: {position: 1}}}
stdout: said.txt
outputs: {said: stdout}
"""

JOIN = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {files: {type: "File[]", inputBinding: {position: 1}}}
stdout: joined.txt
outputs: {joined: stdout}
"""


class Greetings:
    """A user's folder with a workflow that greets; each run is known by its number."""

    def __init__(self, helios: Command) -> None:
        self.helios = helios
        self.runs: list[str] = []
        helios.write("greet.cwl", WORKFLOW)
        helios.write("join.cwl", JOIN)

    def run(
        self, greeting: str, *words: str, options: tuple[str, ...] = (), tool: str = SAY, code: int = 0
    ) -> None:
        self.helios.write("say.cwl", tool.replace("GREETING", greeting))
        self.helios.write("job.json", json.dumps({"words": words}))
        given = ("greet.cwl", "job.json", "--quiet", "--outdir", f"out{len(self.runs)}", *options)
        assert self.helios("run", *given) == code, self.helios.err
        self.runs.append(self.helios.json("runs", "--format", "json")[0]["run"])

    def diff(self, was: int, now: int) -> Any:
        return self.helios.json("diff", self.runs[was], self.runs[now], "--format", "json")

    def told(self, was: int, now: int) -> str:
        assert self.helios("diff", self.runs[was], self.runs[now]) == 0, self.helios.err
        return self.helios.out


@pytest.fixture
def greetings(helios: Command) -> Greetings:
    return Greetings(helios)


def test_runs_that_differ_in_document_inputs_and_failures_are_told_apart(greetings: Greetings) -> None:
    greetings.run("hello", "anna", "otto")
    greetings.run("good day", "anna", "bad", options=("--on-error", "continue"), code=1)
    first, second = greetings.runs
    told = greetings.told(0, 1)
    lines = [line.strip() for line in told.splitlines()]
    assert re.fullmatch(f"- run {first} of .*/greet.cwl: DONE", lines[0])
    assert re.fullmatch(f"\\+ run {second} of .*/greet.cwl: FAILED", lines[1])
    assert "documents: say changed" in lines
    changed = {line[:1]: line for line in lines if 'echo hello "$0"' in line or 'echo good day "$0"' in line}
    assert ("hello" in changed["-"], "good day" in changed["+"]) == (True, True)
    at = lines.index("inputs: 1 differs")
    assert lines[at + 1 : at + 4] == ["words[1]", '- "otto"', '+ "bad"']
    at = lines.index("options: 1 differs")
    assert lines[at + 1 : at + 4] == ["on_error", '- "stop"', '+ "continue"']
    at = lines.index("outputs: 1 differs")
    assert re.match(r'- {"name": "joined.txt", "size": 22, "checksum": "sha1', lines[at + 2])
    assert lines[at + 3] == "+ nothing"
    assert "failures: new: say, 1 job: it exited with 3" in lines
    assert re.search(r"^say +DONE -> FAILED +2 +0 +0 -> 1 ", told, re.MULTILINE)
    assert re.search(r"^join +DONE -> \w+ +1 -> 0 ", told, re.MULTILINE)


def test_the_same_is_one_json_value_with_the_first_run_first(greetings: Greetings) -> None:
    greetings.run("hello", "anna", "otto")
    greetings.run("good day", "anna", "bad", options=("--on-error", "continue"), code=1)
    found = greetings.diff(0, 1)
    assert (found["runs"], found["states"]) == (greetings.runs, ["DONE", "FAILED"])
    assert [(step["step"], step["how"]) for step in found["document"]] == [("say", "changed")]
    assert found["inputs"] == [{"name": "words[1]", "was": "otto", "now": "bad"}]
    assert found["options"] == [{"name": "on_error", "was": "stop", "now": "continue"}]
    say, join = found["steps"]
    assert (say["was"]["jobs"], say["was"]["failed"], say["now"]["failed"]) == (2, 0, 1)
    assert (join["step"], join["was"]["state"], join["now"]["jobs"]) == ("join", "DONE", 0)
    assert found["failures"]["new"] == ["say, 1 job: it exited with 3"]
    assert greetings.diff(1, 0)["failures"]["gone"] == ["say, 1 job: it exited with 3"]
    assert not found["is_empty"]


def test_runs_that_mean_and_give_the_same_do_not_differ_though_jobs_were_reused(greetings: Greetings) -> None:
    greetings.run("hello", "anna", "otto")
    greetings.run("hello", "anna", "otto")
    told = greetings.told(0, 1)
    for what in ("documents", "inputs", "options", "outputs"):
        assert f"{what}: the same\n" in told
    assert "failures: none\n" in told
    assert re.search(r"^say +DONE +2 +0 -> 2 ", told, re.MULTILINE)
    assert greetings.diff(0, 1)["is_empty"]


def test_a_failure_is_the_same_where_only_numbers_and_paths_in_it_differ(greetings: Greetings) -> None:
    gone = SAY.replace("said.txt", "other.txt").replace(
        "stdout}", "{type: File, outputBinding: {glob: gone}}}"
    )
    greetings.run("hello", "anna", tool=gone, code=1)
    greetings.run("hello", "anna", "otto", tool=gone, code=1)
    failures = greetings.diff(0, 1)["failures"]
    assert (failures["new"], failures["gone"], len(failures["same"])) == ([], [], 1)
    # the words of the later run, whose folder is another
    assert f"nothing matches 'gone' in {greetings.helios.folder}" in failures["same"][0]
    assert greetings.runs[1] in failures["same"][0]


def test_a_run_that_is_not_there_is_told(greetings: Greetings) -> None:
    greetings.run("hello", "anna")
    assert greetings.helios("diff", greetings.runs[0], "nosuchrun") == 2
    assert "no run 'nosuchrun'" in greetings.helios.err
