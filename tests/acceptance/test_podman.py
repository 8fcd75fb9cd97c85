"""Containers for real: podman, with an image made of a few programs of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.driving import Desk, finish, wait_until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

PROGRAMS = ["sh", "cat", "sleep", "ls", "env", "id", "ln", "mkdir", "head"]

SETTINGS = [
    "",
    # for machines that are containers themselves: limits stay as they are, and runc knows all control groups
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\n',
]
"""Contents of a containers.conf under which podman may work here: as it is, or held back."""


def podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=120, check=False)


def make_archive(folder: Path) -> Path:
    """Packs programs of this machine, with the libraries that they need, as the tree of an image."""
    tree = folder / "tree"
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        linked = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
        target = tree / "bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, target)
        for library in re.findall(r"(/\S+) \(", linked):
            beside = tree / library.lstrip("/")
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, beside)
    for name in ("tmp", "proc", "dev", "sys", "etc"):
        (tree / name).mkdir()
    (tree / "etc" / "inside").write_text("the image\n")
    archive = folder / "tree.tar"
    with tarfile.open(archive, "w") as file:
        file.add(tree, arcname=".")
    return archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of an image."""
    return make_archive(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def image(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image that podman can run here."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed (Debian and Ubuntu: apt install podman)")
    name = f"localhost/helios-test-{uuid.uuid4().hex[:8]}"
    settings = tmp_path_factory.mktemp("podman") / "containers.conf"
    with pytest.MonkeyPatch.context() as patch:
        made = podman("import", str(archive), name)
        why = made.stderr
        for text in SETTINGS if made.returncode == 0 else ():
            if text:
                settings.write_text(text)
                patch.setenv("CONTAINERS_CONF", str(settings))
            tried = podman("run", "--rm", "--network", "none", name, "cat", "/etc/inside")
            if tried.stdout == "the image\n":
                yield name
                podman("rmi", "--force", name)
                return
            why = tried.stderr
    pytest.skip(f"podman does not run containers here: {why.strip()[-300:]}")


def tool(image: str, script: str, **more: Any) -> dict[str, Any]:
    """A tool that requires the image; ``more`` are other requirements."""
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "requirements": {"DockerRequirement": {"dockerPull": image}, **more},
        "baseCommand": ["sh", "-c", script],
        "inputs": {},
        "stdout": "out.txt",
        "outputs": {"out": "stdout", "files": {"type": "File[]", "outputBinding": {"glob": "made*"}}},
    }


def run(helios: Command, document: dict[str, Any], job: dict[str, Any] | None = None) -> dict[str, Any]:
    """Runs a document, and returns its outputs."""
    path = helios.write("document.cwl", json.dumps(document))
    helios.write("job.json", json.dumps(job or {}))
    outputs: dict[str, Any] = helios.json("run", path, "job.json", "--container-engine", "podman")
    return outputs


def read(file: dict[str, Any]) -> str:
    return Path(file["path"]).read_text()


def test_a_tool_sees_its_image_and_its_files_are_the_callers(image: str, helios: Command) -> None:
    outputs = run(helios, tool(image, "cat /etc/inside; id -u; echo kept > made.txt; echo $HOME $TMPDIR"))
    inside, user, folders = read(outputs["out"]).splitlines()
    assert (inside, user) == ("the image", str(os.getuid()))
    home, temporary = folders.split(" ")
    assert home.endswith("/out")
    assert temporary.startswith("/")
    (made,) = outputs["files"]
    assert read(made) == "kept\n"
    assert Path(made["path"]).stat().st_uid == os.getuid()


