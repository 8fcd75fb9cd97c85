"""Every command as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helios_wf import __version__
from helios_wf.cli import COMMANDS

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

COPY = """\
cwlVersion: v1.2
class: CommandLineTool
label: Copies a range of lines
baseCommand: [sh, -c, 'tail -n "+$(($1 + 1))" "$3" | head -n "$2"', sh]
inputs:
  first_event: {type: "long?", default: 0, inputBinding: {position: 1}}
  n_events: {type: "long?", default: 1000000, inputBinding: {position: 2}}
  lines: {type: File, inputBinding: {position: 3}}
stdout: copy.txt
outputs: {copy: stdout}
"""

JOIN = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
stdout: joined.txt
outputs: {joined: stdout}
"""

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
helios:template: {template: copy, version: 1, status: ACTUAL}
inputs:
  lines: {type: "File[]", helios:mask: "lab.{period}.{stream}.lines"}
  marks: {type: File, helios:mask: {mask: "lab.{period}.marks.v{v:int}", pick: last}}
steps:
  copy:
    run: copy.cwl
    scatter: lines
    in: {lines: lines}
    out: [copy]
    helios:split: {input: lines, eventsPerJob: 4}
  join:
    run: join.cwl
    in: {parts: copy/copy}
    out: [joined]
    helios:merge: {input: parts}
  mark:
    run: copy.cwl
    in: {lines: marks}
    out: [copy]
outputs:
  copy: {type: File, outputSource: join/joined, helios:dataset: "lab.{period}.{stream}.copy.v{version}"}
  marks: {type: File, outputSource: mark/copy}
"""

PLAIN = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs:
  lines: File[]
steps:
  copy: {run: copy.cwl, scatter: lines, in: {lines: lines}, out: [copy]}
  join: {run: join.cwl, in: {parts: copy/copy}, out: [joined]}
outputs:
  all: {type: File, outputSource: join/joined}
"""

