from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helios_wf.evidence import TAIL_BYTES, first_disk_error, tail
from helios_wf.model import JobSpec, Json, Report, Resources
from helios_wf.processes import JOB_MARK, marked
from helios_wf.runner import run
from helios_wf.states import Cause
from helios_wf.testing import shell_tool, timed, wait_until


def attempt(
    folder: Path, tool: dict[str, Json], *, spec: dict[str, Any] | None = None, **inputs: Json
) -> Report:
    fields: dict[str, Any] = {
        "run": f"test-{os.getpid()}",
        "key": "0/0",
        "attempt": 1,
        "tool": "t",
        "directory": str(folder / "attempt"),
        **(spec or {}),
    }
    return run(JobSpec(inputs=inputs, **fields), tool, grace_s=0.3)


def test_an_attempt_leaves_its_outputs_and_logs_in_its_directory(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("echo said; echo warned >&2; echo made > out; touch $TMPDIR/left"))
    assert report.cause is None, report.message
    directory = tmp_path / "attempt"
    assert sorted(path.name for path in directory.iterdir()) == ["out", "stderr", "stdout"]
    assert (directory / "stdout").read_text() == "said\n"
    assert (directory / "stderr").read_text() == "warned\n"
    assert (directory / "out/out").read_text() == "made\n"
    assert (report.command, report.stderr_tail) == ((), "")


def test_the_environment_is_small_and_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    setting = {"class": "EnvVarRequirement", "envDef": [{"envName": "MINE", "envValue": "a b"}]}
    report = attempt(tmp_path, shell_tool("env > out; pwd >> out", requirements=[setting]))
    lines = (tmp_path / "attempt/out/out").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    assert lines[-1] == str(tmp_path / "attempt/out")
    assert found["HOME"] == str(tmp_path / "attempt/out")
    assert found["TMPDIR"] == str(tmp_path / "attempt/tmp")
    assert found["PATH"].startswith(os.environ["PATH"])
    assert (found["MINE"], found["HELIOS_RUN"], found["HELIOS_JOB"]) == ("a b", report.run, report.handle)
    assert "SECRET" not in found


def test_runtime_shows_the_resources_of_the_attempt(tmp_path: Path) -> None:
    tool = shell_tool(
        "", baseCommand="printf", arguments=["%s %s %s", "$(runtime.cores)", "$(runtime.ram)", "x"]
    )
    spec = {"resources": Resources(cores=1.5, ram_mb=512)}
    assert attempt(tmp_path, {**tool, "stdout": "out"}, spec=spec).cause is None
    assert (tmp_path / "attempt/out/out").read_text() == "2 512 x"


def test_a_tool_that_floods_its_log_is_told_by_its_last_lines(tmp_path: Path) -> None:
    script = (
        "yes 'a line of no interest at all' | head -c 100000000 >&2; printf 'last \\377 words' >&2; exit 3"
    )
    report = attempt(tmp_path, shell_tool(script))
    assert (report.cause, report.exit_code) == (Cause.EXIT, 3)
    assert report.stderr_tail.endswith("last \ufffd words")
    assert len(report.stderr_tail) <= TAIL_BYTES
    assert (tmp_path / "attempt/stderr").stat().st_size > 100_000_000
    (tmp_path / "attempt/stderr").unlink()


