"""Runs from Python, as a script, a program with threads or an event loop, and a notebook make them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from jupyter_client.manager import KernelManager

import helios_wf
from helios_wf import formats
from helios_wf.errors import (
    EngineError,
    HeliosError,
    InputError,
    RunError,
    RunNotDoneError,
    SettingsError,
    TemplateError,
    UserError,
)
from helios_wf.processes import RUN_MARK
from helios_wf.store import requests
from tests.driving import kill, marked, wait_until

ADD = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'cat "$1" > sum.csv; echo "$2" >&2; test "$2" != fail', sh]
inputs:
  events: {type: File, inputBinding: {position: 1}}
  word: {type: string, default: fine, inputBinding: {position: 2}}
outputs:
  events: {type: File, outputBinding: {glob: sum.csv}}
"""

EACH = """
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: each, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  events: {type: "File[]", helios:mask: "lab.{run:int}.events"}
steps:
  copy:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, '{ head -n 1 "$1"; tail -n "+$(($2 + 2))" "$1" | head -n "$3"; } > part.csv', sh]
      inputs:
        events: {type: File, inputBinding: {position: 1}}
        first_event: {type: "long?", default: 0, inputBinding: {position: 2}}
        n_events: {type: "long?", default: 1000, inputBinding: {position: 3}}
      outputs: {events: {type: File, outputBinding: {glob: part.csv}}}
    scatter: events
    in: {events: events}
    out: [events]
    helios:split: {input: events, eventsPerJob: 5}
outputs:
  kept: {type: "File[]", outputSource: copy/events, helios:dataset: "lab.{run:int}.kept"}
"""

GATE = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {gate: string, numbers: "int[]"}
steps:
  wait:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'while [ "$2" != 0 ] && [ ! -e "$1" ]; do sleep 0.02; done; echo "$2"', sh]
      inputs:
        gate: {type: string, inputBinding: {position: 1}}
        number: {type: int, inputBinding: {position: 2}}
      stdout: number.txt
      outputs: {number: stdout}
    scatter: number
    in: {gate: gate, number: numbers}
    out: [number]
  read:
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {files: {type: "File[]", inputBinding: {}}}
      stdout: all.txt
      outputs: {all: stdout}
    in: {files: wait/number}
    out: [all]
outputs:
  numbers: {type: "File[]", outputSource: wait/number}
  all: {type: File, outputSource: read/all}
