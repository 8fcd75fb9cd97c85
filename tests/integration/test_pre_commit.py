"""The hooks that this repository offers, called by pre-commit in a repository of templates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helios_wf.curating.skeleton import write

HOOKS = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"
BESIDE = Path(sys.executable).parent
PRE_COMMIT = shutil.which("pre-commit", path=f"{BESIDE}{os.pathsep}{os.environ['PATH']}")

CONFIG = """\
repos:
  - repo: {offered}
    rev: v1
    hooks:
      - {{id: helios-wf-fmt, language: system}}
      - {{id: helios-wf-validate, language: system, args: [--strict, templates]}}
"""

pytestmark = pytest.mark.skipif(
    PRE_COMMIT is None, reason="pre-commit is not installed; pip install pre-commit"
)


class Repository:
    """A repository of templates with pre-commit in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        self._environment = {
            **environment,
            "PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(home),
            **{
                f"GIT_{who}_{what}": "curator@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def call(self, *argv: str, code: int = 0) -> str:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    offered = Repository(tmp_path / "offered", tmp_path / "home")
    offered.folder.mkdir()
    shutil.copy(HOOKS, offered.folder)
    offered.call("git", "init", "-q")
    offered.call("git", "add", ".")
    offered.call("git", "commit", "-q", "-m", "hooks")
    offered.call("git", "tag", "v1")
    own = Repository(tmp_path / "own", tmp_path / "home")
    own.folder.mkdir()
    write("lines", own.folder / "templates")
    (own.folder / ".pre-commit-config.yaml").write_text(CONFIG.format(offered=offered.folder))
    (own.folder / ".gitignore").write_text(".helios/\n")
    own.call("git", "init", "-q")
    assert PRE_COMMIT is not None
    own.call(PRE_COMMIT, "install")
    own.call("git", "add", ".")
    return own


def test_what_is_right_is_committed(repository: Repository) -> None:
    said = repository.call("git", "commit", "-m", "first")
    assert said.count("Passed") == 2, said


def test_a_commit_of_a_wrong_document_is_stopped_with_the_finding(repository: Repository) -> None:
    document = repository.folder / "templates" / "lines" / "lines.cwl"
    document.write_text(document.read_text().replace("helios:dataset", "helios:datset"))
    repository.call("git", "add", ".")
    said = repository.call("git", "commit", "-m", "first", code=1)
    assert "templates/lines/lines.cwl:32:5: error HW001: unknown field 'helios:datset'" in said


def test_a_document_out_of_layout_is_brought_into_it_and_the_commit_stopped(repository: Repository) -> None:
    document = repository.folder / "templates" / "lines" / "join.cwl"
    right = document.read_text()
    document.write_text(right.replace("inputs:\n", "inputs:\n\n\n"))
    repository.call("git", "add", ".")
    said = repository.call("git", "commit", "-m", "first", code=1)
    assert "files were modified by this hook" in said
    assert document.read_text() == right.replace("inputs:\n", "inputs:\n\n")
