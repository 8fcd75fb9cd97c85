"""What bad input gets: a message that says what is wrong and what would be right, and nothing is written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helios_wf import event_tools, resources

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

COUNT = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [wc, -l]
inputs:
  events: {type: File, inputBinding: {position: 1}}
  first_event: long?
  n_events: long?
stdout: n.txt
outputs: {out: stdout}
"""

JOIN = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
stdout: all.txt
outputs: {out: stdout}
"""

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
helios:template: {template: lines, version: 1, status: ACTUAL}
inputs:
  events: {type: "File[]", helios:mask: "lab.{period}.events"}
steps:
  count:
    run: count.cwl
    scatter: events
    in: {events: events}
    out: [out]
    helios:split: {input: events, eventsPerJob: 10}
  merge:
    run: join.cwl
    in: {parts: count/out}
    out: [out]
    helios:merge: {input: parts}
outputs:
  all: {type: File, outputSource: merge/out, helios:dataset: "lab.{period}.counts.v{version}"}
"""


@pytest.fixture
def lab(helios: Command) -> Command:
    """A folder with a template, its tools and some events, and an empty catalogue."""
    helios.write("count.cwl", COUNT)
    helios.write("join.cwl", JOIN)
    helios.write("lines.cwl", TEMPLATE)
    helios.write("a.txt", "".join(f"{number}\n" for number in range(30)))
    assert helios.datasets() == {}
    return helios


def refused(lab: Command, *arguments: str | Path) -> str:
    """Calls helios-wf, which must refuse and write nothing; returns what it said."""

    def what_is_there() -> object:
        return lab.files(), lab.datasets(), lab.json("runs", "--format", "json")

    before = what_is_there()
    # a mistake in a document is what validate is there to find
    assert lab(*arguments) == (1 if arguments[0] == "validate" else 2), lab.err
    said, out = lab.err, lab.out
    assert out == "" or arguments[0] == "validate"
    assert what_is_there() == before
    return said + out


def changed(lab: Command, old: str, new: str) -> Path:
    """Writes the template with some text replaced."""
    assert old in TEMPLATE
    return lab.write("changed.cwl", TEMPLATE.replace(old, new))


WRONG_TEMPLATES = {
    "an output part that nothing binds": (
        "lab.{period}.counts",
        "lab.{perod}.counts",
        (":21:3: ", "output 'all'", "nothing binds {perod}", "did you mean 'period'?"),
    ),
    "an output name without a capture": (
        "lab.{period}.counts",
        "lab.counts",
        (":21:3: ", "output 'all'", "lacks {period}", "two runs could write one dataset"),
    ),
    "an output that starts the template again": (
        "lab.{period}.counts.v{version}",
        "lab.{period}-v{version}.events",
        (":21:3: ", "input 'events' ('lab.{period}.events')", "start itself for ever"),
    ),
    "parts that a plain step reads": (
        "    helios:merge: {input: parts}\n",
        "",
        (":17:10: ", "input 'parts' of step 'merge'", "parts of a split step", "a helios:merge input"),
    ),
    "a misspelt field": ("helios:split", "helios:spilt", (":14:5: ", "'helios:spilt'", "'helios:split'?")),
    "a misspelt key": ("eventsPerJob", "eventPerJob", (":14:", "'eventPerJob'", "'eventsPerJob'?")),
    "a missing $namespaces": (
        '$namespaces: {helios: "https://w3id.org/helios-wf#"}\n',
        "",
        (":4:1: ", "'helios' is not declared", '$namespaces: {helios: "https://w3id.org/helios-wf#"}'),
    ),
    "a mask that is none": (
        '"lab.{period}.events"',
        '"lab.{period}{run:06d}.events"',
        (":7:3: ", "input 'events', mask", "literal between"),
    ),
    "a name that is none": ("lab.{period}.counts", "lab..{period}", (":21:3: ", "output 'all'", "empty")),
    "a step that is not there": ("parts: count/out", "parts: cuont/out", (":17:", "cuont/out")),
    "a tool that is not there": ("count.cwl", "cuont.cwl", (":10:", "cuont.cwl", "No such file")),
    "an unknown status": ("ACTUAL", "ACTIVE", (":5:", "'ACTIVE'", "DRAFT, ACTUAL")),
}