def test_inputs_of_every_kind_are_seen_and_cannot_be_written(image: str, helios: Command) -> None:
    helios.write("folder, of/deep/a b:c.txt", "in the folder\n")
    helios.write("main.txt", "main\n")
    helios.write("main.txt.idx", "index\n")
    helios.write("other.txt", "other\n")
    document = tool(
        image,
        'cat "$0" "$0.idx" "$1/deep/a b:c.txt" renamed.txt copied.txt; echo more >> copied.txt; '
        'cat copied.txt; echo x >> "$0" || echo refused; cat; ln -s "$1/deep/a b:c.txt" made.link',
        InitialWorkDirRequirement={
            "listing": [
                {"entryname": "renamed.txt", "entry": "$(inputs.other)"},
                {"entryname": "copied.txt", "entry": "$(inputs.other)", "writable": True},
            ]
        },
    )
    document |= {
        "inputs": {
            "file": {"type": "File", "secondaryFiles": [".idx"]},
            "folder": "Directory",
            "other": "File",
        },
        "arguments": ["$(inputs.file.path)", "$(inputs.folder.path)"],
        "stdin": "$(inputs.file.path)",
    }
    job = {
        "file": {"class": "File", "path": "main.txt"},
        "folder": {"class": "Directory", "path": "folder, of"},
        "other": {"class": "File", "path": "other.txt"},
    }
    outputs = run(helios, document, job)
    lines = read(outputs["out"]).splitlines()
    assert lines[:3] == ["main", "index", "in the folder"]
    assert lines[3:] == ["other", "other", "other", "more", "refused", "main"]
    (link,) = outputs["files"]
    assert read(link) == "in the folder\n"
    assert (helios.folder / "main.txt").read_text() == "main\n"


def test_the_tool_sees_its_working_directory_where_it_asks_for(image: str, helios: Command) -> None:
    document = tool(image, "ls /the/place; echo $HOME; ln -s /the/place/conf made.link; cat /etc/tool/conf")
    document["requirements"]["DockerRequirement"]["dockerOutputDirectory"] = "/the/place"
    document["requirements"]["InitialWorkDirRequirement"] = {
        "listing": [
            {"entryname": "conf", "entry": "$(runtime.outdir)\n"},
            {"entryname": "/etc/tool/conf", "entry": "absolute\n"},
        ]
    }
    document["outputs"]["place"] = {"type": "File", "outputBinding": {"glob": "$(runtime.outdir)/conf"}}
    outputs = run(helios, document)
    assert read(outputs["out"]).splitlines()[-2:] == ["/the/place", "absolute"]
    assert read(outputs["place"]) == read(outputs["files"][0]) == "/the/place\n"


def test_the_network_is_there_only_when_it_is_asked_for(image: str, helios: Command) -> None:
    outputs = run(helios, tool(image, "cat /proc/net/dev"))
    assert {line.split(":")[0].strip() for line in read(outputs["out"]).splitlines()[2:]} == {"lo"}
    document = tool(image, "true", NetworkAccess={"networkAccess": True})
    path = helios.write("document.cwl", json.dumps(document))
    assert helios("run", path, "--container-engine", "podman") in (0, 1)


def test_exit_codes_of_the_tool_and_of_podman_are_told_apart(image: str, helios: Command) -> None:
    for script, told in (("exit 125", "it exited with 125"), ("no-such-program", "it exited with 127")):
        path = helios.write("document.cwl", json.dumps(tool(image, script)))
        assert helios("run", path) == 1
        assert told in helios.err
    document = tool(image, "") | {"baseCommand": ["no-such-program"]}
    assert helios("run", helios.write("document.cwl", json.dumps(document))) == 1
    assert "the command could not be started in image" in helios.err


def test_the_tree_of_an_image_is_imported_where_it_is_missing(
    image: str, archive: Path, helios: Command
) -> None:
    name = f"localhost/helios-test-{uuid.uuid4().hex[:8]}"
    document = tool(name, "cat /etc/inside")
    document["requirements"]["DockerRequirement"] = {"dockerImport": str(archive), "dockerImageId": name}
    try:
        assert read(run(helios, document)["out"]) == "the image\n"
        assert podman("image", "exists", name).returncode == 0
    finally:
        podman("rmi", "--force", name)


RESIDENT = """
echo '{"type":"ready"}'; echo '{"type":"get"}'
while read -r line; do
    case $line in
        *ranges*)
            range=${line#*'"range":"'}; range=${range%%'"'*}
            outdir=${line#*'"outdir":"'}; outdir=${outdir%%'"'*}
            echo "$range $$ $(cat /etc/inside)" > "$outdir/out.txt"
            echo '{"type":"done","range":"'"$range"'"}'; echo '{"type":"get"}' ;;
        *no_more*) echo '{"type":"bye"}'; exit ;;
    esac
done
"""


