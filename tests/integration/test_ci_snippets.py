"""What the documentation puts into the CI of a repository of templates does what it shall, in such a one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "check-in-ci.md"
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets() -> tuple[list[str], list[str]]:
    """The commands of GitHub's snippet and of GitLab's, but for the installation."""
    _, github, gitlab = (YAML(typ="safe").load(text) for text in FENCE.findall(PAGE.read_text("utf-8")))
    steps = [step["run"] for step in github["jobs"]["validate"]["steps"] if "run" in step]
    commands = (steps, gitlab["validate"]["script"])
    return tuple([line for line in lines if not line.startswith("pip")] for lines in commands)  # type: ignore[return-value]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one new template, which was changed since main."""
    for command in (
        "git init -q -b main && git config user.name Name && git config user.email name@example.org",
        "helios-wf template new filter && printf '.helios/\\n' > .gitignore",
        "git add . && git commit -q -m 'Begin' && git remote add origin . && git fetch -q origin",
        "git checkout -q -b change && sed -i 's/^label: .*/label: Another/' templates/filter/filter.cwl",
        "git commit -q -a -m 'Change'",
    ):
        done = called(command, tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


def called(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("HELIOS_")}
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_snippets_hold_what_is_wanted() -> None:
    github, gitlab = snippets()
    assert [line.split()[1] for line in github] == ["fmt", "validate", "validate"]
    assert [line.split()[1] for line in gitlab] == ["fmt", "validate"]


def test_the_commands_for_github_pass(repository: Path) -> None:
    for command in snippets()[0]:
        done = called(command.replace("${{ github.base_ref }}", "main"), repository)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert json.loads((repository / "findings.sarif").read_text())["version"] == "2.1.0"


def test_the_commands_for_gitlab_pass(repository: Path) -> None:
    for command in snippets()[1]:
        done = called(command, repository, CI_MERGE_REQUEST_DIFF_BASE_SHA="main")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (repository / "findings.xml").read_text().count("<testcase") >= 1
