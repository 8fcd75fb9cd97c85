"""Where a run stands: its tasks, how many of their jobs are in each state, how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from helios_wf.engine.holders import is_held
from helios_wf.interface.lines import left_s
from helios_wf.model import Noun
from helios_wf.states import GOOD_JOBS, SETTLED_RUNS, JobState, RangeState, RunState, TaskState
from helios_wf.store import Store, Tx, event_ranges, log, runs, tasks
from helios_wf.store.rows import RangeCount, RunRow, TaskRow

LATELY_S = 60.0
"""Rates are those of the last so many seconds."""


class Events(Noun, frozen=True):
    """The events of a task that is cut into event ranges.

    ``total`` is None until all its files were counted; ``per_s`` is None where nothing was done lately.
    """

    done: int
    lost: int
    total: int | None
    per_s: float | None
    ranges: Mapping[RangeState, int]

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at this rate."""
        return left_s(self.done + self.lost, self.total, self.per_s)


class TaskStatus(Noun, frozen=True):
    """Where a task stands; ``total`` is the number of its jobs, None until it is known.

    ``jobs`` is how many are in each state that occurs; ``per_s`` how many were done per second lately;
    ``reused`` how many were not run, as another run had done the same; ``differs`` in what its compiled tool
    differs from what cwltool would run, where that was asked for and found.
    """

    number: int
    name: str
    state: TaskState
    total: int | None
    jobs: Mapping[JobState, int]
    per_s: float | None = None
    events: Events | None = None
    differs: str = ""
    reused: int = 0

    @property
    def done(self) -> int:
        """Jobs that are done, some without all their events, or were skipped."""
        return sum(self.jobs.get(state, 0) for state in GOOD_JOBS)

    @property
    def running(self) -> int:
        """Jobs at work."""
        return self.jobs.get(JobState.RUNNING, 0)

    @property
    def waiting(self) -> int:
        """Jobs that could run and have not begun, those handed to a worker among them."""
        return self.jobs.get(JobState.READY, 0) + self.jobs.get(JobState.LEASED, 0)

    @property
    def failed(self) -> int:
        """Jobs that failed for good."""
        return self.jobs.get(JobState.FAILED, 0)

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at this rate: by events, where it has any."""
        return left_s(self.done, self.total, self.per_s) if self.events is None else self.events.left_s


class Status(Noun, frozen=True):
    """Where a run stands at one moment.

    ``engine`` names the engine that holds it, None where none does; ``is_at_work`` says whether that one is
    alive; ``reason`` is why the run is in its state, where there is something to be said.
    """

    run: str
    state: RunState
    document: str
    template: str | None
    version: int | None
    datasets: Mapping[str, str]
    reason: str
    engine: str | None
    is_at_work: bool
    created_at: datetime
    changed_at: datetime
    tasks: tuple[TaskStatus, ...]

    @property
    def is_settled(self) -> bool:
        """Whether it is over: DONE, FINISHED, FAILED or CANCELLED."""
        return self.state in SETTLED_RUNS


def status_of(store: Store, run: str) -> Status:
    """Returns where a run stands.

    Raises:
        RunError: there is no such run.
    """
    with store.read() as tx:
        row = runs.look(tx, run)
        found = tasks.list(tx, row.id)
        events = _events(tx, row, found)
        rates = _rates(tx, row)
    return Status(
        row.id,
        row.state,
        row.label,
        row.template,
        row.version,
        row.datasets,
        row.reason,
        row.engine,
        is_held(row),
        row.created_at,
        row.changed_at,
        tuple(
            TaskStatus(
                one.number,
                one.name,
                one.state,
                one.total,
                {state: count for state, count in one.counts.items() if count},
                rates.get(one.number),
                events.get(one.number),
                one.differs,
                one.reused,
            )
            for one in found
        ),
    )


def _rates(tx: Tx, run: RunRow) -> dict[int, float]:
    """Returns for each task how many jobs per second were done lately."""
    if run.state is not RunState.RUNNING:
        return {}
    now = time.time()
    done = log.done_lately(tx, run.id, now - LATELY_S)
    return {task: count / (now - since) for task, (count, since) in done.items() if now > since}


def _events(tx: Tx, run: RunRow, rows: Sequence[TaskRow]) -> dict[int, Events]:
    """Returns for each task with event ranges how many events are done, lost, and done per second."""
    counts = event_ranges.counts(tx, run.id)
    now = time.time()
    lately = event_ranges.done_since(tx, run.id, now - LATELY_S) if run.state is RunState.RUNNING else {}
    found: dict[int, Events] = {}
    for row in rows:
        own = counts.get(row.number, {})
        if own.keys() <= {RangeState.SPLIT, RangeState.FATAL}:
            # none, or those of a chain that failed: what of it is done is told by its jobs
            continue
        n_events, first = lately.get(row.number, (0, now))
        rate = n_events / min(LATELY_S, now - first) if now > first else 0.0
        found[row.number] = Events(
            _n_events(own, RangeState.DONE),
            _n_events(own, RangeState.FATAL),
            row.events,
            rate or None,
            {state: count.n_ranges for state, count in own.items()},
        )
    return found


def _n_events(counts: Mapping[RangeState, RangeCount], state: RangeState) -> int:
    return counts[state].n_events if state in counts else 0