def test_a_resident_tool_stays_in_its_container_for_all_ranges(image: str, helios: Command) -> None:
    resident = {
        "class": "CommandLineTool",
        "helios:events": {"resident": "stream"},
        "requirements": {"DockerRequirement": {"dockerPull": image}},
        "baseCommand": ["sh", "-c", RESIDENT],
        "inputs": {
            "events": "File",
            "stream": "boolean?",
            "first_event": "long?",
            "n_events": "long?",
        },
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
    }
    document = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "$namespaces": {"helios": "https://w3id.org/helios-wf#"},
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"events": "File[]"},
        "steps": {
            "work": {
                "run": resident,
                "scatter": "events",
                "in": {"events": "events"},
                "out": ["out"],
                "helios:split": {"input": "events", "jobsPerFile": 1, "eventsPerRange": 2},
            },
            "join": {
                "run": {
                    "class": "CommandLineTool",
                    "baseCommand": "cat",
                    "inputs": {"parts": {"type": "File[]", "inputBinding": {"position": 1}}},
                    "stdout": "joined.txt",
                    "outputs": {"joined": "stdout"},
                },
                "in": {"parts": "work/out"},
                "out": ["joined"],
                "helios:merge": {"input": "parts"},
            },
        },
        "outputs": {"joined": {"type": "File", "outputSource": "join/joined"}},
    }
    events = helios.write("events.txt", "an event\n" * 10)
    outputs = run(helios, document, {"events": [{"class": "File", "path": str(events)}]})
    lines = [line.split(maxsplit=2) for line in read(outputs["joined"]).splitlines()]
    assert [name for name, _, _ in lines] == [f"{first}-{first + 2}.1" for first in range(0, 10, 2)]
    assert {(process, inside) for _, process, inside in lines} == {(lines[0][1], "the image")}


def test_what_cwltool_runs_is_in_the_container_too(image: str, helios: Command) -> None:
    inplace = {"InplaceUpdateRequirement": {"inplaceUpdate": True}}
    document = tool(image, "cat /etc/inside; echo made > made.txt", **inplace)
    outputs = run(helios, document)
    assert read(outputs["out"]) == "the image\n"
    assert helios("plan", helios.folder / "document.cwl") == 0
    assert "reference" in helios.out


def containers_of(run_id: str) -> list[str]:
    """The containers of a run that are left, running or not."""
    listed = podman("ps", "--all", "--filter", f"label=helios.run={run_id}", "--format", "{{.Names}}")
    return listed.stdout.split()


@pytest.fixture
def desk(image: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk")
    document = tool(image, "if test -e $0/may-end; then echo done; else sleep 600; fi")
    document |= {"inputs": {"folder": "Directory"}, "arguments": ["$(inputs.folder.path)"]}
    (desk.folder / "flags").mkdir()
    (desk.folder / "long.cwl").write_text(json.dumps(document))
    (desk.folder / "job.json").write_text(json.dumps({"folder": {"class": "Directory", "path": "flags"}}))
    yield desk
    desk.close()


def begin(desk: Desk) -> tuple[subprocess.Popen[str], str]:
    """Starts a run, and waits until its container is there."""
    process = desk.start("run", "long.cwl", "job.json", "--container-engine", "podman")

    def has_container() -> bool:
        return process.poll() is not None or (
            desk.latest() is not None and bool(containers_of(desk.run().id))
        )

    wait_until(has_container, "there was no container", 0.1)
    desk.wait_for_tools(process)
    return process, desk.run().id


def test_cancelling_a_run_ends_its_container(desk: Desk) -> None:
    process, run_id = begin(desk)
    desk.call("cancel", run_id)
    finish(process, 1)
    assert containers_of(run_id) == []


def test_a_resumed_run_leaves_no_container_of_killed_processes(desk: Desk) -> None:
    process, run_id = begin(desk)
    for pid in (process.pid, *desk.leftovers()):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
    process.communicate()
    (desk.folder / "flags" / "may-end").touch()
    desk.call("resume", run_id)
    assert containers_of(run_id) == []
    out = desk.folder / "out.txt"
    assert out.read_text() == "done\n"


def test_a_job_in_a_container_has_its_log_and_is_run_again_in_one(image: str, helios: Command) -> None:
    helios.write("document.cwl", json.dumps(tool(image, "cat /etc/inside >&2; exit 5")))
    assert helios("run", "-q", "document.cwl", "--container-engine", "podman") == 1
    name = helios.json("explain", "--format", "json")["reasons"][0]["job"]
    assert helios("logs", name, "--stream", "stderr") == 0
    assert helios.out == "the image\n"
    assert helios("rerun", name) == 5
    assert "command: podman run" in helios.err
    assert "the image\n" in helios.err
