"""DockerRequirement with engines that only write down what they are asked, and run the command as it is."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

ENGINES = ["docker", "podman", "singularity", "apptainer"]
PROGRAMS = ["sh", "cat", "sleep", "ls", "env"]

FAKE = """#!{python}
import json, os, pathlib, sys
name, here, words = {name!r}, pathlib.Path({folder!r}), sys.argv[1:]
with open(here / "asked", "a") as file:
    file.write(json.dumps([name, *words]) + "\\n")
def ends(text, code):
    sys.stderr.write(text + "\\n")
    sys.exit(code)
said = here / (name + ".fails")
if words[0] == "info" and name == "docker":
    if said.exists():
        ends(said.read_text(), 1)
    print(json.dumps({{"ServerVersion": "28.2", "MemoryLimit": True}}))
elif words[0] == "info":
    print(json.dumps({{"host": {{"cgroupControllers": ["memory"], "security": {{"rootless": False}}}}}}))
elif words[0] == "--version":
    print(name + " version 1.3.4" if name == "apptainer" else "singularity-ce version 3.8.0")
elif words[:2] == ["image", "inspect"]:
    images = here / "images"
    sys.exit(0 if images.exists() and words[-1] in images.read_text().split() else 1)
elif words[0] == "pull":
    if (here / "no-registry").exists():
        ends("Error: pinging container registry: dial tcp: connection refused", 125)
    with open(here / "images", "a") as file:
        file.write(words[-1] + "\\n")
    if "--name" in words:
        pathlib.Path(words[words.index("--name") + 1]).touch()
elif "run" in words[:2] or "exec" in words[:2]:
    if (here / "fails-once").exists():
        (here / "fails-once").unlink()
        ends("Error: dial tcp: i/o timeout", 125)
    start = next(i for i, word in enumerate(words) if word.endswith(("debian:12", ".sif")))
    inside = dict(zip(words, words[1:]))
    os.chdir(inside.get("--workdir") or inside["--pwd"])
    given = [words[i + 1] for i, word in enumerate(words) if word == "--env"]
    prefix = "SINGULARITYENV_"
    given += [key[len(prefix):] + "=" + value for key, value in os.environ.items() if key.startswith(prefix)]
    variables = dict(each.split("=", 1) for each in given) | {{"PATH": os.environ["PATH"], "INSIDE": name}}
    os.execvpe(words[start + 1], words[start + 1:], variables)
"""

SCRIPT = 'cat "$0"; echo in $INSIDE: $GREETING'

SCATTER = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {files: "File[]"}
steps:
  read: {run: tool.cwl, scatter: file, in: {file: files}, out: [out]}
outputs: {out: {type: "File[]", outputSource: read/out}}
"""


class Engines:
    """Folders on PATH, with no container engine but those that are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found is not None
            (folder / name).symlink_to(found)

    def add(self, *names: str) -> None:
        """Makes engines that are found from now on."""
        for name in names:
            path = self.folder / name
            path.write_text(FAKE.format(python=sys.executable, name=name, folder=str(self.folder)))
            path.chmod(0o755)

    def note(self, name: str, text: str = "") -> None:
        """Leaves a note by which the engines behave otherwise."""
        (self.folder / name).write_text(text)

    def asked(self, *verbs: str) -> list[list[str]]:
        """Returns what engines were asked to do by these words, each as the engine's name and arguments."""
        file = self.folder / "asked"
        lines = file.read_text().splitlines() if file.exists() else []
        every: list[list[str]] = [json.loads(line) for line in lines]
        return [each for each in every if set(verbs) & set(each[1:4])]


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engines:
    folder = tmp_path / "bin"
    folder.mkdir()
    engines = Engines(folder)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{Path(sys.executable).parent}")
    monkeypatch.delenv("HELIOS_CONTAINER_ENGINE", raising=False)
    return engines


def write_tool(helios: Command, field: str = "requirements", script: str = SCRIPT, **more: Any) -> Path:
    """Writes a tool that asks for the image debian:12, and a job for it."""
    asked: dict[str, Any] = {"requirements": {}, "hints": {}}
    asked["requirements"] |= {"EnvVarRequirement": {"envDef": {"GREETING": "a b,c"}}, **more}
    asked[field] |= {"DockerRequirement": {"dockerPull": "debian:12"}}
    tool = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        **asked,
        "baseCommand": ["sh", "-c"],
        "arguments": [script, "$(inputs.file.path)"],
        "inputs": {"file": "File"},
        "stdout": "out.txt",
        "outputs": {"out": "stdout"},
    }
    helios.write("in.txt", "content\n")
    helios.write("job.yml", "file: {class: File, path: in.txt}")
    return helios.write("tool.cwl", json.dumps(tool, indent=1))


def printed(helios: Command) -> str:
    """What the tool wrote to its standard output."""
    return Path(json.loads(helios.out)["out"]["path"]).read_text()


@pytest.mark.parametrize("name", ENGINES)
def test_a_tool_runs_through_every_engine(name: str, helios: Command, engines: Engines) -> None:
    engines.add(name)
    tool = write_tool(helios)
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert printed(helios) == f"content\nin {name}: a b,c\n"
    assert len(engines.asked("pull")) == 1


