"""Which container engine this machine has, and what it can do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from helios_wf.model import Noun

Name: TypeAlias = Literal["docker", "podman", "singularity", "apptainer"]
ENGINES: tuple[Name, ...] = get_args(Name)
"""The engines that are known, in the order of preference."""

Trait: TypeAlias = Literal["memory", "rootless", "no-eval"]
"""What not every engine of a name can do.

``memory``: it limits memory; ``rootless``: it runs as a plain user, who is root inside; ``no-eval``: it can
be told to leave the words of a command line as they are.
"""

ANSWER_S = 20.0
"""An engine that takes longer to say who it is counts as absent."""

_NO_EVAL = {"apptainer": (1, 1), "singularity": (3, 10)}
"""Versions from which on ``--no-eval`` is known; Apptainer counts anew from 1.0."""


class Engine(Noun, frozen=True):
    """A container engine that answers; ``executable`` is its command, found on PATH."""

    name: Name
    executable: str
    traits: tuple[Trait, ...] = ()

    @property
    def is_oci(self) -> bool:
        """Whether it keeps its images itself, as docker does, and not as files."""
        return self.name in ("docker", "podman")


class Search(NamedTuple):
    """What came of looking for an engine: the engine, or for each that was looked for why it is none."""

    engine: Engine | None
    missing: dict[str, str]

    @property
    def reasons(self) -> str:
        """What was looked for, and why none of it serves."""
        return "; ".join(f"{name}: {reason}" for name, reason in self.missing.items())


class _AbsentError(Exception):
    """An engine is not there or does not answer; the message says why."""


def find(wanted: str | None = None) -> Search:
    """Returns the first engine that answers, or the one of that name."""
    missing: dict[str, str] = {}
    for name in ENGINES if wanted is None else (wanted,):
        try:
            return Search(_probe(name), missing)
        except _AbsentError as absent:
            missing[name] = str(absent)
    return Search(None, missing)


def _probe(name: str) -> Engine:
    if shutil.which(name) is None:
        raise _AbsentError("not found on PATH")
    if name == "docker":
        return _docker(_info(name, "{{json .}}"))
    if name == "podman":
        return _podman(name, _info(name, "json"))
    return _singularity(name, _ask([name, "--version"]))


def _info(name: str, form: str) -> dict[str, Any]:
    try:
        found = json.loads(_ask([name, "info", "--format", form]))
    except ValueError:
        raise _AbsentError(f"{name} info gave no JSON") from None
    return found if isinstance(found, dict) else {}


def _docker(info: dict[str, Any]) -> Engine:
    if "host" in info:
        # podman under the name of docker
        return _podman("docker", info)
    if not info.get("ServerVersion"):
        raise _AbsentError(
            f"its daemon does not answer: {' '.join(info.get('ServerErrors') or ['no server'])}"
        )
    traits: list[Trait] = ["memory"] if info.get("MemoryLimit") else []
    if any("rootless" in option for option in info.get("SecurityOptions") or ()):
        traits.append("rootless")
    return Engine("docker", "docker", tuple(traits))


def _podman(executable: str, info: dict[str, Any]) -> Engine:
    host = info.get("host") or {}
    traits: list[Trait] = ["memory"] if "memory" in (host.get("cgroupControllers") or ()) else []
    if (host.get("security") or {}).get("rootless"):
        traits.append("rootless")
    return Engine("podman", executable, tuple(traits))


def _singularity(executable: str, said: str) -> Engine:
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None:
        raise _AbsentError(f"{executable} --version said {said.strip()!r}")
    # an apptainer may stand under the older name, and never the other way round
    family: Name = "apptainer" if "apptainer" in said.lower() else "singularity"
    version = (int(found[1]), int(found[2]))
    return Engine(family, executable, ("no-eval",) if version >= _NO_EVAL[family] else ())


def _ask(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _AbsentError(f"it does not answer within {ANSWER_S:g} s") from None
    except OSError as error:
        raise _AbsentError(f"it cannot be started: {error.strerror}") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it exited with {done.returncode}"]
        raise _AbsentError(last[0])
    return done.stdout