def test_a_flood_on_stdout_does_not_grow_memory(tmp_path: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outputs = [{"id": "out", "type": "stdout"}]
    report = attempt(tmp_path, shell_tool("head -c 100000000 /dev/zero", outputs=outputs))
    assert report.outputs["out"]["size"] == 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    Path(report.outputs["out"]["path"]).unlink()


def test_a_peak_below_the_workers_own_is_unknown(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("true"))
    assert report.peak_memory_mb is None
    assert report.took_s >= report.wall_s > 0


def test_a_full_disk_in_the_tools_words_is_the_disks_fault(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("echo 'cp: error: No space left on device' >&2; exit 1"))
    assert report.cause is Cause.DISK
    assert "No space left on device" in report.message
    assert first_disk_error("all is well\nDisk is fine") is None


def test_a_full_disk_under_the_attempt_is_the_disks_fault(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("cat /dev/zero > /dev/full"))
    assert report.cause is Cause.DISK


@pytest.mark.parametrize(
    "words", ["MemoryError", "terminate called after throwing 'std::bad_alloc'", "java.lang.OutOfMemoryError"]
)
def test_too_little_memory_in_the_tools_words_is_told_with_what_it_asked_for(
    words: str, tmp_path: Path
) -> None:
    tool = shell_tool(f'echo "{words}" >&2; exit 1')
    report = attempt(tmp_path, tool, spec={"resources": Resources(ram_mb=2048)})
    assert report.cause is Cause.MEMORY
    assert report.message.startswith(f"it exited with 1, out of memory ({words}); it asked for 2,048 MiB")


def test_an_exit_code_that_the_tool_lists_as_permanent_is_final_whatever_its_log_says(tmp_path: Path) -> None:
    tool = shell_tool("echo MemoryError >&2; exit 4") | {"permanentFailCodes": [4]}
    report = attempt(tmp_path, tool)
    assert (report.cause, report.permanent) == (Cause.EXIT, True)
    assert report.message == "it exited with 4, which the tool lists as permanent"


def test_a_tool_that_removes_its_working_directory_is_told_so(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool('rm -r "$PWD"'))
    assert report.cause is Cause.MISSING_OUTPUT
    assert "is gone: the tool removed or renamed it" in report.message


def test_an_attempt_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "attempt").mkdir()
    (tmp_path / "attempt/kept").write_text("kept")
    report = attempt(tmp_path, shell_tool("true"))
    assert (report.cause, report.permanent) == (Cause.LOST, False)
    assert (tmp_path / "attempt/kept").read_text() == "kept"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-command", "not found on PATH"),
        ("/no/such/command", "No such file or directory"),
        ("/etc/passwd", "Permission denied"),
        ("./own.sh", "No such file or directory"),
    ],
)
def test_a_command_that_cannot_be_started_is_named(command: str, reason: str, tmp_path: Path) -> None:
    report = attempt(tmp_path, {**shell_tool(""), "baseCommand": command})
    assert (report.cause, report.permanent, report.exit_code) == (Cause.NOT_STARTED, True, None)
    assert command in report.message
    assert reason in report.message


