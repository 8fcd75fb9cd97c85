"""What a user of reuse sees: which jobs run again, and why, when something is changed, touched or gone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from driving import HELIOS_WF

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {files: "File[]", cut: int}
steps:
  upper: {run: upper.cwl, scatter: file, in: {file: files}, out: [out]}
  first: {run: first.cwl, scatter: file, in: {file: upper/out, lines: cut}, out: [out]}
  join: {run: join.cwl, in: {files: first/out}, out: [out]}
outputs:
  firsts: {type: "File[]", outputSource: first/out}
  all: {type: File, outputSource: join/out}
"""
TOOLS = {
    "upper": """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [tr, a-z, A-Z]
inputs: {file: File}
stdin: $(inputs.file.path)
stdout: $(inputs.file.basename).upper
outputs: {out: stdout}
""",
    "first": """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: head
inputs: {file: {type: File, inputBinding: {position: 2}}, lines: {type: int, inputBinding: {prefix: -n}}}
stdout: $(inputs.file.basename).first
outputs: {out: stdout}
""",
    "join": """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {files: {type: "File[]", inputBinding: {}}}
stdout: all.txt
outputs: {out: stdout}
""",
}
ALL = {"upper": 3, "first": 3, "join": 1}


class Bench:
    """A folder with a workflow over three files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.options: list[str] = []
        (folder / "w").mkdir()
        (folder / "w" / "workflow.cwl").write_text(WORKFLOW)
        for name, text in TOOLS.items():
            (folder / "w" / f"{name}.cwl").write_text(text)
        self.inputs = [folder / f"{name}.txt" for name in "abc"]
        for path in self.inputs:
            path.write_text("".join(f"{path.stem}{line}\n" for line in range(9)))
        self.bind(3)

    def bind(self, cut: int) -> None:
        files = [{"class": "File", "path": str(path)} for path in self.inputs]
        (self.folder / "job.json").write_text(json.dumps({"cut": cut, "files": files}))

    def call(self, *words: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [HELIOS_WF, *map(str, words)], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def run(self, *options: str, workflow: str = "w/workflow.cwl") -> dict[str, int]:
        """Runs the workflow and returns how many jobs of each step ran; what comes out must be right."""
        out = self.call("run", "-q", "--outdir", self.out, *self.options, *options, workflow, "job.json")
        outputs: dict[str, Any] = json.loads(out)
        cut = json.loads((self.folder / "job.json").read_text())["cut"]
        texts = ["".join(path.read_text().upper().splitlines(keepends=True)[:cut]) for path in self.inputs]
        assert [Path(one["path"]).read_text() for one in outputs["firsts"]] == texts
        assert Path(outputs["all"]["path"]).read_text() == "".join(texts)
        return self.ran()

    def ran(self) -> dict[str, int]:
        tasks = json.loads(self.call("status", "--format", "json"))["tasks"]
        return {one["task"]: one["jobs"]["DONE"] - one.get("reused", 0) for one in tasks}

    def why(self, job: str) -> str:
        return self.call("explain", job)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


NONE = dict.fromkeys(ALL, 0)


def test_a_finished_run_started_again_runs_nothing(bench: Bench) -> None:
    assert bench.run() == ALL
    assert bench.run() == NONE
    assert "has done the same" in bench.why("first[1]")
    assert bench.run("--no-reuse") == ALL
    assert "reuse is off" in bench.why("first[1]")


def test_explain_and_logs_name_the_job_that_has_done_the_same(bench: Bench) -> None:
    runs = []
    for cut in (3, 3, 2):
        bench.bind(cut)
        bench.run()
        runs.append(json.loads(bench.call("runs", "--format", "json"))[0]["run"])
    first, second, third = runs
    job = f"{second}/first[1]"
    told = bench.why(job).splitlines()
    assert told[0] == f"{job} is DONE: it was not run: {first}/first[1] has done the same"
    assert not any("attempt" in line for line in told)
    found = json.loads(bench.call("explain", job, "--format", "json"))
    assert (found["state"], found["reasons"], found["attempts"]) == ("DONE", [], [])
    logs = subprocess.run(
        [HELIOS_WF, "logs", job], cwd=bench.folder, capture_output=True, text=True, check=False
    )
    assert (logs.returncode, logs.stdout) == (2, "")
    assert f"{job} was not run, as {first}/first[1] has done the same, so it has no log" in logs.stderr
    told = bench.why("first[0]").splitlines()
    assert told[0] == f"{third}/first[0] is DONE: it is done, at attempt 1"
    assert re.fullmatch(
        f"  nothing was reused: the nearest is ({first}|{second})/first.0., and differs", told[1]
    )
    assert re.fullmatch(f"    input 'lines' is 2, it was 3 in run ({first}|{second})", told[2])


def test_what_was_published_elsewhere_is_copied_and_stays(bench: Bench) -> None:
    bench.run()
    first, bench.out = bench.out, bench.folder / "elsewhere"
    assert bench.run() == NONE
    assert sorted(path.name for path in first.iterdir()) == sorted(path.name for path in bench.out.iterdir())
    for path in bench.out.iterdir():
        assert not path.samefile(first / path.name)


def test_only_what_follows_from_a_change_is_run_and_what_that_needs(bench: Bench) -> None:
    bench.run()
    bench.inputs[1].write_text("new\n")
    assert bench.run() == {"upper": 1, "first": 1, "join": 1}
    assert "'its size'" not in (text := bench.why("upper[1]"))
    assert "input 'file' is another file: its size is 4, it was 27; its time is" in text
    bench.bind(2)
    # the files between were removed with their run
    assert bench.run() == ALL
    assert "input 'lines' is 2, it was 3 in run" in bench.why("first[0]")


def test_with_work_folders_kept_a_changed_step_needs_nothing_else(bench: Bench) -> None:
    bench.options = ["--keep", "all"]
    bench.run()
    bench.bind(2)
    assert bench.run() == {"upper": 0, "first": 3, "join": 1}
    bench.call("clean", "--all")
    assert bench.run() == NONE


def test_a_template_that_was_edited_elsewhere_is_the_same_tool(bench: Bench) -> None:
    bench.run()
    shutil.copytree(bench.folder / "w", bench.folder / "copy")
    path = bench.folder / "copy" / "upper.cwl"
    path.write_text(path.read_text() + "label: the same\nhints: {ResourceRequirement: {ramMin: 300}}\n")
    assert bench.run(workflow="copy/workflow.cwl") == NONE
    path.write_text(path.read_text().replace("[tr, a-z, A-Z]", "[tr, '[:lower:]', '[:upper:]']"))
    # other words, the same files: what follows is reused
    assert bench.run(workflow="copy/workflow.cwl") == {"upper": 3, "first": 0, "join": 0}
    assert "'baseCommand' of the tool is not what it was" in bench.why("upper[0]")


def test_content_counts_where_that_is_asked_for(bench: Bench) -> None:
    bench.options = ["--reuse", "checksum"]
    bench.run()
    for path in bench.inputs:
        path.touch()
    assert bench.run() == NONE
    moved = bench.folder / "moved"
    moved.mkdir()
    bench.inputs = [path.rename(moved / path.name) for path in bench.inputs]
    bench.bind(3)
    assert bench.run() == NONE
    bench.inputs[0] = bench.inputs[0].rename(moved / "z.txt")
    bench.bind(3)
    assert bench.run() == {"upper": 1, "first": 1, "join": 1}
    assert "its name is 'z.txt', it was 'a.txt'" in bench.why("upper[0]")


def test_a_touched_input_is_another_one_by_size_and_time(bench: Bench) -> None:
    bench.run()
    bench.inputs[0].touch()
    assert bench.run() == {"upper": 1, "first": 0, "join": 0}


@pytest.mark.parametrize("damage", ["deleted", "edited", "longer"])
def test_an_output_that_is_not_as_it_was_made_is_made_again(bench: Bench, damage: str) -> None:
    bench.run()
    victim = bench.out / "b.txt.upper.first"
    text = victim.read_text()
    if damage == "deleted":
        victim.unlink()
    else:
        victim.write_text(text.replace("B", "X") if damage == "edited" else text + "more\n")
    assert bench.run() == {"upper": 1, "first": 1, "join": 0}
    assert victim.read_text() == text


def test_a_failed_run_leaves_what_it_did_to_the_next(bench: Bench) -> None:
    path = bench.folder / "w" / "join.cwl"
    path.write_text(TOOLS["join"].replace("baseCommand: cat", "baseCommand: 'false'"))
    bench.call("run", "-q", "--outdir", bench.out, "w/workflow.cwl", "job.json", code=1)
    path.write_text(TOOLS["join"])
    assert bench.run() == {"upper": 0, "first": 0, "join": 1}
    assert bench.run() == NONE


FORBIDDING = [
    "requirements: {WorkReuse: {enableReuse: false}}\n",
    "requirements: {InlineJavascriptRequirement: {}, WorkReuse: {enableReuse: '$(inputs.lines > 100)'}}\n",
]


@pytest.mark.parametrize("text", FORBIDDING)
def test_a_tool_that_forbids_it_is_run_each_time(bench: Bench, text: str) -> None:
    with (bench.folder / "w" / "first.cwl").open("a") as file:
        file.write(text)
    bench.run()
    # what it reads is gone; what follows reads the same
    assert bench.run() == {"upper": 3, "first": 3, "join": 0}
    assert "enableReuse: false" in (said := bench.why("first[0]"))
    assert "first.cwl:" in said


def test_two_runs_at_once_do_not_disturb_each_other(bench: Bench) -> None:
    bench.options = ["--keep", "all"]
    bench.run()
    bench.bind(4)
    words: Sequence[str | Path] = ["run", "-q", "w/workflow.cwl", "job.json", "--no-reuse", "--outdir"]
    texts = []
    running = [
        subprocess.Popen(
            [HELIOS_WF, *map(str, words), bench.folder / name],
            cwd=bench.folder,
            stdout=subprocess.PIPE,
            env={**os.environ, "HELIOS_REUSE": "stat"},
        )
        for name in ("one", "two")
    ]
    for one in running:
        out, _ = one.communicate(timeout=120)
        assert one.returncode == 0
        texts.append(Path(json.loads(out)["all"]["path"]).read_text())
    assert texts[0] == texts[1]


def test_what_another_run_put_in_its_place_is_not_taken_for_an_output(bench: Bench) -> None:
    bench.options = ["--reuse", "checksum"]
    before, after = "1\n", "2\n"
    for path in bench.inputs:
        path.write_text(before)
    bench.run()
    first, bench.out = bench.out, bench.folder / "elsewhere"
    for path in bench.inputs:
        path.write_text(after)
    bench.run()
    for path in bench.inputs:
        path.write_text(before)
    # copies, as old as what they are copies of, of the same sizes, over what the second run published
    assert bench.run() == NONE
    for path in bench.inputs:
        path.write_text(after)
    assert bench.run() == ALL
    bench.out = first
    assert bench.run() == NONE


ADDING = """\
cwlVersion: v1.2
class: CommandLineTool
requirements:
  InplaceUpdateRequirement: {inplaceUpdate: true}
  InitialWorkDirRequirement: {listing: [{entry: $(inputs.file), writable: true}]}
  ShellCommandRequirement: {}
