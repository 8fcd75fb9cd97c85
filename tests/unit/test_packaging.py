"""The wheel and the sdist hold what a user needs, and work away from the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    find_spec("hatchling") is None, reason="hatchling is not installed: make test"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> set[str]:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def tracked(folder: str, suffix: str) -> list[str]:
    names = (path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob(f"*{suffix}"))
    return sorted(name for name in names if "__pycache__" not in name)


@pytest.mark.parametrize(
    ("folder", "suffix", "moved_to"),
    [
        ("helios_wf", ".py", "helios_wf"),
        ("helios_wf", "py.typed", "helios_wf"),
        ("backends/helios_wf_gpu", ".py", "helios_wf_gpu"),
        ("backends/helios_wf_local", ".py", "helios_wf_local"),
        ("backends/helios_wf_slurm", ".py", "helios_wf_slurm"),
        ("templates", ".cwl", "helios_wf/templates"),
        ("cwl_tools", ".cwl", "helios_wf/cwl_tools"),
    ],
)
def test_the_wheel_holds_every_file_of_a_folder(
    wheel_names: set[str], folder: str, suffix: str, moved_to: str
) -> None:
    wanted = {moved_to + name.removeprefix(folder) for name in tracked(folder, suffix)}
    assert wanted
    assert wanted <= wheel_names


def test_the_wheel_holds_nothing_else(wheel_names: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    backends = {path.name for path in (ROOT / "backends").glob("helios_wf_*")}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"helios_wf", *backends}


def test_the_sdist_can_build_the_wheel_again(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "helios_wf/py.typed"} <= names
    assert set(tracked("templates", ".cwl")) <= names


def test_the_unpacked_wheel_runs_away_from_the_checkout(built: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    program = (
        "import helios_wf, helios_wf_local, helios_wf.resources as resources\n"
        "from importlib.metadata import entry_points\n"
        "print(helios_wf.__file__); print(helios_wf_local.__file__)\n"
        "print(resources.templates()); print(resources.cwl_tools())\n"
        "print(*[point.name for point in entry_points(group='helios_wf.backends')])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *places, backends = done.stdout.splitlines()
    assert all(Path(place).is_relative_to(site) for place in places)
    assert "local" in backends.split()


def test_constraints_pin_every_direct_dependency_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    names = {re.split(r"[\[>]", requirement)[0].replace(".", "-") for requirement in wanted} - {
        project["name"]
    }
    assert names <= set(pins)