@pytest.mark.parametrize("command", ["run", "plan", "validate"])
@pytest.mark.parametrize(("old", "new", "said"), WRONG_TEMPLATES.values(), ids=WRONG_TEMPLATES)
def test_a_wrong_template_is_told_with_its_place(
    lab: Command, command: str, old: str, new: str, said: tuple[str, ...]
) -> None:
    path = changed(lab, old, new)
    given = () if command == "validate" else ("--dataset", "lab.may.events=a.txt")
    message = refused(lab, command, path, *given)
    for part in (path.name, *said):
        assert part in message


def test_all_mistakes_of_a_template_are_told_at_once(lab: Command) -> None:
    text = TEMPLATE.replace("lab.{period}.counts", "lab.{perod}.counts")
    path = lab.write("changed.cwl", text.replace("    helios:merge: {input: parts}\n", ""))
    message = refused(lab, "run", path, "--dataset", "lab.may.events=a.txt")
    assert "nothing binds {perod}" in message
    assert "reads the parts of a split step" in message


WRONG_JOBS = {
    "nothing but an unknown input": ("evnets: []\n", "no input 'evnets'; did you mean 'events'?"),
    "an unknown input": ("evnets: []\nevents: []\n", "no input 'evnets'; did you mean 'events'?"),
    "a file that is not there": (
        "events: [{class: File, path: nope.txt}]",
        "nope.txt cannot be read: No such file",
    ),
    "a folder for a file": (
        "events: [{class: File, path: folder}]",
        "folder is a directory; its class is File",
    ),
    "a link that leads nowhere": (
        "events: [{class: File, path: dangling.txt}]",
        "dangling.txt cannot be read: No such",
    ),
    "a number for a list": ("events: 3\n", "job.yml:1:1: input 'events': must be File[], a list, not 3"),
    "no map": ("- 1\n", "job.yml:1:1: a job file is a map of inputs"),
    "no YAML": ("events: [\n", "job.yml"),
}


@pytest.mark.parametrize(("text", "said"), WRONG_JOBS.values(), ids=WRONG_JOBS)
def test_a_wrong_job_file_is_told(lab: Command, text: str, said: str) -> None:
    lab.write("job.yml", text)
    (lab.folder / "folder").mkdir()
    (lab.folder / "dangling.txt").symlink_to("nowhere")
    message = refused(lab, "run", "lines.cwl", "job.yml")
    assert "job.yml" in message
    assert said in message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lab..events", "segment 2 is empty"),
        ("../lab.events", "segment 1 is empty"),
        ("lab.may/../../etc", "is empty"),
        ("lab.may\n.events", r"character 8 is '\n'"),
        ("lab may", "character 4 is ' '"),
        ("", "empty"),
        ("x" * 251, "at most 250"),
    ],
)
def test_a_name_that_no_dataset_may_have_is_refused(lab: Command, name: str, said: str) -> None:
    assert said in refused(lab, "dataset", "add", name, "a.txt", "--close")
    if name:
        assert said in refused(lab, "run", "lines.cwl", "--dataset", f"{name}=a.txt")


def events(*arguments: str) -> None:
    """Calls ``helios-events``, which must succeed."""
    assert not event_tools.main(list(arguments))


def broken_files(folder: Path) -> dict[str, tuple[str, str]]:
    """Writes files that cannot be used, and returns what is said of each: its name, and what is wrong."""
    for suffix in ("parquet", "root", "h5"):
        whole = folder / f"whole.{suffix}"
        events("generate", "--n-events", "1000", "--output", str(whole))
        (folder / f"short.{suffix}").write_bytes(whole.read_bytes()[:5000])
    (folder / "named.csv").write_bytes((folder / "whole.parquet").read_bytes())
    (folder / "empty.csv").touch()
    (folder / "dangling.txt").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.txt")
    return {
        "short.parquet": ("copy the file again", "5000 bytes"),
        "short.root": ("copy the file again", "5000 bytes"),
        "short.h5": ("copy the file again", "ends too early"),
        "named.csv": ("its content is Parquet", "its name says"),
        "empty.csv": ("is empty", "header"),
        "dangling.txt": ("no such file", "give an existing file"),
        "pipe.txt": ("is no regular file", "give files"),
        "nothing/*.csv": ("no file matches", ""),
    }


def test_files_that_cannot_be_used_are_told_apart_and_none_is_recorded(lab: Command) -> None:
    for name, said in broken_files(lab.folder).items():
        for arguments in (
            ("dataset", "add", "lab.may.events", "a.txt", name, "--close"),
            ("run", "lines.cwl", "--dataset", "lab.may.events=a.txt", "--dataset", f"lab.may.events={name}"),
            ("plan", "lines.cwl", "--dataset", f"lab.may.events={name}"),
        ):
            message = refused(lab, *arguments)
            assert Path(name).name in message
            for part in said:
                assert part in message


