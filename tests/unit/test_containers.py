from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from helios_wf import config, containers
from helios_wf.containers import Container, Engine, Mount, Sandbox, failure_of, name_of, run_command
from helios_wf.containers.images import qualified
from helios_wf.cwl.contained import MOUNTS, gathered
from helios_wf.cwl.docker import contained
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import program_of
from helios_wf.errors import JobError
from helios_wf.model import Resources
from helios_wf.states import Cause

DOCKER = Engine("docker", "docker", ("memory",))
PODMAN = Engine("podman", "podman", ("memory",))
SINGULARITY = Engine("singularity", "singularity")
APPTAINER = Engine("apptainer", "apptainer", ("no-eval",))
ALL = [DOCKER, PODMAN, SINGULARITY, APPTAINER]

SANDBOX = Sandbox(
    name="helios-r-1-0.2",
    labels={"helios.run": "r"},
    mounts=[Mount("/w/out", "/w/out", writable=True), Mount("/data/a.root", "/data/a.root")],
    workdir="/w/out",
    environment={"HOME": "/w/out", "X": "a b,c"},
    user=(1000, 100),
    memory_mb=512,
)


def words(engine: Engine, sandbox: Sandbox = SANDBOX) -> list[str]:
    return run_command(Container(engine, "debian:12"), sandbox, ["tool", "--flag"]).argv


def after(argv: list[str], option: str) -> list[str]:
    """What stands behind every use of an option."""
    return [value for name, value in itertools.pairwise(argv) if name == option]


def test_the_setting_offers_the_engines_that_there_are() -> None:
    assert (*containers.ENGINES, config.NO_ENGINE) == config.ENGINES


@pytest.mark.parametrize("engine", ALL, ids=lambda engine: engine.name)
def test_the_image_stands_before_the_words_of_the_tool(engine: Engine) -> None:
    argv = words(engine)
    assert argv[0] == engine.executable
    assert argv[-3:] == ["debian:12", "tool", "--flag"]


@pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=lambda engine: engine.name)
def test_docker_and_podman_mount_inputs_read_only_and_remove_the_container(engine: Engine) -> None:
    argv = words(engine)
    assert "--rm" in argv
    assert after(argv, "--mount") == [
        "type=bind,source=/data/a.root,target=/data/a.root,readonly",
        "type=bind,source=/w/out,target=/w/out",
    ]
    assert after(argv, "--name") == ["helios-r-1-0.2"]
    assert after(argv, "--label") == ["helios.run=r"]
    assert after(argv, "--env") == ["HOME=/w/out", "X=a b,c"]
    assert after(argv, "--workdir") == ["/w/out"]
    assert after(argv, "--user") == ["1000:100"]
    assert after(argv, "--memory") == ["512m"]


@pytest.mark.parametrize("engine", [SINGULARITY, APPTAINER], ids=lambda engine: engine.name)
def test_singularity_and_apptainer_give_the_environment_beside_the_command_line(engine: Engine) -> None:
    command = run_command(Container(engine, "/i/debian.sif"), SANDBOX, ["tool"])
    assert after(command.argv, "--bind") == ["/data/a.root:/data/a.root:ro"]
    assert after(command.argv, "--home") == ["/w/out:/w/out"]
    assert after(command.argv, "--pwd") == ["/w/out"]
    assert {"--contain", "--cleanenv", "--pid"} <= set(command.argv)
    assert command.environment["SINGULARITYENV_X"] == "a b,c"
    assert ("APPTAINERENV_X" in command.environment) == (engine is APPTAINER)
    assert not any(name.endswith("ENV_HOME") for name in command.environment)


def test_words_are_never_given_to_a_shell_once_more() -> None:
    assert words(SINGULARITY)[2] == "exec"
    assert words(APPTAINER)[2:4] == ["run", "--no-eval"]


@pytest.mark.parametrize("engine", ALL, ids=lambda engine: engine.name)
def test_a_container_has_a_network_only_where_the_tool_may(engine: Engine) -> None:
    assert after(words(engine), "--network") == ["none"]
    assert "--network" not in words(engine, SANDBOX._replace(network=True))


def test_memory_is_limited_only_by_engines_that_can() -> None:
    assert "--memory" not in words(Engine("podman", "podman", ("rootless",)))
    assert "--memory" not in words(DOCKER, SANDBOX._replace(memory_mb=None))


def test_standard_input_is_passed_on() -> None:
    assert "--interactive" in words(DOCKER)


@pytest.mark.parametrize(
    ("engine", "user"),
    [
        (Engine("docker", "docker", ("rootless",)), ["--user", "0:0"]),
        (Engine("podman", "podman", ("rootless",)), ["--userns", "keep-id", "--user", "1000:100"]),
    ],
    ids=["docker", "podman"],
)
def test_files_belong_to_the_caller_also_without_root(engine: Engine, user: list[str]) -> None:
    argv = words(engine)
    assert argv[argv.index(user[0]) :][: len(user)] == user


def test_devices_are_given_as_each_engine_is_asked_for_them() -> None:
    asked = SANDBOX._replace(gpus=2)
    assert after(words(DOCKER, asked), "--gpus") == ["all"]
    assert after(words(PODMAN, asked), "--device") == ["nvidia.com/gpu=all"]
    assert "--nv" in words(APPTAINER, asked)