@pytest.mark.parametrize("name", ENGINES)
def test_an_image_is_got_once_for_all_jobs(name: str, helios: Command, engines: Engines) -> None:
    engines.add(name)
    write_tool(helios)
    workflow = helios.write("scatter.cwl", SCATTER)
    files = [{"class": "File", "path": f"{number}.txt"} for number in range(6)]
    for file in files:
        helios.write(file["path"], file["path"])
    helios.write("many.json", json.dumps({"files": files}))
    assert helios("run", workflow, "many.json", "--jobs", "2") == 0, helios.err
    assert len(engines.asked("pull")) == 1
    assert len(engines.asked("run", "exec")) == 6
    assert helios("run", workflow, "many.json") == 0, helios.err
    assert len(engines.asked("pull")) == 1


def test_the_first_engine_that_answers_is_taken(helios: Command, engines: Engines) -> None:
    engines.add(*ENGINES)
    tool = write_tool(helios)
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert "in docker" in printed(helios)
    engines.note("docker.fails", "Cannot connect to the Docker daemon")
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert "in podman" in printed(helios)
    assert helios("run", tool, "job.yml", "--container-engine", "apptainer") == 0, helios.err
    assert "in apptainer" in printed(helios)


def test_without_an_engine_a_requirement_is_refused_with_what_to_do(
    helios: Command, engines: Engines
) -> None:
    engines.add("docker")
    engines.note("docker.fails", "Cannot connect to the Docker daemon")
    tool = write_tool(helios)
    assert helios("run", tool, "job.yml") == 33
    for told in (f"{tool}:", "debian:12", "Cannot connect", "podman: not found on PATH", "--no-container"):
        assert told in helios.err
    assert not engines.asked("run")
    assert helios("runs") == 0
    assert helios.out.startswith("no runs")
    assert helios("plan", tool, "job.yml") == 0
    assert "unsupported" in helios.out
    assert "install one" in helios.out
    assert helios("run", tool, "job.yml", "--no-container") == 0, helios.err
    assert printed(helios) == "content\nin : a b,c\n"


def test_without_an_engine_a_hint_is_passed_over(helios: Command, engines: Engines) -> None:
    tool = write_tool(helios, "hints")
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert "in :" in printed(helios)
    assert helios("plan", tool, "job.yml") == 0
    assert "container: none, though it hints at image debian:12" in helios.out
    assert "podman: not found on PATH" in helios.out


def test_an_engine_that_is_asked_for_by_name_must_be_there(
    helios: Command, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = write_tool(helios, "hints")
    monkeypatch.setenv("HELIOS_CONTAINER_ENGINE", "podman")
    assert helios("run", tool, "job.yml") == 33
    assert "podman: not found on PATH" in helios.err
    assert "apptainer" not in helios.err
    assert helios("run", tool, "job.yml", "--no-container", "--container-engine", "docker") == 2


def test_the_plan_names_engine_and_image(helios: Command, engines: Engines) -> None:
    engines.add("podman")
    tool = write_tool(helios)
    assert helios("plan", tool, "job.yml") == 0
    assert "container: podman, image debian:12" in helios.out
    assert not engines.asked("pull")


def test_an_image_that_cannot_be_had_ends_what_requires_it_before_it_begins(
    helios: Command, engines: Engines
) -> None:
    engines.add("podman")
    engines.note("no-registry")
    tool = write_tool(helios)
    assert helios("run", tool, "job.yml") == 1
    for told in (f"{tool}:", "'debian:12' cannot be had", "connection refused", "try again later"):
        assert told in helios.err
    assert not engines.asked("run")


def test_a_hint_whose_image_cannot_be_had_is_passed_over_with_a_warning(
    helios: Command, engines: Engines
) -> None:
    engines.add("podman")
    engines.note("no-registry")
    tool = write_tool(helios, "hints")
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert "in :" in printed(helios)
    assert "warning: " in helios.err
    assert "'debian:12' cannot be had" in helios.err
    assert helios("run", tool, "job.yml", "--container-engine", "podman") == 1


def test_an_engine_that_fails_for_a_moment_costs_the_job_no_try(helios: Command, engines: Engines) -> None:
    engines.add("podman")
    engines.note("fails-once")
    tool = write_tool(helios)
    assert helios("run", tool, "job.yml") == 0, helios.err
    assert len(engines.asked("run")) == 2


def test_a_time_limit_ends_the_container_and_not_only_its_client(helios: Command, engines: Engines) -> None:
    engines.add("podman")
    tool = write_tool(helios, script="sleep 600", ToolTimeLimit={"timelimit": 1})
    assert helios("run", tool, "job.yml") == 1
    assert "time limit of 1 s" in helios.err
    (started,) = engines.asked("run")
    name = started[started.index("--name") + 1]
    assert ["podman", "rm", "--force", name] in engines.asked("rm")


def test_a_resumed_run_keeps_its_engine(helios: Command, engines: Engines) -> None:
    engines.add("podman")
    tool = write_tool(helios, script=f"cat {helios.folder}/may-end && echo $INSIDE")
    assert helios("run", tool, "job.yml") == 1
    engines.add("docker")
    helios.write("may-end", "")
    assert helios("resume") == 0, helios.err
    assert printed(helios) == "podman\n"
