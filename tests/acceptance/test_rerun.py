"""``helios-wf rerun``: one job once more, here, with its own exit code, and nothing of its run touched."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import HELIOS_WF, Desk, finish, wait_until
from fake_slurm import FakeSlurm
from fragile_runs import Fragile

from helios_wf.processes import RUN_MARK, marked
from tests.acceptance.conftest import Command

EXPLAINED = Path(__file__).with_name("explained.cwl")


def run(helios: Command, *options: str, **inputs: Any) -> str:
    """Runs the document of these tests and returns the run's id."""
    helios.write("job.json", json.dumps({"n": [1, 2, 9], **inputs}))
    helios("run", "--quiet", *options, EXPLAINED, "job.json")
    return str(helios.json("runs", "--format", "json")[0]["run"])


def folder_of(helios: Command) -> Path:
    """Returns the folder that the last ``rerun`` said it runs in."""
    (folder,) = re.findall(r"is run again in (.*)$", helios.err, re.MULTILINE)
    return Path(folder)


def test_a_job_fails_as_it_failed_and_its_run_stays_as_it_is(desk: Desk) -> None:
    (desk.folder / "job.json").write_text(json.dumps({"n": [7], "bad": 7}))
    document = desk.folder / "explained.cwl"
    document.write_text(document.read_text().replace('kill -$(cat "$0") $$; ', ""))
    desk.call("run", "--quiet", "explained.cwl", "job.json", code=1)
    before = desk.jobs(), desk.log(), desk.run()
    name = f"{desk.run().id}/process/check[0]"
    out, err = desk.call("rerun", name, code=7)
    assert out == ""
    assert f"{name} is run again in {desk.home}/reruns/" in err
    assert '\ncommand: sh -c \'echo "checking $0" >&2; if [ ' in err
    assert "\nchecking /" in err
    assert err.endswith("it failed: it exited with 7\n")
    assert (desk.jobs(), desk.log(), desk.run()) == before
    _, err = desk.call("rerun", name, code=7)
    assert "/0.2\n" in err, "each time in a fresh folder"
    desk.call("clean")
    assert not list((desk.home / "reruns").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_job_that_a_signal_ended_gives_128_and_its_number(helios: Command, number: int) -> None:
    run(helios, n=[int(number)], bad=int(number))
    assert helios("rerun", "process/check[0]") == 128 + number
    assert f"it was ended by {signal.Signals(number).name}" in helios.err


def test_what_a_job_writes_and_makes_is_there(helios: Command) -> None:
    run(helios, "--keep", "all")
    assert helios("rerun", "fetch[2]") == 0
    assert (Path(folder_of(helios), "out", "made.txt")).read_text() == "9\n"
    made = subprocess.run([HELIOS_WF, "rerun", "fetch[2]"], capture_output=True, text=True, check=True)
    assert made.stdout == "said 9\n"
    assert "fetching 9\n" in made.stderr
    assert helios("rerun", "process/copy[1]") == 0
    assert "> copied.txt" in helios.err
    assert Path(folder_of(helios), "out", "copied.txt").read_text() == "2\n"
    assert helios("rerun", "join") == 0
    assert Path(folder_of(helios), "out", "all.txt").read_text() == "1\n2\n9\n"


def test_inputs_that_are_gone_are_told_with_who_made_them(helios: Command) -> None:
    made = run(helios)
    assert helios("rerun", "join") == 2
    assert "some of its inputs are gone" in helios.err
    assert (
        f"which process/copy[0] made (helios-wf rerun '{made}/process/copy[0]' makes it anew)" in helios.err
    )
    assert "--keep all" in helios.err


def test_inputs_that_were_published_are_taken_from_where_they_are(helios: Command) -> None:
    helios.write(
        "two.cwl",
        """\
cwlVersion: v1.2
class: Workflow
inputs: {}
steps:
  make:
    in: {}
    out: [made]
    run:
      class: CommandLineTool
      baseCommand: [echo, made]
      inputs: {}
      stdout: made.txt
      outputs: {made: stdout}
  read:
    in: {made: make/made}
    out: []
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {made: {type: File, inputBinding: {}}}
      outputs: {}
outputs: {made: {type: File, outputSource: make/made}}
""",
    )
    assert helios("run", "--quiet", "--keep", "none", "two.cwl") == 0
    assert helios("rerun", "read") == 0
    assert Path(folder_of(helios), "stdout").read_text() == "made\n"


def test_what_cannot_be_run_is_told(helios: Command) -> None:
    run(helios, bad=2)
    for name, words in {
        "process/copy[1]": "cannot be run: its inputs are not there; helios-wf explain",
        "fetch": "fetch is not one job; name one as RUN/step[index]",
        "fetch[0] --attempt 3": "has no attempt 3; it has had 1, counted from 1",
        "fetch[0] --shell": "--shell needs a terminal",
    }.items():
        assert helios("rerun", *name.split()) == 2, name
        assert words in helios.err
    run(helios, "--keep", "all", n=[1])
    assert helios("rerun", "choose[0]") == 0
    run(helios, "--keep", "all", many=0)
    assert helios("rerun", "choose[0]") == 2
    assert "was skipped: its condition is false" in helios.err


def test_a_job_that_failed_before_its_tool_says_the_same_again(helios: Command) -> None:
    helios.write(
        "wrong.cwl",
        "{cwlVersion: v1.2, class: CommandLineTool, requirements: {InlineJavascriptRequirement: {}},\n"
        " baseCommand: echo, inputs: {x: int}, outputs: {},\n"
        " arguments: [$(inputs.x.y.z)]}\n",
    )
    helios.write("x.json", '{"x": 1}')
    assert helios("run", "--quiet", "wrong.cwl", "x.json") == 1
    found = helios.json("explain", "--format", "json")
    name = found["reasons"][0]["job"]
    words = helios.json("explain", name, "--format", "json")["summary"]
    assert helios("rerun", name) == 1
    assert words.partition(": ")[2] in helios.err, words


@pytest.mark.parametrize("way", ["process", "resident", "folder"])
def test_of_a_job_over_events_what_failed_is_run_again_or_all_of_it(helios: Command, way: str) -> None:
    fragile = Fragile(helios, way, 40, {7: "exit 3"})
    assert fragile.run() == 1
    assert helios("rerun", "number[0,0]") == 3
    assert re.search(r"for 1 of its \d+ event ranges: \[7, 8\); --every-range runs all", helios.err)
    assert "cannot do event 7" in helios.err
    assert "events [7, 8) failed: it exited with 3" in helios.err
    fragile.mend()
    assert helios("rerun", "number[0,0]") == 0
    assert helios("rerun", "number[0,0]", "--every-range") == 0
    folder = folder_of(helios)
    lines = [
        line
        for path in sorted(
            folder.glob("ranges/*/out/numbered.txt"), key=lambda path: int(path.parts[-3].split("-")[0])
        )
        for line in path.read_text().splitlines()
    ]
    assert len(lines) == 40
    assert fragile.events("FATAL") == [("0.txt", 7)], "the record stays as it is"


def test_each_event_range_has_its_own_log(helios: Command) -> None:
    fragile = Fragile(helios, "process", 40, {7: "exit 3"})
    assert fragile.run() == 1
    assert helios("logs", "number[0,0]", "--stream", "stderr") == 0
    assert "==> [7, 8) stderr <==\ncannot do event 7\n" in helios.out
    assert helios("logs") == 0
    assert re.search(
        r"^number\[0,0\]( #\d+)? \[7, 8\)( try \d)? +\| .*cannot do event 7", helios.out, re.MULTILINE
    )


# -- a shell -----------------------------------------------------------------------------------------------


def in_a_terminal(*arguments: str, typed: str) -> tuple[int, str]:
    """Calls ``helios-wf`` in a terminal, types something, and returns the exit code and what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["SHELL"] = "/bin/sh"
        os.execv(HELIOS_WF, [HELIOS_WF, *arguments])
    shown = b""
    try:
        while b"$ " not in shown:
            shown += os.read(terminal, 65536)
        os.write(terminal, typed.encode())
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        # the other side has closed it
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode().replace("\r", "")


def test_a_shell_is_opened_where_the_job_is_ready_to_be_run(helios: Command) -> None:
    # an interactive shell that finds its child ended by SIGINT leaves the rest of the line
    made = run(helios, n=[1, 15], bad=15)
    code, shown = in_a_terminal(
        "rerun",
        "process/check[1]",
        "--shell",
        typed="pwd; ls\nsh ../command.sh; echo gave $?\necho $HELIOS_JOB\nexit 5\n",
    )
    assert code == 5
    place = Path(".helios/reruns", made).absolute()
    assert re.search(rf"^{place}/\d+/1\.1/out$", shown, re.MULTILINE), shown
    assert 'command: sh -c \'echo "checking $0" >&2;' in shown
    assert "gave 143" in shown
    assert re.search(rf"{made}-rerun/\d+/1\.1$", shown, re.MULTILINE)
    (script,) = place.glob("*/1.1/command.sh")
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGTERM
    assert done.stderr.startswith("checking /")


def test_of_a_job_over_events_the_shell_is_for_the_first_range_that_failed(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 40, {7: "exit 3"})
    assert fragile.run() == 1
    code, shown = in_a_terminal("rerun", "number[0,0]", "--shell", typed="sh ../command.sh; exit $?\n")
    assert "--first 7 --count 1" in shown
    assert code == 3, shown


# -- jobs that ran elsewhere -------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk", files=0, document=EXPLAINED)
    yield desk
    desk.close()


def test_a_job_that_ran_on_slurm_is_run_again_here(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.bin}{os.pathsep}{os.environ['PATH']}")
    (desk.folder / "job.json").write_text(json.dumps({"n": [1, 2], "bad": 2}))
    try:
        desk.call("run", "--quiet", "explained.cwl", "job.json", "--backend", "slurm", code=1)
        calls = len(slurm.calls())
        out, _ = desk.call("logs")
        assert out.startswith("process/check[1] | checking /")
        _, err = desk.call("rerun", "process/check[1]", code=130)
        assert "checking /" in err
        assert len(slurm.calls()) == calls
    finally:
        slurm.release()


def test_ctrl_c_ends_what_was_begun(desk: Desk) -> None:
    (desk.folder / "job.json").write_text(json.dumps({"n": [1], "gate": str(desk.gate)}))
    desk.call("run", "--quiet", "--keep", "all", "explained.cwl", "job.json")
    desk.gate.touch()
    process = desk.start("rerun", "fetch[0]")
    mark = f"{desk.run().id}-rerun"
    wait_until(lambda: marked(RUN_MARK, [mark]), "the tool never began")
    process.send_signal(signal.SIGINT)
    finish(process, 130)
    wait_until(lambda: not marked(RUN_MARK, [mark]), "the tool goes on")
    shutil.rmtree(desk.home / "reruns")
