"""Calls Slurm's commands: with a time limit, nothing on standard input, and none of Slurm's own variables."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from helios_wf.errors import BackendUnreachableError

KEPT = frozenset({"SLURM_CONF"})


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def words(self) -> str:
        """What it said of its failure, in one line."""
        return " ".join((self.err or self.out).split()) or f"exit code {self.code}"


class Driver:
    """Calls commands one at a time; ``calls`` counts them."""

    def __init__(self, limit_s: float) -> None:
        self.calls: Counter[str] = Counter()
        self._limit_s = limit_s

    def call(self, command: Sequence[str], limit_s: float | None = None) -> Done:
        """Runs a command to its end.

        Raises:
            BackendUnreachableError: it is not there, or did not end in time.
        """
        self.calls[command[0]] += 1
        begun = time.monotonic()
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(os.environ),
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise BackendUnreachableError(f"{command[0]} cannot be started: {error.strerror}") from None
        try:
            out, err = process.communicate(timeout=limit_s or self._limit_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise BackendUnreachableError(
                f"{command[0]} did not answer within {limit_s or self._limit_s:g} s"
            ) from None
        took_s = time.monotonic() - begun
        return Done(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), took_s)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment without what an outer Slurm job, or a user's defaults, left in it."""
    return {
        name: value
        for name, value in given.items()
        if name in KEPT
        or not name.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_"))
    }