def test_broken_files_of_a_job_file_are_told_before_anything_runs(lab: Command) -> None:
    broken_files(lab.folder)
    names = ("a.txt", "short.parquet", "short.root", "named.csv")
    lab.write("job.yml", json.dumps({"events": [{"class": "File", "path": name} for name in names]}))
    message = refused(lab, "run", "lines.cwl", "job.yml")
    assert message.count("step 'count' cannot split its input 'events'") == 3
    for name in names[1:]:
        assert f"{lab.folder}/{name}: " in message


def test_a_csv_that_is_broken_in_the_middle_fails_with_its_line(lab: Command) -> None:
    events("generate", "--n-events", "1000", "--output", "events.csv")
    lines = (lab.folder / "events.csv").read_text().splitlines(keepends=True)
    lines[601] = "600\n"
    lab.write("events.csv", "".join(lines))
    template = resources.templates() / "event_statistics" / "event_statistics.cwl"
    given = "helios.000001.test_beam.events=events.csv"
    ranges = ("--set", "partial.split.eventsPerJob=250", "--set", "retry.attempts=1")
    assert lab("run", template, "--dataset", given, *ranges, "--quiet") == 1
    assert f"{lab.folder}/events.csv: line 602" in lab.err
    assert "partial[0,2] failed: cannot process event 600 (" in lab.err
    assert re.search(r"attempt \d, events \[500, 750\) of /.*/events.csv, on ", lab.err)
    (run,) = json.loads(lab.out)
    assert run["outputs"] is None
    assert list(lab.datasets()) == ["helios.000001.test_beam.events"]


def test_a_dataset_that_exists_already_is_neither_changed_nor_written_over(lab: Command) -> None:
    lab.write("b.txt", "1\n")
    assert lab("dataset", "add", "lab.may.events", "a.txt", "--close") == 0
    assert "is CLOSED" in refused(lab, "dataset", "add", "lab.may.events", "b.txt")
    assert "exists already, with other files" in refused(
        lab, "run", "lines.cwl", "--dataset", "lab.may.events=b.txt"
    )
    assert lab("dataset", "add", "lab.may.counts.v1", "b.txt", "--close") == 0
    message = refused(lab, "run", "lines.cwl")
    assert "dataset 'lab.may.counts.v1' exists already" in message
    assert "new version" in message


def test_a_dataset_whose_files_changed_or_are_lost_is_left_out_and_the_others_run(lab: Command) -> None:
    for name in ("april", "may"):
        lab.write(f"{name}.txt", "".join(f"{number}\n" for number in range(30)))
        assert lab("dataset", "add", f"lab.{name}.events", f"{name}.txt", "--close") == 0
    lab.write("may.txt", "1\n")
    (planned,) = lab.json("plan", "lines.cwl", "--format", "json")["runs"]
    assert planned["datasets"] == {"events": "lab.april.events"}
    (run,) = lab.json("run", "lines.cwl", "--outdir", "out")
    assert run["datasets"] == {"events": "lab.april.events"}
    for part in (
        "not run: lab.may.events: input 'events' takes dataset 'lab.may.events', but ",
        "may.txt has 2 bytes; it had 80",
        "dataset verify lab.may.events",
    ):
        assert part in lab.err
    (lab.folder / "may.txt").unlink()
    assert lab.json("run", "lines.cwl", "--outdir", "out") == []
    assert "may.txt cannot be read: No such file or directory; put it back" in lab.err
    assert "helios-wf dataset delete lab.may.events" in lab.err
    lab.write("may.txt", "".join(f"{number}\n" for number in range(30)))
    assert len(lab.json("run", "lines.cwl", "--outdir", "out")) == 1


def test_a_dataset_that_is_given_with_lost_files_is_refused(lab: Command) -> None:
    assert lab("dataset", "add", "lab.may.events", "a.txt", "--close") == 0
    lab.write("a.txt", "1\n")
    given = ("run", "lines.cwl", "--dataset", "lab.may.events=a.txt")
    assert "a.txt has 2 bytes; it had 80" in refused(lab, *given)
    (lab.folder / "a.txt").unlink()
    assert "a.txt cannot be read: No such file" in refused(lab, *given)


