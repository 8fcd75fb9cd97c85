"""The event ranges of a run: what was done and lost, and why."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from helios_wf.failures import failed_range
from helios_wf.report.facts import Events, LostRange
from helios_wf.report.steps import Step
from helios_wf.report.times import Clock
from helios_wf.states import RangeState
from helios_wf.store import Tx, event_ranges, jobs
from helios_wf.store.rows import TaskRow
from helios_wf.tables.ranges import LOST
from helios_wf.tables.sizes import n_bytes

MOST_SHOWN = 100


@dataclass
class Account:
    """What the event ranges of one step come to."""

    bins: array[float]
    states: Counter[RangeState] = field(default_factory=Counter)
    events: Counter[RangeState] = field(default_factory=Counter)
    tries: int = 0
    n_out: int | None = None


class Ranges:
    """Reads the event ranges of a run, and tells its steps what they wrote."""

    def __init__(self, tx: Tx, run: str, steps: dict[int, Step], clock: Clock) -> None:
        self._accounts: dict[int, Account] = {}
        for task, state, n_events, tries, n_out, started_at, wall_s, outputs in event_ranges.told(tx, run):
            account = self._accounts.setdefault(task, Account(clock.zeros()))
            account.states[state] += 1
            account.events[state] += n_events
            account.tries += tries
            if state is RangeState.DONE:
                if n_out is not None:
                    account.n_out = (account.n_out or 0) + n_out
                if started_at + wall_s < clock.start:
                    # of a job that was reused: another run did it
                    continue
                clock.spread(account.bins, started_at, wall_s, n_events)
                steps[task].wrote(started_at, wall_s, n_bytes(outputs))
        self._steps = steps
        for task, account in self._accounts.items():
            if not account.states.keys() <= {RangeState.SPLIT, RangeState.FATAL}:
                # else a chain that failed: what is done of it is told by its jobs
                steps[task].events = account.events[RangeState.DONE]
                steps[task].event_bins = account.bins

    @property
    def n_lost(self) -> int:
        """How many failed, or were given up."""
        return sum(account.states[state] for account in self._accounts.values() for state in LOST)

    def events(self, row: TaskRow) -> Events | None:
        """Returns what became of the events of a step; None where it has none."""
        account = self._accounts.get(row.number)
        done = self._steps[row.number].events
        if account is None:
            return Events(row.events, done, 0, None, {}, 0) if done else None
        return Events(
            row.events,
            done,
            account.events[RangeState.FATAL],
            account.n_out,
            {state: account.states[state] for state in RangeState if account.states[state]},
            account.tries,
        )


def lost(tx: Tx, run: str, names: dict[int, str]) -> tuple[LostRange, ...]:
    """Returns the first event ranges that failed or were given up."""
    found = []
    for row in event_ranges.list(tx, run, states=LOST, limit=MOST_SHOWN):
        job = jobs.get(tx, run, row.task, row.path)
        failure = failed_range(run, names[row.task], row, job.file or "", row.directory or job.directory)
        found.append(LostRange(row.state, row.number, failure))
    return tuple(found)
