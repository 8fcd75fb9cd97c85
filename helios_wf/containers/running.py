"""How each engine runs a command in a container: argument lists, made without any engine.

The container sees every file at the path that it has outside; only the working directory may have another.

Sources: docker-run(1), podman-run(1), the user guides of SingularityCE and Apptainer (bind paths and mounts,
environment and metadata).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from helios_wf.containers.engines import Engine
from helios_wf.model import Noun


class Container(Noun, frozen=True):
    """Which engine runs which image; ``image`` is a name that the engine knows, or the path of a file."""

    engine: Engine
    image: str
    workdir: str | None = None
    """Where the tool sees its working directory; None: where it is outside."""
    is_required: bool = False
    """Whether the tool cannot be run without it."""


class Mount(NamedTuple):
    """A file or directory of the host as the container sees it; ``target`` is absolute."""

    source: str
    target: str
    writable: bool = False


class Sandbox(NamedTuple):
    """What one container is given and allowed."""

    name: str
    labels: Mapping[str, str]
    mounts: Sequence[Mount]
    workdir: str
    environment: Mapping[str, str]
    user: tuple[int, int]
    network: bool = False
    memory_mb: int | None = None
    gpus: int = 0


class Command(NamedTuple):
    """What is started, and what its environment has besides the caller's."""

    argv: list[str]
    environment: dict[str, str]


def run_command(container: Container, sandbox: Sandbox, words: Sequence[str]) -> Command:
    """Returns how to run a command line in a new container that is gone when it ends."""
    if container.engine.is_oci:
        return _oci(container, sandbox, words)
    return _singularity(container, sandbox, words)


def _oci(container: Container, sandbox: Sandbox, words: Sequence[str]) -> Command:
    engine = container.engine
    argv = [engine.executable, "run", "--rm", "--name", sandbox.name]
    for name, value in sandbox.labels.items():
        argv += ["--label", f"{name}={value}"]
    # the streams are ours, so no copy of them is kept; at its end nothing is waited for
    argv += ["--log-driver", "none", "--stop-timeout", "0", "--security-opt", "label=disable"]
    argv += _user(engine, sandbox.user)
    for mount in sorted(sandbox.mounts, key=lambda each: each.target):
        fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
        argv += ["--mount", _comma_separated(fields if mount.writable else [*fields, "readonly"])]
    argv += ["--workdir", sandbox.workdir]
    for name, value in sandbox.environment.items():
        argv += ["--env", f"{name}={value}"]
    if not sandbox.network:
        argv += ["--network", "none"]
    if sandbox.memory_mb is not None and "memory" in engine.traits:
        argv += ["--memory", f"{sandbox.memory_mb}m"]
    if sandbox.gpus:
        # which of them the tool may use, its environment says
        argv += ["--gpus", "all"] if engine.name == "docker" else ["--device", "nvidia.com/gpu=all"]
    return Command([*argv, "--interactive", container.image, *words], {})


def _user(engine: Engine, user: tuple[int, int]) -> list[str]:
    """Returns the options by which files that the tool writes belong to the caller."""
    uid, gid = user
    if "rootless" not in engine.traits:
        return ["--user", f"{uid}:{gid}"]
    if engine.name == "docker":
        return ["--user", "0:0"]
    return ["--userns", "keep-id", "--user", f"{uid}:{gid}"]


def _singularity(container: Container, sandbox: Sandbox, words: Sequence[str]) -> Command:
    engine = container.engine
    argv = [engine.executable, "--quiet"]
    # before it could be told not to, "run" gave the words to a shell once more
    argv += ["run", "--no-eval"] if "no-eval" in engine.traits else ["exec"]
    argv += ["--contain", "--cleanenv", "--ipc", "--pid"]
    home = sandbox.environment.get("HOME")
    for mount in sorted(sandbox.mounts, key=lambda each: each.target):
        if mount.writable and mount.target == home:
            # HOME cannot be given as a variable
            argv += ["--home", f"{mount.source}:{mount.target}"]
        else:
            argv += _bind(mount)
    argv += ["--pwd", sandbox.workdir]
    if not sandbox.network:
        argv += ["--net", "--network", "none"]
    if sandbox.gpus:
        argv.append("--nv")
    prefixes = ("SINGULARITYENV_", "APPTAINERENV_")[: 2 if engine.name == "apptainer" else 1]
    inside = {name: value for name, value in sandbox.environment.items() if name != "HOME"}
    environment = {f"{prefix}{name}": value for prefix in prefixes for name, value in inside.items()}
    return Command([*argv, container.image, *words], environment)


def _bind(mount: Mount) -> list[str]:
    if re.search(r'[:,"\\]', mount.source + mount.target):
        fields = ["type=bind", f"source={mount.source}", f"destination={mount.target}"]
        return ["--mount", _comma_separated(fields if mount.writable else [*fields, "ro"])]
    return ["--bind", f"{mount.source}:{mount.target}:{'rw' if mount.writable else 'ro'}"]


def _comma_separated(fields: Sequence[str]) -> str:
    """Returns fields as the engines read them: as one record of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()
