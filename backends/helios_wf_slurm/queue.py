"""The scheduler's queue: asked once an interval for everything, less often when it is slow or away."""

from __future__ import annotations

import time
from collections.abc import Iterable

from helios_wf.errors import BackendUnreachableError
from helios_wf_slurm import commands, parsing
from helios_wf_slurm.driver import Call, Driver
from helios_wf_slurm.meanings import LIVE
from helios_wf_slurm.parsing import Entry

PATIENCE_S = 60.0
"""The longest time between two questions."""

SLOWNESS = 10.0
"""A question is asked only after so many times what the last one took."""

SOON_S = 1.0


class Queue:
    """What squeue said last; an answer that did not come is no news."""

    def __init__(self, driver: Driver, interval_s: float) -> None:
        self.asked_at = float("-inf")
        """When the last question that was answered was asked (``time.monotonic``)."""
        self.trouble = ""
        """Why there is no answer, while there is none."""
        self._driver = driver
        self._interval_s = interval_s
        self._entries: dict[str, list[Entry]] = {}
        self._next_at = 0.0
        self._failures = 0
        self._call: Call | None = None
        self._begun = 0.0
        self._recall_at = 0.0
        self._has_accounts = True

    @property
    def is_due(self) -> bool:
        """Whether it is time to ask again."""
        return time.monotonic() >= self._next_at

    def soon(self) -> None:
        """Asks again shortly, unless the scheduler does not answer."""
        if not self._failures:
            self._next_at = min(self._next_at, time.monotonic() + min(SOON_S, self._interval_s))

    def turn(self) -> bool:
        """Asks when it is time, without waiting; returns whether an answer has come."""
        return (self._call is not None or (self.is_due and self._begin())) and self._end(0.0)

    def ask(self) -> bool:
        """Asks and waits; returns whether there was an answer."""
        return (self._call is not None or self._begin()) and self._end(None)

    def close(self) -> None:
        """Ends a question that was not answered yet."""
        if self._call is not None:
            self._call.end()
            self._call = None

    def _begin(self) -> bool:
        self._begun = time.monotonic()
        try:
            self._call = self._driver.start(commands.squeue())
        except BackendUnreachableError as error:
            self._fail(str(error))
            return False
        return True

    def _end(self, patience_s: float | None) -> bool:
        """Takes the answer, if it has come."""
        assert self._call is not None
        try:
            done = self._call.wait(patience_s)
        except BackendUnreachableError as error:
            self._fail(str(error))
            return False
        if done is None:
            return False
        if done.code:
            self._fail(f"squeue: {done.words}")
            return False
        self._call = None
        self._entries = {}
        for entry in parsing.queue(done.out):
            self._entries.setdefault(entry.name, []).append(entry)
        self.asked_at, self.trouble, self._failures = self._begun, "", 0
        self._next_at = time.monotonic() + max(self._interval_s, min(PATIENCE_S, SLOWNESS * done.took_s))
        return True

    def _fail(self, trouble: str) -> None:
        self._call = None
        self.trouble = trouble
        self._failures += 1
        wait_s = max(self._interval_s, min(PATIENCE_S, self._interval_s * 2.0**self._failures))
        self._next_at = time.monotonic() + wait_s

    def of(self, name: str) -> list[Entry]:
        """Returns what is known of a submission."""
        return self._entries.get(name, [])

    def recall(self, ids: Iterable[str]) -> None:
        """Asks the accounting, once, what became of jobs that squeue has forgotten; they are known then."""
        if not self._has_accounts or time.monotonic() < self._recall_at:
            return
        try:
            done = self._driver.call(commands.sacct(ids))
        except BackendUnreachableError:
            self._recall_at = time.monotonic() + PATIENCE_S
            return
        if done.code:
            self._has_accounts = "disabled" not in done.err
            return
        for entry in parsing.accounts(done.out):
            # what accounting has of a job that squeue does not know is stale as long as it says that it lives
            if entry.state not in LIVE:
                self._entries.setdefault(entry.name, []).append(entry)
