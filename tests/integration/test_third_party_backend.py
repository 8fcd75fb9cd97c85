"""A backend of somebody else: a distribution of its own, found by its entry point, held to the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "backend_futures"

CONTRACT = """
import os, signal
from pathlib import Path
from helios_wf.backend import BackendSettings, find_backend
from helios_wf.processes import JOB_MARK, marked
from helios_wf.testing import BackendContract

def parent_of(pid):
    status = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("PPid:")))

class TestFuturesBackend(BackendContract):
    def make(self, home):
        return find_backend("futures")(BackendSettings(str(home), 2, {"grace_s": 0.5}))

    def lose(self, backend, handle):
        tools = set(marked(JOB_MARK, [handle]))
        (worker,) = {parent_of(tool) for tool in tools} - tools
        os.kill(worker, signal.SIGKILL)
"""

HELLO = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [echo, hello]
stdout: said.txt
inputs: {}
outputs: {said: stdout}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has the distribution, as its wheel puts it there."""
    folder = tmp_path_factory.mktemp("third-party")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("helios_wf_futures-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    search = os.pathsep.join(filter(None, [str(folder / "site"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": search}


def helios(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "helios_wf", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_backend(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_contract.py").write_text(CONTRACT)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
    ]
    run = subprocess.run(
        [*command, "test_contract.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout
    skipped = [line for line in run.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("gives an attempt all its ranges at its start" in line for line in skipped), skipped


def test_its_name_is_all_that_a_run_needs(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "hello.cwl").write_text(HELLO)
    where = ["--home", str(tmp_path / "home"), "--outdir", str(tmp_path / "out")]
    run = helios(environment, "run", "--quiet", "--backend", "futures", *where, str(tmp_path / "hello.cwl"))
    assert run.returncode == 0, run.stderr
    assert Path(json.loads(run.stdout)["said"]["path"]).read_text() == "hello\n"


def test_a_name_that_nobody_installed_is_told_with_those_that_are(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "hello.cwl").write_text(HELLO)
    run = helios(environment, "run", "--backend", "lsf", str(tmp_path / "hello.cwl"))
    assert run.returncode == 2
    assert "no backend named 'lsf'; installed: futures, gpu, local" in run.stderr