def test_a_deleted_dataset_is_taken_no_more_and_its_name_is_free_when_nothing_ran(lab: Command) -> None:
    assert lab("dataset", "add", "lab.may.events", "a.txt", "--close") == 0
    assert lab("dataset", "delete", "lab.may.events") == 0
    assert lab.out == "lab.may.events: deleted; its files stay where they are, its name is free again\n"
    assert (lab.folder / "a.txt").exists()
    assert lab.json("run", "lines.cwl") == []
    assert lab("dataset", "add", "lab.may.events", "a.txt", "--close") == 0
    assert len(lab.json("run", "lines.cwl", "--outdir", "out")) == 1
    for name in ("lab.may.events", "lab.may.counts.v1"):
        assert lab("dataset", "delete", name) == 0
        assert "its name stays taken, as a run read or made it" in lab.out
        assert "belonged to a dataset that was deleted" in refused(lab, "dataset", "add", name, "a.txt")
        assert "was deleted" in refused(lab, "dataset", "delete", name)
    assert list(lab.datasets()) == []


def test_a_dataset_that_no_mask_takes_is_refused_with_the_reason(lab: Command) -> None:
    message = refused(lab, "run", "lines.cwl", "--dataset", "lab.may.raw=a.txt")
    assert "input 'events' takes 'lab.{period}.events': segment 3 is 'raw', mask wants 'events'" in message


def test_a_dataset_that_is_given_but_open_is_refused(lab: Command) -> None:
    assert lab("dataset", "add", "lab.may.events", "a.txt") == 0
    message = refused(lab, "run", "lines.cwl", "--dataset", "lab.may.events=a.txt")
    assert "is OPEN" in message
    assert "helios-wf dataset close lab.may.events" in message


def test_a_second_actual_version_is_told(lab: Command) -> None:
    lab.write("newer.cwl", TEMPLATE.replace("version: 1", "version: 2"))
    message = refused(lab, "validate", ".")
    assert "two ACTUAL versions: 2 here and 1 at" in message
    assert "make one of them ARCHIVED or DRAFT" in message


def test_templates_that_start_each_other_for_ever_are_told(lab: Command) -> None:
    text = TEMPLATE.replace("template: lines", "template: back").replace(
        "{period}.events", "{period}.counts.v1"
    )
    lab.write("back.cwl", text.replace('"lab.{period}.counts.v{version}"', '"lab.{period}.events"'))
    assert "start each other for ever: back -> lines -> back" in refused(lab, "validate", ".")