"""


class Lab:
    """A working folder with documents, and jobs that wait at a gate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = folder / "gate"
        for name, text in {"add.cwl": ADD, "each.cwl": EACH, "gate.cwl": GATE}.items():
            (folder / name).write_text(text)
        for number in (1, 2):
            lines = [f"{event},{event * number}" for event in range(5)]
            (folder / f"{number}.csv").write_text("\n".join(["event,energy", *lines, ""]))

    def wait_at_gate(self, n_jobs: int = 2, **keywords: Any) -> helios_wf.Run:
        """Begins a run in the background, of which all jobs but the first wait."""
        inputs = {"gate": str(self.gate), "numbers": range(n_jobs)}
        run = helios_wf.run("gate.cwl", inputs, wait=False, jobs=2, **keywords)
        wait_until(
            lambda: run.status().tasks[0].running and run.status().tasks[0].done, "the jobs did not begin"
        )
        return run


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for variable in [name for name in os.environ if name.startswith("HELIOS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    made = Lab(tmp_path)
    yield made
    made.gate.touch()
    if (tmp_path / ".helios" / "helios.db").exists():
        helios_wf.runs(100).wait(60)


def test_a_run_gives_its_outputs_as_files_whose_events_come_as_arrow(lab: Lab) -> None:
    run = helios_wf.run("add.cwl", {"events": Path("1.csv")}, outdir="out")
    assert run.state == "DONE"
    assert run.is_settled
    file = run.file("events")
    assert file.path == lab.folder / "out" / "sum.csv"
    assert (file.size, file.basename) == (len((lab.folder / "1.csv").read_bytes()), "sum.csv")
    assert file.checksum == formats.checksum(lab.folder / "1.csv", "sha1")
    assert file.layout().n_events == 5
    assert file.to_arrow().to_pydict() == {"event": [0, 1, 2, 3, 4], "energy": [0, 1, 2, 3, 4]}
    assert file.to_arrow(1, filter="energy > 2", columns=["event"]).to_pydict() == {"event": [3, 4]}
    with file.batches() as batches:
        assert batches.schema.names == ["event", "energy"]
        assert sum(batch.num_rows for batch in batches) == 5
    # a path wherever Python takes one
    assert np.loadtxt(file, delimiter=",", skiprows=1).shape == (5, 2)


def test_outputs_of_a_run_are_inputs_of_the_next(lab: Lab) -> None:
    first = helios_wf.run("add.cwl", {"events": "1.csv"}, outdir="first")
    second = helios_wf.run("add.cwl", first.outputs, outdir="second")
    assert second.file("events").text() == (lab.folder / "1.csv").read_text()
    assert [run.id for run in helios_wf.runs()] == [second.id, first.id]
    assert helios_wf.open_run(first.id[:-2]).outputs == first.outputs


def test_a_failed_run_tells_what_failed_when_its_outputs_are_asked_for(lab: Lab) -> None:
    run = helios_wf.run("add.cwl", {"events": "1.csv", "word": "fail"}, progress=False)
    assert run.state == "FAILED"
    (kind,) = run.failures
    assert (kind.n_jobs, kind.first.exit_code, kind.first.stderr_tail) == (1, 1, "fail")
    with pytest.raises(
        RunNotDoneError, match=r"(?s)is FAILED.*exit.*its stderr ends with:.*helios-wf resume"
    ) as told:
        run.outputs["events"]
    assert (told.value.run, told.value.state) == (run.id, "FAILED")
    with pytest.raises(RunNotDoneError):
        run.raise_for_state()
    (row,) = run.jobs().to_pylist()
    assert (row["state"], row["exit_code"], row["attempt"]) == ("FAILED", 1, 1)
    assert "exited with 1" in run._repr_html_()


def test_what_is_said_of_a_failure_is_what_the_command_line_says(lab: Lab) -> None:
    (lab.folder / "job.yml").write_text("{events: {class: File, path: 1.csv}, word: fail}")
    command = [sys.executable, "-m", "helios_wf", "run", "add.cwl", "job.yml", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=lab.folder)
    assert done.returncode == 1
    with pytest.raises(RunNotDoneError) as told:
        helios_wf.open_run().raise_for_state()
    assert str(told.value) == done.stderr.strip()


def test_datasets_start_one_run_or_several_which_one_engine_drives(lab: Lab) -> None:
    with pytest.raises(UserError, match=r"would start 2 runs; helios_wf.run_all"):
        helios_wf.run("each.cwl", datasets={"lab.1.events": "1.csv", "lab.2.events": "2.csv"}, outdir="out")
    assert not len(helios_wf.runs())
    one = helios_wf.run(
        "each.cwl",
        datasets={"lab.1.events": Path("1.csv")},
        changes={"copy.split.eventsPerJob": 2},
        outdir="out",
    )
    assert one.datasets == {"events": "lab.1.events"}
    assert one.published == {"kept": "lab.1.kept"}
    assert one.status().tasks[0].events == helios_wf.Events(5, 0, 5, None, {"DONE": 3})
    assert one.ranges()["stop"].to_pylist() == [1, 3, 5]
    more = helios_wf.run_all("each.cwl", datasets={"lab.2.events": ["2.csv"]}, outdir="out")
    assert [run.datasets["events"] for run in more.raise_for_state()] == ["lab.2.events"]
    none = helios_wf.run_all("each.cwl", outdir="out")
    assert len(none) == 0
    assert [reason for reason in none.not_run if "done already by version 1" in reason]
    with pytest.raises(UserError, match="done already by version 1"):
        helios_wf.run("each.cwl", outdir="out")


def test_many_runs_are_waited_for_together(lab: Lab) -> None:
    datasets = {f"lab.{number}.events": f"{number}.csv" for number in (1, 2)}
    begun = helios_wf.run_all("each.cwl", datasets=datasets, outdir="out", wait=False)
    assert len(begun.wait(60)) == 2
    assert set(begun.states.values()) == {"DONE"}
    assert [file.path.name for run in begun for file in run.files()] == [
        "lab.1.kept.000000.csv",
        "lab.2.kept.000000.csv",
    ]


def test_a_run_in_the_background_can_be_watched_and_cancelled(lab: Lab) -> None:
    run = lab.wait_at_gate()
    status = run.status()
    assert (status.state, status.is_at_work, status.is_settled) == ("RUNNING", True, False)
    with pytest.raises(TimeoutError, match="still go on"):
        run.wait(0.1)
    with pytest.raises(RunNotDoneError, match="it is not over yet"):
        run.outputs["numbers"]
    run.cancel().wait(60)
    assert run.state == "CANCELLED"
    assert marked(RUN_MARK, [run.id]) == []
    with pytest.raises(RunError, match="CANCELLED already"):
        run.cancel()


def test_a_paused_run_goes_on_where_it_stopped(lab: Lab) -> None:
    run = lab.wait_at_gate().pause()

    def is_heard() -> bool:
        with run.driven.store.read() as tx:
            return not requests.pending(tx, run.id)

    wait_until(is_heard, "the engine does not read what it is asked")
    lab.gate.touch()
    assert run.wait(60).state == "PAUSED"
    assert run.resume().state == "DONE"
    assert [file.text().strip() for file in run.files("numbers")] == ["0", "1"]
    assert run.file("all").text() == "0\n1\n"


def test_what_failed_is_tried_again(lab: Lab) -> None:
    (lab.folder / "frail.cwl").write_text(
        ADD.replace('cat "$1" > sum.csv;', f'cat "$1" > sum.csv; test -e {lab.folder}/mended || exit 3;')
    )
    run = helios_wf.run("frail.cwl", {"events": "1.csv"})
    assert run.state == "FAILED"
    with pytest.raises(RunError, match="no step 'nothing'"):
        run.retry("nothing")
    (lab.folder / "mended").touch()
    assert run.retry(failed=True).state == "DONE"
    with pytest.raises(RunError, match="DONE already"):
        run.resume()


def test_a_run_whose_engine_was_killed_is_resumed_and_does_nothing_twice(lab: Lab) -> None:
    run = lab.wait_at_gate(3)
    engine = run.driven.engine
    assert engine is not None
    kill(engine.pid)
    with pytest.raises(EngineError, match="killed by signal 9"):
        run.wait(60)
    assert run.state == "RUNNING"
    assert "run.resume() goes on with it" in run._repr_html_()
    lab.gate.touch()
    assert run.resume().state == "DONE"
    jobs = run.jobs().to_pylist()
    assert jobs[0]["attempt"] == 1
    assert [job["state"] for job in jobs] == ["DONE"] * 4


SCRIPT = """
import sys, helios_wf
run = helios_wf.run("gate.cwl", {"gate": sys.argv[1], "numbers": [0, 1]}, jobs=2, wait=sys.argv[2] == "wait")
print(run.id, flush=True)
"""


def script(lab: Lab, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(lab.gate), mode], cwd=lab.folder, text=True, stdout=subprocess.PIPE
    )


def latest(lab: Lab) -> helios_wf.Run:
    """The latest run, once its first job is done."""

    def is_there() -> bool:
        if not (lab.folder / ".helios" / "helios.db").exists() or not len(found := helios_wf.runs(1)):
            return False
        task = found[0].status().tasks[0]
        return bool(task.done and task.running)

    wait_until(is_there, "no run began")
    return helios_wf.open_run()


def test_a_run_in_the_background_outlives_who_began_it(lab: Lab) -> None:
    process = script(lab, "leave")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    run = helios_wf.open_run(out.strip())
    assert run.status().is_at_work
    lab.gate.touch()
    assert run.wait(60).state == "DONE"
    wait_until(lambda: not list((lab.folder / ".helios" / "engines").iterdir()), "the engine left a log")


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL], ids=lambda way: way.name)
def test_a_run_that_is_waited_for_stops_in_order_with_who_waits(lab: Lab, way: signal.Signals) -> None:
    process = script(lab, "wait")
    run = latest(lab)
    process.send_signal(way)
    process.communicate(timeout=60)
    run.wait(60)
    assert run.state == "RUNNING"
    assert marked(RUN_MARK, [run.id]) == []
    lab.gate.touch()
    # the same call goes on with it
    again = helios_wf.run("gate.cwl", {"gate": str(lab.gate), "numbers": [0, 1]}, jobs=2)
    assert (again.id, again.state) == (run.id, "DONE")
    assert [job["attempt"] for job in again.jobs().to_pylist()] == [1, 2, 1]