inputs: {file: File, word: string}
arguments: [{valueFrom: "echo $(inputs.word) >> $(inputs.file.basename)", shellQuote: false}]
outputs: {out: {type: File, outputBinding: {glob: $(inputs.file.basename)}}}
"""
CHANGING = """\
cwlVersion: v1.2
class: Workflow
inputs: {file: File, word: string}
steps:
  upper: {run: upper.cwl, in: {file: file}, out: [out]}
outputs:
  out: {type: File, outputSource: upper/out}
"""
ADD = "  add: {run: add.cwl, in: {file: upper/out, word: word}, out: [out]}\noutputs:"


@pytest.mark.parametrize("keep", ["all", "failed"])
def test_a_run_whose_tool_changes_its_inputs_neither_takes_nor_gives_anything(
    bench: Bench, keep: str
) -> None:
    (bench.folder / "w" / "add.cwl").write_text(ADDING)

    def run(text: str, word: str) -> Path:
        (bench.folder / "w" / "changing.cwl").write_text(text)
        given = {"file": {"class": "File", "path": str(bench.inputs[0])}, "word": word}
        (bench.folder / "add.json").write_text(json.dumps(given))
        out: list[str | Path] = ["--outdir", bench.folder / word, "--keep", keep]
        return Path(json.loads(bench.call("run", "-q", *out, "w/changing.cwl", "add.json"))["out"]["path"])

    first = run(CHANGING, "before")
    text = first.read_text()
    adding = CHANGING.replace("outputs:", ADD).replace("Source: upper", "Source: add")
    assert run(adding, "more").read_text() == f"{text}more\n"
    assert bench.ran() == {"upper": 1, "add": 1}
    assert run(adding, "other").read_text() == f"{text}other\n"
    assert bench.ran() == {"upper": 1, "add": 1}
    assert first.read_text() == text
    assert run(CHANGING, "again").read_text() == text
    assert bench.ran() == {"upper": 0}
