"""What the jobs of one step come to, a job at a time."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from helios_wf.report.facts import Asked, Events, Series, TaskFacts
from helios_wf.report.spread import Spread
from helios_wf.report.times import Clock
from helios_wf.states import GOOD_JOBS, SETTLED_JOBS, JobState
from helios_wf.store.rows import JobRow, TaskRow


class Spent(NamedTuple):
    """The last attempt of a settled job that a worker had: when it began, and what took how long."""

    started_at: float
    queue_s: float
    took_s: float
    wall_s: float
    settle_s: float


def spent(job: JobRow) -> Spent | None:
    """Returns where the time of a job's last attempt went; None where no worker had one, or it goes on.

    Clocks of several machines differ, so no time is below zero.
    """
    if job.state not in SETTLED_JOBS or not job.submitted_at or not job.started_at or not job.took_s:
        return None
    return Spent(
        job.started_at,
        max(job.started_at - job.submitted_at, 0.0),
        job.took_s,
        min(job.wall_s, job.took_s),
        max(job.settled_at - job.started_at - job.took_s, 0.0),
    )


class Step:
    """Takes the jobs of one step."""

    def __init__(self, number: int, clock: Clock) -> None:
        self.number = number
        self.events = 0
        """Events of its jobs that are done, where each has some of a file."""
        self.bytes = 0
        self._clock = clock
        self._attempts: Counter[int] = Counter()
        self._charged = self._lost = 0
        self._first: float | None = None
        self._last: float | None = None
        self._core_s = 0.0
        self._spreads = {name: Spread() for name in ("queue", "took", "wall", "cpu", "settle", "peak")}
        self._asked = {name: Spread() for name in ("cores", "memory_mb", "time_s", "gpus")}
        self._ended, self._failed, self._running = clock.zeros(), clock.zeros(), clock.zeros()
        self.event_bins, self.byte_bins = clock.zeros(), clock.zeros()

    def add(self, job: JobRow, time: Spent | None, size: int) -> None:
        """Takes a job, what its last attempt spent, and how much it wrote."""
        self._charged += job.charged
        self._lost += job.lost
        if job.attempt:
            self._attempts[job.attempt] += 1
        if job.asked_cores is not None:
            self._ask(job)
        if job.state not in SETTLED_JOBS:
            return
        began, took_s = (time.started_at, time.took_s) if time is not None else (job.settled_at, 0.0)
        where = self._clock.bin(began + took_s)
        if job.state in GOOD_JOBS:
            self._ended[where] += 1
            self.wrote(began, took_s, size)
            if job.first is not None and job.stop is not None and job.state is not JobState.SKIPPED:
                self.events += job.stop - job.first
                self._clock.spread(self.event_bins, began, took_s, job.stop - job.first)
        elif job.state is JobState.FAILED:
            self._failed[where] += 1
        if time is not None:
            self._spend(job, time)

    def wrote(self, began: float, took_s: float, size: int) -> None:
        """Takes note of bytes that were written in a span of time."""
        if size:
            self.bytes += size
            self._clock.spread(self.byte_bins, began, took_s, size)

    def _ask(self, job: JobRow) -> None:
        asked = (job.asked_cores, job.asked_memory_mb, job.asked_time_s, job.asked_gpus or None)
        for spread, value in zip(self._asked.values(), asked, strict=True):
            if value is not None:
                spread.add(value)

    def _spend(self, job: JobRow, time: Spent) -> None:
        used = (time.queue_s, time.took_s, time.wall_s, job.cpu_s, time.settle_s, job.peak_memory_mb)
        for spread, value in zip(self._spreads.values(), used, strict=True):
            if value is not None:
                spread.add(value)
        self._core_s += time.wall_s * (job.asked_cores or 1)
        self._first = min(time.started_at, self._first or time.started_at)
        self._last = max(time.started_at + time.took_s, self._last or 0.0)
        for index, share in self._clock.shares(time.started_at, time.took_s):
            self._running[index] += share

    def facts(self, task: TaskRow, after: set[int], events: Events | None) -> TaskFacts:
        """Returns what its jobs came to, with what is known of the step besides."""
        found = {name: spread.numbers() for name, spread in self._spreads.items()}
        asked = {name: spread.numbers() for name, spread in self._asked.items()}
        return TaskFacts(
            number=task.number,
            name=task.name,
            group=task.name.rpartition("/")[0],
            state=task.state,
            after=tuple(sorted(after)),
            total=task.total,
            jobs={state: n for state, n in task.counts.items() if n},
            reused=task.reused,
            attempts=dict(sorted(self._attempts.items())),
            charged=self._charged,
            lost=self._lost,
            first_at_s=None if self._first is None else self._clock.offset(self._first),
            last_at_s=None if self._last is None else self._clock.offset(self._last),
            queue_s=found["queue"],
            took_s=found["took"],
            wall_s=found["wall"],
            cpu_s=found["cpu"],
            settle_s=found["settle"],
            asked=Asked(**asked),
            peak_memory_mb=found["peak"],
            efficiency=self._spreads["cpu"].total / self._core_s if self._core_s else None,
            n_bytes=self.bytes,
            events=events,
            differs=task.differs,
        )

    def series(self) -> Series:
        """Returns what went on in each bin of time."""
        return Series(
            self.number,
            tuple(map(int, self._ended)),
            tuple(map(int, self._failed)),
            tuple(round(value, 3) for value in self._running),
            tuple(round(value, 3) for value in self.event_bins),
            tuple(round(value, 3) for value in self.byte_bins),
        )