def test_the_stop_button_of_a_notebook_stops_the_run_and_leaves_the_kernel_awake(lab: Lab) -> None:
    kernel = KernelManager()
    kernel.start_kernel(cwd=str(lab.folder))
    client = kernel.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        call = f"helios_wf.run('gate.cwl', {{'gate': '{lab.gate}', 'numbers': [0, 1]}}, jobs=2)"
        asked = client.execute(f"import helios_wf; {call}")
        run = latest(lab)
        kernel.interrupt_kernel()
        answers = iter(lambda: client.get_shell_msg(timeout=120), None)
        answer = next(each for each in answers if each["parent_header"]["msg_id"] == asked)
        assert answer["content"]["ename"] == "KeyboardInterrupt"
        assert not run.status().is_at_work
        assert marked(RUN_MARK, [run.id]) == []
        said = client.execute_interactive("print(6 * 7)", timeout=120, output_hook=lambda message: None)
        assert said["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_a_run_may_go_on_without_what_failed_and_gives_what_it_has(lab: Lab) -> None:
    steps = "".join(
        f"  {name}: {{run: add.cwl, in: {{events: events, word: {{default: {word}}}}}, out: [events]}}\n"
        for name, word in (("good", "fine"), ("bad", "fail"))
    )
    (lab.folder / "two.cwl").write_text(
        "cwlVersion: v1.2\nclass: Workflow\ninputs: {events: File}\n"
        "requirements: {StepInputExpressionRequirement: {}}\n"
        f"steps:\n{steps}"
        "outputs:\n  good: {type: File, outputSource: good/events}\n"
        "  bad: {type: File, outputSource: bad/events}\n"
    )
    run = helios_wf.run("two.cwl", {"events": "1.csv"}, outdir="out", on_error="continue")
    assert (run.state, [kind.step for kind in run.failures]) == ("FAILED", ["bad"])
    assert run.file("good").text() == (lab.folder / "1.csv").read_text()
    assert run.outputs["bad"] is None
    with pytest.raises(UserError, match=r"output 'bad' of run .* is not one file, but None"):
        run.file("bad")
    with pytest.raises(RunNotDoneError, match="is FAILED: 1 job of step 'bad' failed"):
        run.raise_for_state()
    assert run.retry().outputs.keys() == {"good", "bad"}
    with pytest.raises(SettingsError, match="on_error: 'ignore' is not one of stop, continue, kill"):
        helios_wf.run("two.cwl", {"events": "1.csv"}, on_error="ignore")  # type: ignore[arg-type]


def test_the_same_call_waits_for_a_run_that_is_at_work_already(lab: Lab) -> None:
    run = lab.wait_at_gate()
    same = helios_wf.run(
        "gate.cwl",
        {"gate": str(lab.gate), "numbers": [0, 1]},
        jobs=2,
        progress=lambda status: lab.gate.touch(),
    )
    assert same.id == run.id
    assert same.state == run.state == "DONE"


def test_modules_in_the_working_folder_are_no_part_of_the_engine(lab: Lab) -> None:
    (lab.folder / "msgspec.py").write_text("raise ImportError('not the one that is meant')")
    assert helios_wf.run("add.cwl", {"events": "1.csv"}).state == "DONE"


def test_two_threads_may_run_at_once_in_one_home(lab: Lab) -> None:
    def work(number: int) -> helios_wf.Run:
        return helios_wf.run("add.cwl", {"events": f"{number}.csv"}, outdir=f"out{number}", jobs=1)

    with ThreadPoolExecutor() as pool:
        first, second, same = pool.map(work, [1, 2, 2])
    assert first.state == second.state == "DONE"
    assert same.file("events").text() == second.file("events").text() == (lab.folder / "2.csv").read_text()


def test_a_run_works_within_an_event_loop_and_beside_it(lab: Lab) -> None:
    async def work() -> tuple[helios_wf.Run, helios_wf.Run]:
        within = helios_wf.run("add.cwl", {"events": "1.csv"}, outdir="a")
        beside = await asyncio.to_thread(helios_wf.run, "add.cwl", {"events": "2.csv"}, outdir="b")
        return within, beside

    assert [run.state for run in asyncio.run(work())] == ["DONE", "DONE"]


def test_no_signal_handler_of_the_caller_is_touched(lab: Lab) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    helios_wf.run("add.cwl", {"events": "1.csv"})
    assert {number: signal.getsignal(number) for number in before} == before
    assert threading.current_thread() is threading.main_thread()


def test_progress_is_told_to_a_function(lab: Lab) -> None:
    seen: list[helios_wf.Status] = []
    helios_wf.run("add.cwl", {"events": "1.csv"}, progress=seen.append)
    assert [status.state for status in seen if status.is_settled] == ["DONE"]
    assert seen[-1].tasks[0].done == 1


def test_progress_goes_to_stderr_where_it_is_asked_for(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    helios_wf.run("add.cwl", {"events": "1.csv"}, progress=True)
    assert capfd.readouterr() == ("", "add: 1/1 jobs\n")
    helios_wf.run("add.cwl", {"events": "2.csv"})
    assert capfd.readouterr() == ("", "")


def test_a_run_is_shown_as_html_with_everything_escaped(lab: Lab) -> None:
    (lab.folder / "odd.cwl").write_text(
        ADD.replace("> sum.csv", '> "<b>&.csv"').replace("glob: sum.csv", "glob: <b>&.csv")
    )
    run = helios_wf.run("odd.cwl", {"events": "1.csv", "word": "<script>"}, outdir="out")
    shown = run._repr_html_()
    assert "&lt;b&gt;&amp;.csv" in shown
    assert "<b>&" not in shown
    assert "DONE" in shown
    assert run.id in shown
    failed = helios_wf.run("odd.cwl", {"events": "1.csv", "word": "fail"}, outdir="out")
    assert "in the same way" not in failed._repr_html_()
    listed = helios_wf.runs()._repr_html_()
    assert listed.index(failed.id) < listed.index(run.id)
    assert repr(run) == f"<Run {run.id} DONE>"


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (("gone.cwl",), TemplateError, "gone.cwl"),
        (("add.cwl", {"event": "1.csv"}), InputError, r"no input 'event'; did you mean 'events'"),
        (("add.cwl", {"events": "3.csv"}), InputError, "3.csv cannot be read"),
        (("add.cwl", {"events": object()}), InputError, "input 'events': a object is no value of CWL"),
        (("add.cwl", "job.yml"), InputError, "job.yml"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(
    lab: Lab, given: tuple[Any, ...], kind: type[HeliosError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        helios_wf.run(*given)
    assert not (lab.folder / ".helios" / "runs").exists()


def test_a_wrong_keyword_is_told_with_the_right_ones(lab: Lab) -> None:
    with pytest.raises(SettingsError, match="the keywords: no setting is called 'hom'; did you mean 'home'"):
        helios_wf.run("add.cwl", hom="x")  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="the keywords: jobs: 0 is not a whole number"):
        helios_wf.run("add.cwl", jobs=0)
    with pytest.raises(UserError, match="'OVER' is no state; right would be one of PENDING, RUNNING, "):
        helios_wf.runs(states=["OVER"])


def test_the_table_of_jobs_is_one_of_arrow(lab: Lab) -> None:
    run = helios_wf.run("each.cwl", datasets={"lab.1.events": "1.csv"}, outdir="out")
    jobs = run.jobs()
    assert jobs.schema.field("started").type == pa.timestamp("ms", tz="UTC")
    assert jobs.select(["step", "index", "state"]).to_pylist() == [
        {"step": "copy", "index": "0/0", "state": "DONE"}
    ]