@pytest.mark.parametrize("path", ["/data/a,b", '/data/"a"', "/data/a:b"])
def test_paths_with_commas_quotes_and_colons_reach_the_engine_whole(path: str) -> None:
    odd = SANDBOX._replace(mounts=[Mount(path, path)])
    quoted = f'"source={path}"'.replace('"a"', '""a""') if ":" not in path else f"source={path}"
    assert quoted in after(words(DOCKER, odd), "--mount")[0]
    assert quoted in after(words(APPTAINER, odd), "--mount")[0]
    assert not after(words(APPTAINER, odd), "--bind")


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("debian", "docker.io/library/debian"),
        ("debian:12", "docker.io/library/debian:12"),
        ("biocontainers/samtools:1", "docker.io/biocontainers/samtools:1"),
        ("quay.io/a/b", "quay.io/a/b"),
        ("localhost/a", "localhost/a"),
        ("host:5000/a", "host:5000/a"),
    ],
)
def test_names_without_a_registry_mean_docker_hub(name: str, whole: str) -> None:
    assert qualified(name) == whole


def test_a_container_is_called_after_its_attempt() -> None:
    assert name_of("20261120-1/3/0/7.2") == "helios-20261120-1-3-0-7.2"


MISSING = 'Error: runc create failed: exec: "x": executable file not found in $PATH'
PULL = "Error: initializing source docker://x: pinging container registry x: dial tcp: connection refused"


@pytest.mark.parametrize(
    ("engine", "code", "stderr", "is_passing"),
    [
        (PODMAN, 127, MISSING, False),
        (PODMAN, 125, PULL, True),
        (PODMAN, 125, "Error: x: image not known", False),
        (DOCKER, 125, "docker: Cannot connect to the Docker daemon at unix:///x.", True),
        (DOCKER, 125, "docker: Error response from daemon: No such image: x.", False),
        (DOCKER, 126, "docker: Error response from daemon: exec /x: permission denied", False),
        (APPTAINER, 255, 'FATAL:   "x": executable file not found in $PATH', False),
        (SINGULARITY, 255, "FATAL:   could not open image /x.sif: no such file", False),
    ],
)
def test_what_the_engine_could_not_do_is_told_from_what_the_tool_did(
    engine: Engine, code: int, stderr: str, is_passing: bool
) -> None:
    container = Container(engine, "debian:12")
    failure = failure_of(container, code, f"some words\n{stderr}\n")
    assert failure is not None
    assert failure.is_passing == is_passing
    assert "debian:12" in failure.message
    assert stderr.split(":")[-1].strip() in failure.message


@pytest.mark.parametrize("engine", ALL, ids=lambda engine: engine.name)
@pytest.mark.parametrize(
    ("code", "stderr"), [(127, "sh: x: not found"), (125, ""), (1, "Error: bad"), (255, "oh")]
)
def test_a_tool_may_end_with_the_codes_of_an_engine(engine: Engine, code: int, stderr: str) -> None:
    assert failure_of(Container(engine, "i"), code, stderr) is None


def test_what_lies_below_a_mounted_folder_is_not_mounted_again() -> None:
    assert gathered(["/data/dir/a", "/data/dir", "/data/dir-2/b"]) == ["/data/dir", "/data/dir-2/b"]


def test_of_many_files_the_folders_are_mounted(tmp_path: Path) -> None:
    many = [f"{tmp_path}/{number % 3}/{number}.root" for number in range(MOUNTS * 2)]
    assert gathered(many) == [f"{tmp_path}/{number}" for number in range(3)]
    assert gathered(many[:MOUNTS]) == sorted(many[:MOUNTS], key=lambda path: path.split("/"))


def test_of_many_links_the_files_are_there_too(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    for number in range(MOUNTS + 1):
        (tmp_path / "links" / str(number)).symlink_to(f"/data/store/{number}")
    found = gathered(f"{tmp_path}/links/{number}" for number in range(MOUNTS + 1))
    assert found == ["/data/store", f"{tmp_path}/links"]


def test_no_folder_of_the_image_is_hidden() -> None:
    with pytest.raises(JobError, match="would hide its folder '/usr'") as caught:
        gathered(["/usr"])
    assert caught.value.cause is Cause.BAD_INPUT
    with pytest.raises(JobError, match="would hide"):
        gathered(f"/usr/{number}/{number}/x" for number in range(MOUNTS + 1))


def test_a_resident_tool_reads_and_writes_the_folders_of_its_ranges(tmp_path: Path) -> None:
    body = {"class": "CommandLineTool", "cwlVersion": "v1.2", "baseCommand": "x", "inputs": [], "outputs": []}
    ranges = f"{tmp_path}/ranges"
    folders = Folders(f"{tmp_path}/tool/1", handle="r/0/1.1", beside=(ranges,))
    program = program_of(contained(body, Container(PODMAN, "debian:12")))
    argv = program.prepare({}, Resources(), folders).argv
    assert f"type=bind,source={ranges},target={ranges}" in after(argv, "--mount")
    assert Path(ranges).is_dir()
    assert after(argv, "--name") == ["helios-r-0-1.1"]
