"""The progress of the runs that an engine of this process drives."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from helios_wf.interface.lines import Amount, Line, Lines
from helios_wf.states import GOOD_JOBS, JobState

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow
    from helios_wf.engine.loop import Engine


class Progress:
    """Called after each tick of the engine; shows something now and then, and at the end where all stands."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._shown = Lines()
        self._began: dict[tuple[str, int, str], tuple[float, int]] = {}
        self._ended: dict[tuple[str, int, str], float] = {}
        self._flows: dict[str, Flow] = {}

    def __call__(self, engine: Engine) -> None:
        """Shows the engine's runs when it is time."""
        self._flows.update((held.id, held.flow) for held in engine.held.values())
        if not self._quiet and self._shown.is_due():
            self._shown.show(self._lines())

    def lines(self, run: str, flow: Flow) -> list[Line]:
        """Returns a line for each task of a run that has begun."""
        found = []
        running = Counter(job.task for job in flow.inflight.values() if job.begun)
        for task in flow.plan.tasks:
            counts = flow.tally.counts[task.number]
            done = sum(counts[state] for state in GOOD_JOBS)
            if not any(counts.values()):
                continue
            jobs = self._amount(run, task.number, "jobs", done, flow.tally.total(task.number))
            events = None
            if task.fed is not None:
                of = flow.ledger.events_done(task.number), flow.tally.events(task.number)
                events = self._amount(run, task.number, "events", *of)
            failed = counts[JobState.FAILED]
            reused = flow.tally.reused[task.number]
            found.append(Line(task.name, jobs, running[task.number], failed, events, reused))
        return found

    def close(self) -> None:
        """Shows the last state of everything."""
        if not self._quiet and self._flows:
            self._shown.close(self._lines())

    def _lines(self) -> dict[str, list[Line]]:
        return {run: self.lines(run, flow) for run, flow in self._flows.items()}

    def _amount(self, run: str, task: int, what: str, done: int, total: int | None) -> Amount:
        """Returns how much is done, and how quickly since the task was seen first, until it was done."""
        now, key = time.monotonic(), (run, task, what)
        since, before = self._began.setdefault(key, (now, done))
        until = self._ended.setdefault(key, now) if done == total else now
        known = until > since + 0.5 and done > before
        return Amount(done, total, (done - before) / (until - since) if known else 0.0)
