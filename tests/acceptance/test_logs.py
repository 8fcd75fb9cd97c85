"""``helios-wf logs``: what jobs wrote, also while they run, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import HELIOS_WF, Desk, finish, wait_until

from helios_wf.config import Settings
from helios_wf.joblogs import STREAMS, Follower
from helios_wf.record import Record, at, run_of
from helios_wf.states import JobState
from tests.acceptance.conftest import Command

EXPLAINED = Path(__file__).with_name("explained.cwl")


def run(helios: Command, *options: str, **inputs: Any) -> str:
    """Runs the document of these tests and returns the run's id."""
    helios.write("job.json", json.dumps({"n": [1, 2, 3], **inputs}))
    helios("run", "--quiet", *options, EXPLAINED, "job.json")
    return str(helios.json("runs", "--format", "json")[0]["run"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk", files=0, document=EXPLAINED)
    yield desk
    if desk.gate.exists():
        desk.open_gate()
    desk.close()


def test_of_a_run_the_jobs_that_failed_are_shown_each_line_with_its_job(helios: Command) -> None:
    made = run(helios, bad=2)
    assert helios("logs") == 0
    (line,) = helios.out.splitlines()
    assert line.startswith("process/check[1] | checking /")
    assert helios("logs", f"{made}/fetch") == 0
    assert set(helios.out.splitlines()) == {
        f"fetch[{at}] | {word} {at + 1}" for at in range(3) for word in ("said", "fetching")
    }


def test_of_a_job_one_stream_or_both_are_shown_and_as_many_lines_as_are_asked_for(helios: Command) -> None:
    run(helios, "--keep", "all")
    assert helios("logs", "fetch[2]") == 0
    assert helios.out == "==> stdout <==\nsaid 3\n==> stderr <==\nfetching 3\n"
    assert helios("logs", "fetch[2]", "--stream", "stderr") == 0
    assert helios.out == "fetching 3\n"
    assert helios("logs", "fetch[2]", "--stream", "stderr", "--lines", "0") == 0
    assert helios.out == ""
    assert helios("logs", "process/copy[1]", "--stream", "stdout") == 0
    assert helios.out == "2\n", "what a tool makes an output of its stdout is shown where it is asked for"
    assert helios("logs", "process/copy[1]") == 0
    assert helios.out == ""


def test_what_was_removed_is_said_with_what_the_store_kept(helios: Command) -> None:
    made = run(helios, bad=2)
    shutil.rmtree(Path(".helios", "runs", made))
    assert helios("logs", "process/check[1]") == 0
    assert "is gone" in helios.err
    assert "the store kept the last lines of its stderr" in helios.err
    assert helios.out.startswith("checking /")
    assert helios("logs", "fetch[0]") == 0
    assert "nothing of its log is left (run with --keep all" in helios.err
    assert helios.out == ""


def test_a_job_that_was_never_run_has_no_log(helios: Command) -> None:
    run(helios, bad=2)
    for name, words in {
        "join": "was not run yet, so it has no log; helios-wf explain",
        "process/check[1] --attempt 2": "has no attempt 2; it has had 1",
        "fetch --attempt 1": "--attempt needs one",
    }.items():
        assert helios("logs", *name.split()) == 2
        assert words in helios.err


def test_every_attempt_has_its_own_log(helios: Command) -> None:
    helios.write(
        "again.cwl",
        """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: again, version: 1, status: ACTUAL}
inputs: {place: string}
steps:
  again:
    helios:retry: {attempts: 2}
    in: {place: place}
    out: []
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'echo x >> "$0"; wc -l < "$0" >&2; exit 3']
      inputs: {place: {type: string, inputBinding: {position: 1}}}
      outputs: []
outputs: {}
""",
    )
    helios.write("job.json", json.dumps({"place": str(helios.folder / "count")}))
    assert helios("run", "--quiet", "again.cwl", "job.json") == 1
    for attempt, text in ((1, "1\n"), (2, "2\n")):
        assert helios("logs", "again", "--attempt", str(attempt)) == 0
        assert helios.out == text
    assert helios("logs") == 0
    assert helios.out == "again #2 | 2\n"


def test_logs_are_followed_through_jobs_that_begin_until_the_run_is_over(desk: Desk) -> None:
    desk.gate.touch()
    given = {"n": [1, 2, 3], "gate": str(desk.gate)}
    (desk.folder / "job.json").write_text(json.dumps(given))
    engine = desk.start("run", "--quiet", "explained.cwl", "job.json", "--jobs", "1", "--keep", "all")
    wait_until(
        lambda: desk.latest() and any(job.state is JobState.RUNNING for job in desk.jobs()), "none ran"
    )
    every, one = (
        desk.start("logs", "--follow"),
        desk.start("logs", "--follow", "fetch[0]", "--stream", "stdout"),
    )
    assert every.stdout is not None
    # not through the pipe's buffer, which ``communicate`` does not see
    seen = os.read(every.stdout.fileno(), 65536).decode()
    assert seen.startswith("fetch[0]"), "what was written before is shown first"
    desk.open_gate()
    out, _ = finish(every)
    lines = (seen + out).splitlines()
    for number in range(3):
        own = [line.partition(" | ")[2] for line in lines if line.startswith(f"fetch[{number}] ")]
        assert own == [f"said {number + 1}", f"fetching {number + 1}"]
        assert sum(line.startswith(f"process/check[{number}] | checking") for line in lines) == 1
    assert finish(one)[0] == "said 1\n", "the log of one job ends with the job"
    finish(engine)


def test_a_job_that_ends_just_before_it_is_followed_is_shown_whole(desk: Desk) -> None:
    (desk.folder / "job.json").write_text(json.dumps({"n": [1, 2]}))
    desk.call("run", "--quiet", "explained.cwl", "job.json", "--keep", "all")
    with desk.store.read() as tx:
        run, address = run_of(tx, "fetch[0]")
        spot = at(Record(tx, run, Settings(home=desk.home, outdir=desk.outdir)), address)
    follower = Follower(desk.store, run.id, spot, STREAMS, None)
    assert follower.is_over
    assert [one.line for one in follower.turn()] == [b"said 1", b"fetching 1"]


def test_ctrl_c_ends_following_without_a_traceback(desk: Desk) -> None:
    desk.gate.touch()
    (desk.folder / "job.json").write_text(json.dumps({"n": [1], "gate": str(desk.gate)}))
    engine = desk.start("run", "--quiet", "explained.cwl", "job.json")
    wait_until(
        lambda: desk.latest() and any(job.state is JobState.RUNNING for job in desk.jobs()), "none ran"
    )
    follower = desk.start("logs", "--follow")
    assert follower.stdout is not None
    follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    finish(follower, 130)
    os.kill(engine.pid, signal.SIGKILL)
    finish(engine, -signal.SIGKILL)
    _, err = desk.call("logs", "--follow")
    assert "the engine that held the run is gone" in err, "nobody is waited for who will not come"
    desk.open_gate()
    desk.call("resume", "--quiet")


def test_rubbish_does_nothing_to_a_terminal_but_goes_to_a_file_as_it_is(helios: Command) -> None:
    helios.write(
        "rubbish.cwl",
        "{cwlVersion: v1.2, class: CommandLineTool, inputs: {}, outputs: {}, baseCommand: [sh, -c, "
        "'printf \"\\\\033[2J\\\\000\\\\377ok\" >&2; exit 3']}\n",
    )
    assert helios("run", "--quiet", "rubbish.cwl") == 1
    assert helios("explain") == 0
    name = helios.out.partition("\n  ")[2].split(" ")[0]
    written = subprocess.run([HELIOS_WF, "logs", name], capture_output=True, check=True).stdout
    assert written == b"\x1b[2J\x00\xffok\n"
    ours, theirs = pty.openpty()
    with subprocess.Popen([HELIOS_WF, "logs", name], stdout=theirs) as process:
        os.close(theirs)
        shown = os.read(ours, 1000)
    assert process.returncode == 0
    assert shown.rstrip() == "\\x1b[2J\\x00\ufffdok".encode()
    os.close(ours)
