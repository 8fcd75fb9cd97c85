"""Ending containers, which live on when the process that started them is killed."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Collection

from helios_wf.containers.engines import ANSWER_S, Engine

RUN_LABEL = "helios.run"
JOB_LABEL = "helios.job"
"""Labels of every container: the run's id, and the attempt's handle."""


def name_of(handle: str) -> str:
    """Returns what the container of an attempt is called."""
    return "helios-" + re.sub(r"[^A-Za-z0-9_.-]", "-", handle)


def end_command(engine: Engine, name: str) -> tuple[str, ...]:
    """Returns the command that ends and removes a container; empty where it ends with its process."""
    return (engine.executable, "rm", "--force", name) if engine.is_oci else ()


def sweep(engine: Engine, run: str, alive: Collection[str] = ()) -> int:
    """Ends the containers of a run on this machine, but for those of live attempts; returns how many.

    Args:
        engine: what runs them; where containers are plain processes, nothing is done.
        run: the run's id.
        alive: handles of the attempts that go on.
    """
    if not engine.is_oci:
        return 0
    command = [engine.executable, "ps", "--all", "--filter", f"label={RUN_LABEL}={run}"]
    spared = {name_of(handle) for handle in alive}
    left = [name for name in _output([*command, "--format", "{{.Names}}"]).split() if name not in spared]
    if left:
        _output([engine.executable, "rm", "--force", *left])
    return len(left)


def _output(command: list[str]) -> str:
    """Returns what a command wrote; nothing where the engine does not answer any more."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
        return done.stdout
    return ""