def test_a_missing_interpreter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bin" / "own-tool"
    script.parent.mkdir()
    script.write_text("#!/no/such/python\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    report = attempt(tmp_path, {**shell_tool(""), "baseCommand": "own-tool"})
    assert report.cause is Cause.NOT_STARTED
    assert f"the interpreter that '{script}' names is missing" in report.message


@pytest.mark.parametrize("field", ["requirements", "hints"])
def test_a_tool_for_which_no_container_was_chosen_is_run_without(field: str, tmp_path: Path) -> None:
    docker = {"DockerRequirement": {"dockerPull": "debian"}}
    assert attempt(tmp_path, shell_tool("true", **{field: docker})).cause is None


@pytest.mark.parametrize(
    "body", [{}, {"class": "CommandLineTool"}, {"inputs": 3}, {"inputs": [{}], "outputs": []}]
)
def test_whatever_a_body_is_the_runner_reports(body: dict[str, Json], tmp_path: Path) -> None:
    report = attempt(tmp_path, body)
    assert report.cause is not None
    assert report.permanent
    assert report.message


def test_a_staged_link_is_never_written_through(tmp_path: Path) -> None:
    raw = tmp_path / "a.raw"
    raw.write_text("raw")
    staging = {"class": "InitialWorkDirRequirement", "listing": ["$(inputs.f)"]}
    tool = shell_tool("echo other", stdout="a.raw", requirements=[staging])
    report = attempt(tmp_path, tool, f={"class": "File", "path": str(raw)})
    assert report.cause is None, report.message
    assert raw.read_text() == "raw"
    assert (tmp_path / "attempt/out/a.raw").read_text() == "other\n"


def test_children_of_a_tool_end_with_its_time(tmp_path: Path) -> None:
    report = attempt(tmp_path, timed(shell_tool("trap '' TERM; sleep 1000 & sleep 1000"), 1))
    assert report.cause is Cause.TIME_LIMIT
    wait_until(lambda: not marked(JOB_MARK, [report.handle]))
    assert (report.exit_code, report.signal) == (None, None)


def test_sigterm_lets_a_tool_end_in_its_own_way(tmp_path: Path) -> None:
    script = "trap 'echo tidy > out; exit 0' TERM; while :; do sleep 0.02; done"
    assert attempt(tmp_path, timed(shell_tool(script), 1)).cause is Cause.TIME_LIMIT
    assert (tmp_path / "attempt/out/out").read_text() == "tidy\n"


def test_a_kill_that_was_not_ours_is_a_signal(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("kill -KILL $$"))
    assert (report.cause, report.signal) == (Cause.SIGNAL, signal.SIGKILL)
    assert "SIGKILL" in report.message


def test_cwltool_runs_what_is_not_compiled(tmp_path: Path) -> None:
    raw = tmp_path / "a b.raw"
    raw.write_text("raw")
    inplace = {"class": "InplaceUpdateRequirement", "inplaceUpdate": False}
    tool = shell_tool('cat "$2" > out; echo "$HELIOS_JOB" >&2; exit "$1"', requirements=[inplace])
    file = {"class": "File", "location": raw.as_uri()}
    done = attempt(tmp_path / "done", tool, x="0", f=file)
    assert done.cause is None, done.message + done.stderr_tail
    assert Path(done.outputs["out"]["path"]) == tmp_path / "done/attempt/out/out"
    assert Path(done.outputs["out"]["path"]).read_text() == "raw"
    failed = attempt(tmp_path / "failed", tool, x="3", f=file)
    assert (failed.cause, failed.exit_code) == (Cause.EXIT, 3)
    assert done.handle in failed.stderr_tail
    wrong = attempt(tmp_path / "wrong", tool, x=3)
    assert wrong.cause is Cause.BAD_INPUT
    assert "x" in wrong.message


def test_the_runner_imports_nothing_heavy() -> None:
    heavy = [
        "cwltool",
        "schema_salad",
        "pyarrow",
        "numpy",
        "sqlalchemy",
        "quickjs",
        "networkx",
        "rich",
        "pytest",
    ]
    code = f"import sys, helios_wf.worker; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_tail_of_a_log_is_short_and_of_a_missing_one_empty(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(str(log)).splitlines() == [f"line {number}" for number in range(80, 100)]
    assert tail(str(tmp_path / "gone")) == ""


def test_a_scratch_folder_is_empty_again_after_each_attempt(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"

    def left_by(script: str, name: str) -> Report:
        spec = JobSpec("test", "0/0", 1, "t", str(tmp_path / name))
        return run(
            spec, shell_tool(f"echo $TMPDIR > out; ls -A $TMPDIR >> out; {script}"), scratch=str(scratch)
        )

    assert left_by("mkdir -p $TMPDIR/deep/er; echo much > $TMPDIR/deep/er/left", "good").cause is None
    assert left_by("echo why > $TMPDIR/left; exit 3", "failed").cause is Cause.EXIT
    assert left_by("", "next").cause is None
    assert [(tmp_path / f"{name}/out/out").read_text() for name in ("good", "failed", "next")] == [
        f"{scratch}\n"
    ] * 3
    assert (tmp_path / "failed/tmp/left").read_text() == "why\n"
    assert not (tmp_path / "good/tmp").exists()
    assert list(scratch.iterdir()) == []