GREET = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {whom: {type: string, default: world, inputBinding: {position: 1}}}
stdout: greeting.txt
outputs: {greeting: stdout}
"""


@pytest.fixture
def lab(helios: Command) -> Command:
    """A folder with a template, its tools and two files of lines."""
    for name, text in {
        "copy": COPY,
        "join": JOIN,
        "template": TEMPLATE,
        "plain": PLAIN,
        "greet": GREET,
    }.items():
        helios.write(f"{name}.cwl", text)
    helios.write("a.txt", "".join(f"a{number}\n" for number in range(10)))
    helios.write("b.txt", "".join(f"b{number}\n" for number in range(5)))
    helios.write("marks.txt", "mark\n")
    helios.write("job.yml", "lines: [{class: File, path: a.txt}, {class: File, path: b.txt}]\n")
    return helios


def fill(lab: Command) -> None:
    """Adds datasets that start two runs, and one that waits for its marks."""
    for arguments in (
        ("lab.may.left.lines", "a.txt", "b.txt"),
        ("lab.may.right.lines", "b.txt"),
        ("lab.june.left.lines", "a.txt"),
        ("lab.may.marks.v9", "marks.txt"),
        ("lab.may.marks.v10", "marks.txt"),
    ):
        assert lab("dataset", "add", *arguments, "--close") == 0


# -- help and version --------------------------------------------------------------------------------------


def test_the_version_is_told(helios: Command) -> None:
    assert helios("--version") == 0
    assert helios.out == f"helios-wf {__version__}\n"


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"dataset {verb}" for verb in ("add", "list", "show", "verify"))]
)
def test_every_command_has_help_with_its_options(helios: Command, command: str) -> None:
    assert helios(*command.split(), "--help") == 0
    assert f"Usage: helios-wf {command}" in helios.out
    assert len(helios.out.splitlines()) > 5


def test_the_commands_are_listed_in_the_order_in_which_they_are_met(helios: Command) -> None:
    assert helios("--help") == 0
    rows = [line.split()[0] for line in helios.out.splitlines() if line.startswith("  ") and line.split()]
    assert [row for row in rows if row in COMMANDS] == list(COMMANDS)


# -- run ---------------------------------------------------------------------------------------------------


def test_a_bare_tool_runs_on_its_defaults(lab: Command) -> None:
    outputs = lab.json("run", "greet.cwl", "--outdir", "out")
    assert list(outputs) == ["greeting"]
    assert outputs["greeting"] == {
        "class": "File",
        "basename": "greeting.txt",
        "location": f"file://{lab.folder}/out/greeting.txt",
        "path": f"{lab.folder}/out/greeting.txt",
        "size": 6,
        "checksum": "sha1$9591818c07e900db7e1e0bc4b884c945e6a61b24",
    }
    assert lab.err.startswith("greet: 1/1 jobs")


def test_a_bare_tool_runs_on_a_job_file(lab: Command) -> None:
    lab.write("whom.json", '{"whom": "lab"}')
    outputs = lab.json("run", "greet.cwl", "whom.json", "--quiet")
    assert Path(outputs["greeting"]["path"]).read_text() == "lab\n"
    assert lab.err == ""


def test_a_template_is_run_by_its_name_and_version_as_by_its_file(lab: Command) -> None:
    lab.write("helios.toml", 'templates = ["."]\n')
    fill(lab)
    by_file, by_name = (lab.json("plan", each, "--format", "json") for each in ("template.cwl", "copy@1"))
    assert by_name == by_file
    assert len(lab.json("run", "copy", "--quiet")) == 2


def test_a_name_of_no_template_is_met_with_the_nearest(lab: Command) -> None:
    lab.write("helios.toml", 'templates = ["."]\n')
    assert lab("run", "cpoy") == 2
    assert "no template 'cpoy'" in lab.err
    assert "did you mean 'copy'?" in lab.err
    assert lab("run", "copy@2") == 2
    assert "template 'copy' has no version '2' in the files; versions: 1" in lab.err


def test_a_plain_workflow_runs_and_tells_its_progress_on_stderr(lab: Command) -> None:
    outputs = lab.json("run", "plain.cwl", "job.yml", "--outdir", "out", "--jobs", "2")
    text = (lab.folder / "a.txt").read_text() + (lab.folder / "b.txt").read_text()
    assert Path(outputs["all"]["path"]).read_text() == text
    assert [line.partition(" jobs")[0] for line in lab.err.splitlines()] == ["copy: 2/2", "join: 1/1"]


def test_a_template_with_a_job_file_runs_once_and_publishes_no_dataset_without_captures(lab: Command) -> None:
    lab.write("job.yml", (lab.folder / "job.yml").read_text() + "marks: {class: File, path: marks.txt}\n")
    outputs = lab.json("run", "template.cwl", "job.yml", "--outdir", "out")
    assert outputs["copy"]["path"] == f"{lab.folder}/out/joined.txt"
    assert lab.datasets() == {}


def test_a_template_runs_every_combination_that_is_not_done_yet(lab: Command) -> None:
    fill(lab)
    found = lab.json("run", "template.cwl", "--outdir", "out")
    assert [run["datasets"] for run in found] == [
        {"lines": f"lab.may.{stream}.lines", "marks": "lab.may.marks.v10"} for stream in ("left", "right")
    ]
    left, right = (run["outputs"]["copy"] for run in found)
    assert Path(left["path"]).read_text().startswith("a0\n")
    assert right["path"] == f"{lab.folder}/out/lab.may.right.copy.v1/lab.may.right.copy.v1.txt"
    assert Path(right["path"]).read_text() == (lab.folder / "b.txt").read_text()
    assert "not run: lab.june.left.lines: no CLOSED dataset for input 'marks'" in lab.err
    marks = [run["outputs"]["marks"]["path"] for run in found]
    assert marks == [f"{lab.folder}/out/{run['run']}/copy.txt" for run in found]
    assert {name for name in lab.datasets() if "copy" in name} == {
        "lab.may.left.copy.v1",
        "lab.may.right.copy.v1",
    }

    assert lab.json("run", "template.cwl", "--outdir", "out") == []
    assert lab.err.count("done already by version 1") == 2
    assert "nothing to run" in lab.err

    assert lab("dataset", "add", "lab.june.marks.v1", "marks.txt", "--close") == 0
    (late,) = lab.json("run", "template.cwl", "--outdir", "out", "--quiet")
    assert late["datasets"] == {"lines": "lab.june.left.lines", "marks": "lab.june.marks.v1"}
    assert len(lab.json("runs", "--format", "json")) == 3


def test_a_template_without_datasets_says_what_it_would_take(lab: Command) -> None:
    assert lab.json("run", "template.cwl") == []
    assert "no dataset has a name that" in lab.err
    assert "'lab.{period}.{stream}.lines', 'lab.{period}.marks.v{v:int}'" in lab.err
    assert lab("dataset", "add", "lab.may.left.lines", "a.txt") == 0
    assert lab.json("run", "template.cwl") == []
    assert "not run: lab.may.left.lines: is OPEN" in lab.err
    assert "helios-wf dataset close lab.may.left.lines" in lab.err


def test_a_template_that_changed_needs_a_new_version(lab: Command) -> None:
    given = ("--dataset", "lab.may.left.lines=b.txt", "--dataset", "lab.may.marks.v1=marks.txt")
    assert len(lab.json("run", "template.cwl", *given)) == 1
    changed = TEMPLATE.replace("eventsPerJob: 4", "eventsPerJob: 2")
    lab.write("template.cwl", changed)
    assert lab("run", "template.cwl", *given) == 2
    assert "template 'copy' changed, but its version is still 1" in lab.err
    assert "give it version 2" in lab.err
    lab.write("template.cwl", changed.replace("version: 1", "version: 2, follows: 1"))
    assert lab.json("run", "template.cwl", *given) == []
    assert "done already by version 1" in lab.err
    lab.write("template.cwl", changed.replace("version: 1", "version: 3"))
    (run,) = lab.json("run", "template.cwl", *given)
    assert Path(run["outputs"]["copy"]["path"]).name == "lab.may.left.copy.v3.txt"


def test_given_datasets_are_recorded_with_their_runs_and_only_they_start_some(lab: Command) -> None:
    fill(lab)
    (run,) = lab.json("run", "template.cwl", "--dataset", "lab.may.up.lines=*.txt", "--quiet")
    assert run["datasets"]["lines"] == "lab.may.up.lines"
    assert [Path(file["path"]).name for file in lab.files_of("lab.may.up.lines")] == [
        "a.txt",
        "b.txt",
        "marks.txt",
    ]


def test_two_runs_that_would_write_one_dataset_are_refused_before_anything_runs(lab: Command) -> None:
    lab.write("template.cwl", TEMPLATE.replace("{stream}.lines", "*.lines").replace("{stream}.copy", "copy"))
    fill(lab)
    before = lab.datasets()
    assert lab("run", "template.cwl") == 2
    assert "would both write dataset 'lab.may.copy.v1'" in lab.err
    assert lab.json("runs", "--format", "json") == []
    assert lab.datasets() == before


def test_tools_beside_the_folder_of_a_document_are_read_below_the_working_folder_or_the_root(
    lab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("below/plain.cwl", PLAIN.replace("run: ", "run: ../"))
    assert "all" in lab.json("run", "below/plain.cwl", "job.yml", "--quiet")
    lab.write("elsewhere/empty", "")
    monkeypatch.chdir(lab.folder / "elsewhere")
    assert lab("run", "../below/plain.cwl", "../job.yml") == 2
    assert "copy.cwl is outside" in lab.err
    assert "--root" in lab.err
    assert "all" in lab.json("run", "../below/plain.cwl", "../job.yml", "--root", "..", "--quiet")


# -- plan --------------------------------------------------------------------------------------------------


def test_a_plan_shows_tasks_jobs_ranges_and_what_waits(lab: Command) -> None:
    fill(lab)
    assert lab("plan", "template.cwl") == 0
    lines = lab.out.splitlines()
    assert lines[0] == "datasets: lines=lab.may.left.lines, marks=lab.may.marks.v10"
    assert lines[1].split() == ["TASK", "JOBS", "RANGES", "EVENTS", "AFTER", "WAY"]
    assert lines[2].split() == ["copy", "4", "4", "15", "-", "compiled"]
    assert lines[3].split() == ["join", "?", "?", "?", "copy", "compiled"]
    assert "join: parts waits for all of copy: a merge reads all its inputs" in lines
    assert lines[-1].startswith("not run: lab.june.left.lines: no CLOSED dataset for input 'marks'")
    assert lab.json("runs", "--format", "json") == []


def test_a_plan_of_given_datasets_writes_nothing(lab: Command) -> None:
    given = ("--dataset", "lab.may.left.lines=a.txt", "--dataset", "lab.may.marks.v1=marks.txt")
    shown = lab.json("plan", "template.cwl", *given, "--set", "copy.split.eventsPerJob=1", "--format", "json")
    (run,) = shown["runs"]
    tasks = {task["name"]: task for task in run["tasks"]}
    assert (tasks["copy"]["jobs"], tasks["copy"]["events"]) == (10, 10)
    assert tasks["join"]["after"] == ["copy"]
    assert shown["not_run"] == []
    assert lab.datasets() == {}


def test_a_plan_is_a_graph_too(lab: Command) -> None:
    assert lab("plan", "plain.cwl", "job.yml", "--format", "dot") == 0
    assert lab.out.startswith("digraph plan {\n")
    assert '"copy" -> "join";' in lab.out
    assert '"copy" [label="copy (2)"]' in lab.out
    assert lab("plan", "plain.cwl", "job.yml", "--format", "mermaid") == 0
    assert lab.out == 'flowchart LR\n  t0["copy (2)"]\n  t1["join (1)"]\n  t0 --> t1\n'


def test_a_plan_without_datasets_shows_the_tasks(lab: Command) -> None:
    assert lab("plan", "template.cwl") == 0
    lines = [line.split() for line in lab.out.splitlines()[:3]]
    assert lines[0] == ["nothing", "to", "run", "now;", "the", "tasks", "of", "a", "run:"]
    assert lines[1:] == [["TASK", "AFTER", "WAY"], ["copy", "-", "compiled"]]


def test_runs_that_are_planned_alike_are_one_table(lab: Command) -> None:
    fill(lab)
    assert lab("dataset", "add", "lab.may.other.lines", "b.txt", "--close") == 0
    assert lab("plan", "template.cwl") == 0
    lines = lab.out.splitlines()
    at = lines.index("datasets: lines=lab.may.right.lines, marks=lab.may.marks.v10")
    assert lines[at - 1] == "datasets: lines=lab.may.other.lines, marks=lab.may.marks.v10"
    assert lines[at + 1].split()[:3] == ["TASK", "JOBS", "EACH"]
    assert lines[at + 2].split() == ["copy", "1", "1", "5", "-", "compiled"]


def test_a_plan_without_inputs_shows_the_tasks_and_what_is_missing(lab: Command) -> None:
    assert lab("plan", "plain.cwl") == 0
    assert "plain.cwl wants a JOB file that binds its inputs:" in lab.out
    assert "input 'lines' is missing; its type is File[]" in lab.out
    assert lab("run", "plain.cwl") == 2
    assert "plain.cwl wants a JOB file that binds its inputs:" in lab.err


# -- what there is -----------------------------------------------------------------------------------------


def test_runs_and_status_tell_where_things_stand(lab: Command) -> None:
    assert lab("status") == 2
    assert "there are no runs yet" in lab.err
    lab.json("run", "plain.cwl", "job.yml", "--quiet")
    (run,) = lab.json("runs", "--format", "json")
    assert (run["state"], run["label"], run["template"]) == ("DONE", "plain.cwl", None)
    assert run["outputs"]["all"]["path"] == f"{lab.folder}/joined.txt"
    assert lab("runs") == 0
    assert lab.out.splitlines()[1].split()[:3] == [run["run"], "DONE", "plain.cwl"]
    assert lab("status", run["run"][:-2]) == 0
    assert lab.out.splitlines()[0] == f"run {run['run']} of plain.cwl: DONE"
    assert lab.out.splitlines()[2].split() == ["copy", "DONE", "2", "0", "2", "0", "0", "0"]
    told = lab.json("status", "--format", "json")
    assert [(task["task"], task["jobs"]) for task in told["tasks"]] == [
        ("copy", {"DONE": 2}),
        ("join", {"DONE": 1}),
    ]


@pytest.mark.parametrize("command", ["resume", "pause", "cancel"])
def test_a_run_that_is_done_is_left_alone(lab: Command, command: str) -> None:
    lab.json("run", "greet.cwl", "--quiet")
    run = lab.json("runs", "--format", "json")[0]["run"]
    assert lab(command, run) == 2
    assert f"run {run} is DONE already" in lab.err
    assert lab.json("runs", "--format", "json")[0]["state"] == "DONE"


def test_the_same_run_once_more_is_a_new_run_with_the_same_outputs(lab: Command) -> None:
    first = lab.json("run", "greet.cwl", "--quiet")
    assert lab.json("run", "greet.cwl", "--quiet") == first
    assert len(lab.json("runs", "--format", "json")) == 2


def test_clean_removes_the_work_folders_of_a_failed_run(lab: Command) -> None:
    lab.write("bad.cwl", GREET.replace("echo", "/bin/false"))
    assert lab("run", "bad.cwl", "--quiet") == 1
    run = lab.json("runs", "--format", "json")[0]["run"]
    folder = lab.folder / ".helios" / "runs" / run
    assert (folder / "0" / "0" / "job.1" / "stderr").is_file()
    assert lab("clean") == 0
    assert not folder.exists()


@pytest.mark.parametrize(("keep", "left"), [("none", 0), ("failed", 0), ("all", 1)])
def test_keep_says_which_work_folders_stay(lab: Command, keep: str, left: int) -> None:
    lab.json("run", "greet.cwl", "--quiet", "--keep", keep)
    folders = [path for path in (lab.folder / ".helios" / "runs").glob("*/*/*/*") if path.is_dir()]
    assert len(folders) == left


def test_home_and_outdir_can_lie_elsewhere(lab: Command) -> None:
    lab.write("helios.toml", 'home = "state"\noutdir = "results"\n')
    outputs = lab.json("run", "greet.cwl", "--quiet")
    assert outputs["greeting"]["path"] == f"{lab.folder}/results/greeting.txt"
    assert (lab.folder / "state" / "helios.db").is_file()
    assert not (lab.folder / ".helios").exists()


def test_match_names_the_outputs_that_a_dataset_would_have(lab: Command) -> None:
    told = lab.json("match", "lab.may.left.lines", "--templates", "template.cwl", "--format", "json")
    assert [(one["template"], one["taken"], one["outputs"]) for one in told] == [
        ("copy", True, {"copy": "lab.may.left.copy.v1"})
    ]
    assert told[0]["captures"] == {"period": "may", "stream": "left"}
    assert lab("match", "lab.may.left.raw", "--templates", "template.cwl") == 0
    assert "segment 4 is 'raw', mask wants 'lines'" in lab.out


def test_a_run_of_several_runs_goes_on_when_one_of_them_fails(lab: Command) -> None:
    lab.write("copy.cwl", COPY.replace("tail", 'grep -q b0 "$3" || exit 7; tail'))
    for name, file in (("left", "a.txt"), ("right", "b.txt")):
        assert lab("dataset", "add", f"lab.may.{name}.lines", file, "--close") == 0
    assert lab("dataset", "add", "lab.may.marks.v1", "b.txt", "--close") == 0
    assert lab("run", "template.cwl", "--set", "copy.retry.attempts=1", "--quiet") == 1
    left, right = json.loads(lab.out)
    assert left["outputs"] is None
    assert Path(right["outputs"]["copy"]["path"]).read_text() == (lab.folder / "b.txt").read_text()
    assert f"run {left['run']} is FAILED" in lab.err
    assert "it exited with 7" in lab.err
    assert list(lab.datasets()) == [
        "lab.may.left.lines",
        "lab.may.marks.v1",
        "lab.may.right.copy.v1",
        "lab.may.right.lines",
    ]
