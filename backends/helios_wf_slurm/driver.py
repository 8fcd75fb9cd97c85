"""Calls Slurm's commands: with a time limit, nothing on stdin, and none of Slurm's own variables."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

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


class Call:
    """A command that runs."""

    def __init__(self, command: Sequence[str], limit_s: float) -> None:
        """Starts it.

        Raises:
            BackendUnreachableError: it is not there.
        """
        self._name = command[0]
        self._limit_s = limit_s
        self._begun = time.monotonic()
        # files take whatever it prints, however long nobody looks
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
                env=environment(os.environ),
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise BackendUnreachableError(f"{self._name} cannot be started: {error.strerror}") from None

    def wait(self, patience_s: float | None = None) -> Done | None:
        """Returns how it ended; None when it has not after ``patience_s`` seconds (None: after its limit).

        Raises:
            BackendUnreachableError: it did not end within its limit.
        """
        left_s = max(0.0, self._begun + self._limit_s - time.monotonic())
        try:
            code = self._process.wait(left_s if patience_s is None else min(left_s, patience_s))
        except subprocess.TimeoutExpired:
            if time.monotonic() - self._begun < self._limit_s:
                return None
            self.end()
            raise BackendUnreachableError(f"{self._name} did not answer within {self._limit_s:g} s") from None
        return Done(code, _text(self._out), _text(self._err), time.monotonic() - self._begun)

    def end(self) -> None:
        """Ends it, whatever it would have said."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Driver:
    """Calls commands; ``calls`` counts them."""

    def __init__(self, limit_s: float) -> None:
        self.calls: Counter[str] = Counter()
        self._limit_s = limit_s

    def start(self, command: Sequence[str]) -> Call:
        """Starts a command.

        Raises:
            BackendUnreachableError: it is not there.
        """
        self.calls[command[0]] += 1
        return Call(command, self._limit_s)

    def call(self, command: Sequence[str]) -> Done:
        """Runs a command to its end.

        Raises:
            BackendUnreachableError: it is not there, or did not end in time.
        """
        done = self.start(command).wait()
        assert done is not None
        return done


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    with file:
        return file.read().decode(errors="replace")


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment without what an outer Slurm job, or a user's defaults, left in it."""
    return {
        name: value
        for name, value in given.items()
        if name in KEPT
        or not name.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_"))
    }
