"""Ends what Slurm runs, all of it in one call; tried again while Slurm does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterable

from helios_wf.errors import BackendUnreachableError
from helios_wf_slurm import commands
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.meanings import is_away
from helios_wf_slurm.submission import Submission

AGAIN_S = 5.0


class Cancelling:
    """Ids and names that are still to be cancelled."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._ids: set[str] = set()
        self._names: set[str] = set()
        self._next_at = 0.0

    def add(self, sub: Submission, tasks: Iterable[int] | None = None) -> None:
        """Wants tasks of an array to be ended, or (None) a whole submission."""
        if sub.id is None:
            # whatever of it sbatch did not confirm
            if sub.asked:
                self._names.add(sub.name)
        elif tasks is None:
            self._ids.add(sub.id)
        else:
            self._ids |= {f"{sub.id}_{task}" for task in tasks}

    @property
    def is_wanted(self) -> bool:
        """Whether there is something to be done."""
        return bool(self._ids or self._names)

    @property
    def is_due(self) -> bool:
        """Whether there is something to be done now."""
        return self.is_wanted and time.monotonic() >= self._next_at

    def do(self) -> bool:
        """Cancels, and returns whether Slurm answered."""
        if self._ids and self._answers(commands.scancel(self._ids)):
            self._ids.clear()
        for name in sorted(self._names):
            if self._answers(commands.scancel_name(name)):
                self._names.discard(name)
        if self.is_wanted:
            self._next_at = time.monotonic() + AGAIN_S
        return not self.is_wanted

    def _answers(self, command: list[str]) -> bool:
        """Calls, and returns whether Slurm heard; of what had ended before it may say what it likes."""
        try:
            done = self._driver.call(command)
        except BackendUnreachableError:
            return False
        return done.code == 0 or not is_away(done.words)