WRONG_CALLS = {
    "--set of no step": (
        ("run", "lines.cwl", "--set", "conut.split.eventsPerJob=3"),
        "did you mean 'count'?",
    ),
    "--set of no field": (
        ("run", "lines.cwl", "--set", "count.splitt.eventsPerJob=3"),
        "did you mean 'split'?",
    ),
    "--set of no key": (("run", "lines.cwl", "--set", "count.split.events=3"), "no key 'events'"),
    "--set of no number": (("plan", "lines.cwl", "--set", "count.split.eventsPerJob=x"), "whole number"),
    "--set of nothing": (("run", "lines.cwl", "--set", "nonsense"), "STEP.FIELD.KEY=VALUE"),
    "an unknown backend": (
        ("run", "lines.cwl", "--dataset", "lab.may.events=a.txt", "--backend", "lsf"),
        "no backend named 'lsf'; installed: gpu, local, slurm",
    ),
    "an unknown run": (("status", "2031"), "no run '2031'"),
    "an unknown run to resume": (("resume", "2031"), "no run '2031'"),
    "an unknown run to cancel": (("cancel", "2031"), "no run '2031'"),
    "an unknown run to clean": (("clean", "2031"), "no run '2031'"),
    "an unknown dataset": (("dataset", "show", "lab.may"), "no dataset 'lab.may'"),
    "an unknown command": (("frobnicate",), "no command 'frobnicate'"),
    "no document": (("run",), "Missing argument 'DOCUMENT'"),
    "a document that is not there": (("run", "lnes.cwl"), "cannot read"),
    "a job file that is not there": (("run", "lines.cwl", "job.yml"), "job.yml"),
    "a document for a job file": (
        ("run", "lines.cwl", "lines.cwl", "--dataset", "lab.may.events=a.txt"),
        "lines.cwl:1:1: 'lines' has no input 'cwlVersion'",
    ),
    "a dataset without a path": (("run", "lines.cwl", "--dataset", "lab.may.events"), "is not NAME=PATH"),
    "datasets for a tool": (("run", "count.cwl", "--dataset", "lab.may.events=a.txt"), "has no masks"),
    "no number of jobs": (("run", "lines.cwl", "--jobs", "0"), "at least 1"),
    "a folder for a document": (("run", "."), "it is no regular file"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_a_wrong_call_is_told(lab: Command, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(lab, *arguments)


def tool(command: list[str], outputs: str = "{out: {type: File, outputBinding: {glob: out.txt}}}") -> str:
    """Returns a tool that has an optional input file ``x`` and one output ``out.txt``."""
    return (
        "cwlVersion: v1.2\nclass: CommandLineTool\nrequirements: {ToolTimeLimit: {timelimit: 1}}\n"
        f"baseCommand: {json.dumps(command)}\n"
        "inputs: {x: {type: File?, inputBinding: {position: 1}}}\n"
        f"outputs: {outputs}\n"
    )


def sh(script: str) -> list[str]:
    return ["sh", "-c", script, "sh"]


BAD_TOOLS = {
    "is not on PATH": (
        ["no-such-program"],
        "command 'no-such-program' could not be started: not found on PATH",
    ),
    "exits 3": (
        sh("echo the reason >&2; exit 3"),
        "its stderr ends with:\n      the reason",
    ),
    "is killed": (sh("kill -9 $$"), "it was ended by SIGKILL"),
    "crashes": (sh("kill -SEGV $$"), "it was ended by SIGSEGV"),
    "writes no output": (["true"], "out.txt"),
    "ignores SIGTERM": (sh("trap : TERM; while :; do sleep 0.1; done"), "longer than its time limit of 1 s"),
    "fills its disk": (sh("cat /dev/zero > /dev/full"), "No space left on device"),
    "outgrows its limit": (sh("ulimit -f 8; head -c 99999 /dev/zero > out.txt"), "File size limit exceeded"),
    "links elsewhere": (sh("ln -s /etc/passwd out.txt"), "leads to '/etc/passwd', which is neither in"),
    "links up": (sh("ln -s ../../../../../secret.txt out.txt"), "/secret.txt', which is neither in"),
    "links to nothing": (sh("ln -s nowhere out.txt"), "/nowhere', which is not there"),
}


@pytest.mark.parametrize(("command", "said"), BAD_TOOLS.values(), ids=BAD_TOOLS)
def test_a_tool_that_goes_wrong_fails_its_run_and_says_how(
    lab: Command, command: list[str], said: str
) -> None:
    lab.write("helios.toml", "[backends.local]\ngrace_s = 0.2\n")
    lab.write(".helios/runs/secret.txt", "not for you\n")
    lab.write("bad.cwl", tool(command))
    before = lab.files()
    assert lab("run", "bad.cwl", "--quiet") == 1
    assert said in lab.err
    assert "  bad failed: " in lab.err
    assert "\n    attempt " in lab.err
    assert lab.out == ""
    assert lab.files() == before
    (run,) = lab.json("runs", "--format", "json")
    assert (run["state"], run["outputs"]) == ("FAILED", None)


def test_jobs_that_fail_in_the_same_way_are_told_once(lab: Command) -> None:
    lab.write("count.cwl", COUNT.replace("[wc, -l]", json.dumps(sh("echo no >&2; exit 3"))))
    lab.write("job.yml", "events: [{class: File, path: a.txt}]\n")
    attempts = ("--set", "retry.attempts=1", "--set", "count.split.eventsPerJob=15")
    assert lab("run", "lines.cwl", "job.yml", *attempts, "--jobs", "2", "--quiet") == 1
    assert "it exited with 3" in lab.err
    assert lab.err.count("    no\n") == 1
    assert "step 'count' was given up: nothing of it succeeded" in lab.err


def test_a_failed_run_goes_on_when_what_was_wrong_is_mended(
    lab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("bad.cwl", tool(["mended-later", "out.txt"]))
    assert lab("run", "bad.cwl", "--quiet") == 1
    (run,) = re.findall(r"to go on with it, keeping what is done .*: helios-wf resume (\S+)", lab.err)
    lab.write("bin/mended-later", "#!/bin/sh\necho it is > $1\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{lab.folder}/bin", prepend=os.pathsep)
    outputs = lab.json("resume", run, "--quiet")
    assert Path(outputs["out"]["path"]).read_text() == "it is\n"


def test_a_link_to_an_input_of_the_job_is_an_output(lab: Command) -> None:
    lab.write("pass.cwl", tool(sh('ln -s "$1" out.txt')))
    lab.write("job.yml", "x: {class: File, path: a.txt}\n")
    outputs = lab.json("run", "pass.cwl", "job.yml", "--outdir", "out", "--quiet")
    path = Path(outputs["out"]["path"])
    assert path == lab.folder / "out" / "out.txt"
    assert not path.is_symlink()
    assert path.read_text() == (lab.folder / "a.txt").read_text()
