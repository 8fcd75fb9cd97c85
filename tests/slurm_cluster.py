"""A real Slurm on this machine for tests: ``tests/slurm-local.sh`` from Python."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("slurm-local.sh")
COMMANDS = ("sbatch", "squeue", "scancel", "slurmctld", "slurmd", "munged")
QUICK: dict[str, Any] = {
    "poll_seconds": 1.0,
    "look_seconds": 0.05,
    "late_seconds": 1.0,
    "beat_seconds": 0.5,
    "grace_s": 0.3,
}
"""Settings that let a test see quickly what a site sees in minutes."""

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing() -> list[str]:
    """Returns the commands that are not installed."""
    return [name for name in COMMANDS if shutil.which(name, path=PATH) is None]


class Cluster:
    """A private Slurm with nodes n1, n2, ..., each of four cores, two GPUs and 4 GiB.

    Args:
        nodes: how many.
        options: further options of ``slurm-local.sh up``.
    """

    def __init__(self, nodes: int = 3, *options: str) -> None:
        # a run directory must have a short name without spaces
        self.folder = Path(tempfile.mkdtemp(prefix="helios-slurm-", dir="/tmp"))
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.conf = self.folder / "etc" / "slurm.conf"
        # others may look for free ports at the same moment
        self._port = 20_000 + 100 * (os.getpid() % 100)
        self._up = ("up", "--nodes", str(nodes), "--gpus", "2", *options)
        self.up()

    def up(self) -> None:
        """Starts what does not run, and waits until every node can be used."""
        self._script(*self._up)

    def start(self, *names: str) -> None:
        """Starts daemons (``slurmctld``) or nodes (``n1``)."""
        self._script("start", *names)

    def stop(self, *names: str) -> None:
        """Stops daemons; jobs of a node go on."""
        self._script("stop", *names)

    def crash(self, *names: str) -> None:
        """Kills daemons, of a node its jobs too."""
        self._script("stop", "--kill", *names)

    def call(self, *command: str, check: bool = True) -> str:
        """Runs a command of Slurm's and returns what it printed."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def pid(self, name: str) -> int:
        """Returns the process id of a daemon."""
        return int(self._script("pid", name))

    def queue(self) -> list[str]:
        """Returns a line ``NAME ID STATE NODE`` for each task that is queued or runs."""
        return self.call("squeue", "--array", "--noheader", "--format=%j %i %T %N").splitlines()

    def empty(self) -> None:
        """Ends all jobs, and waits until none is left."""
        self.call("scancel", "--quiet", "--user", str(os.geteuid()), check=False)
        deadline = time.monotonic() + 60
        while self.queue():
            assert time.monotonic() < deadline, f"jobs do not end: {self.queue()}"
            time.sleep(0.1)

    def down(self) -> None:
        """Ends everything and removes its files."""
        self._script("down")
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)

    def _script(self, *arguments: str) -> str:
        environment = {**os.environ, "HELIOS_SLURM_DIR": str(self.folder), "PATH": PATH}
        environment["HELIOS_SLURM_PORT"] = str(self._port)
        environment.pop("SLURM_CONF", None)
        done = subprocess.run(
            ["bash", str(SCRIPT), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, f"slurm-local.sh {' '.join(arguments)}: {done.stderr}"
        return done.stdout
