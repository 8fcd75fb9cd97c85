"""Completion in a shell: commands, options and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from helios_wf.cli import cli
from helios_wf.cli.completion import SHELLS
from helios_wf.store import Store, jobs, runs, tasks
from helios_wf.store.rows import Lease, NewRun, NewTask

BIN = Path(sys.executable).parent
TRY_IN_BASH = """
eval "$(helios-wf completion bash)"
COMP_WORDS=({words}) COMP_CWORD={at}
_helios_wf_completion helios-wf
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(home: Path, *words: str) -> list[str]:
    """Returns what bash offers for the last word."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    script = TRY_IN_BASH.format(words=" ".join(f"'{word}'" for word in words), at=len(words) - 1)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HELIOS_HOME": str(home)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_HELIOS_WF_COMPLETE" in result.output


def test_commands_are_completed(tmp_path: Path) -> None:
    assert complete(tmp_path, "helios-wf", "res") == ["resume"]


def test_options_of_a_command_are_completed(tmp_path: Path) -> None:
    assert complete(tmp_path, "helios-wf", "run", "--outd") == ["--outdir"]


def test_runs_are_completed_by_their_beginning(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store.open(None, home).write() as tx:
        for run in ("20300101-one", "20300101-two", "20300202-three"):
            runs.create(tx, NewRun(run, "made", "0", run))
    assert sorted(complete(home, "helios-wf", "status", "20300101-")) == ["20300101-one", "20300101-two"]


def test_without_a_store_no_run_is_offered_and_none_is_made(tmp_path: Path) -> None:
    assert complete(tmp_path / "home", "helios-wf", "status", "2030") == []
    assert not (tmp_path / "home").exists()


def test_steps_and_jobs_of_a_run_are_completed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = "20300101-one"
    with Store.open(None, home).write() as tx:
        runs.create(tx, NewRun(run, "made", "0", run))
        tasks.create(tx, run, [NewTask(0, "process/filter", "0"), NewTask(1, "join", "0")])
        jobs.lease(tx, run, [Lease(0, f"0/{at}", 1) for at in range(3)])
    assert complete(home, "helios-wf", "explain", "2030") == [f"{run}/"]
    assert complete(home, "helios-wf", "logs", f"{run}/") == [f"{run}/process/filter", f"{run}/join"]
    assert complete(home, "helios-wf", "rerun", f"{run}/process/filter[0,") == [
        f"{run}/process/filter[0,{at}]" for at in range(3)
    ]
    assert complete(home, "helios-wf", "explain", "pro") == ["process/filter"]
    assert complete(home, "helios-wf", "explain", "nothing/") == []
