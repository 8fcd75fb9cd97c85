"""The table of the event ranges of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from helios_wf import formats
from helios_wf.failures import Failure, failed_range
from helios_wf.model.noun import Json
from helios_wf.states import RangeState, state_of
from helios_wf.store import Store, event_ranges, jobs, tasks
from helios_wf.store.rows import RangeCount, RangeRow, RunRow
from helios_wf.tables.steps import of_step

if TYPE_CHECKING:
    import pyarrow as pa

LOST = (RangeState.FATAL, RangeState.FAILED)
"""What ``--state failed`` shows: ranges that were given up, or failed and may yet be bisected."""

COLUMNS: dict[str, type] = {
    "step": str,
    "job": str,
    "file": str,
    "first": int,
    "stop": int,
    "state": str,
    "tries": int,
    "charged": int,
    "lost": int,
    "cause": str,
    "exit_code": int,
    "signal": int,
    "message": str,
    "host": str,
    "worker": str,
    "started": datetime,
    "wall_s": float,
    "cpu_s": float,
    "peak_memory_mb": float,
    "n_out": int,
    "stderr_tail": str,
    "folder": str,
}

Record = tuple[Json, ...]
"""A value for each of the columns."""


def chosen(states: Iterable[str]) -> frozenset[RangeState] | None:
    """Returns the states that ``--state`` names, None where it names none.

    Raises:
        UserError: a word is no state; the message lists them.
    """
    named = [state_of(RangeState, state) for state in states]
    return frozenset([*named, *(LOST if RangeState.FAILED in named else ())]) or None


class Book:
    """The event ranges of a run that were asked for; read a page at a time, however many there are.

    Raises:
        RunError: the run has no such step.
    """

    def __init__(
        self, store: Store, run: RunRow, step: str | None, states: frozenset[RangeState] | None
    ) -> None:
        self.run = run
        self._store = store
        self._states = states
        with store.read() as tx:
            rows = tasks.list(tx, run.id)
        self._names = {row.number: row.name for row in rows}
        self._tasks = [row.number for row in of_step(run, rows, step)]

    def rows(self) -> Iterator[tuple[RangeRow, str, str]]:
        """Yields each range, by task, job and first event, with its file and where its whole log is."""
        for task in self._tasks:
            last = None
            path, file, folder = None, "", ""
            while True:
                found = []
                with self._store.read() as tx:
                    page = event_ranges.list(tx, self.run.id, task, states=self._states, after=last)
                    for row in page:
                        if row.path != path:
                            path, job = row.path, jobs.get(tx, self.run.id, task, row.path)
                            file, folder = job.file or "", job.directory
                        found.append((row, file, row.directory or folder))
                yield from found
                if not page:
                    break
                last = page[-1]

    def records(self) -> Iterator[Record]:
        """Yields the same as values of the columns."""
        for row, file, folder in self.rows():
            yield self.record(row, file, folder)

    def record(self, row: RangeRow, file: str, folder: str) -> Record:
        """Returns the values of the columns for one range."""
        return (
            self.name(row),
            row.path,
            file or None,
            row.first,
            row.stop,
            str(row.state),
            row.number,
            row.charged,
            row.lost,
            row.cause and str(row.cause),
            row.exit_code,
            row.signal,
            row.message or None,
            row.host or None,
            row.worker or None,
            datetime.fromtimestamp(row.started_at, UTC) if row.started_at else None,
            seconds(row),
            row.cpu_s if row.started_at else None,
            row.peak_memory_mb,
            row.n_out,
            row.stderr_tail or None,
            folder or None,
        )

    def failures(self) -> Iterator[Failure]:
        """Yields the same as failures."""
        for row, file, folder in self.rows():
            yield self.failure(row, file, folder)

    def failure(self, row: RangeRow, file: str, folder: str) -> Failure:
        """Returns what is to be told of a range that failed."""
        return failed_range(self.run.id, self.name(row), row, file, folder)

    def name(self, row: RangeRow) -> str:
        """Returns the step of a range."""
        return self._names.get(row.task, str(row.task))

    def counts(self) -> dict[RangeState, RangeCount]:
        """Returns how many ranges are in each state, in all the tasks that were asked for."""
        with self._store.read() as tx:
            by_task = event_ranges.counts(tx, self.run.id)
        found: dict[RangeState, RangeCount] = {}
        for task in self._tasks:
            for state, count in by_task.get(task, {}).items():
                if self._states is None or state in self._states:
                    known = found.get(state, RangeCount(0, 0, 0))
                    n_ranges, n_events = known.n_ranges + count.n_ranges, known.n_events + count.n_events
                    found[state] = RangeCount(n_ranges, n_events, 0)
        return found

    def to_arrow(self) -> pa.Table:
        """Returns all of them as an Arrow table."""
        return formats.record_table(COLUMNS, self.records())


def seconds(row: RangeRow) -> float | None:
    """Returns how long the last try of a range took, or has taken until now; None where it did not begin."""
    if not row.started_at:
        return None
    return max(0.0, time.time() - row.started_at) if row.state is RangeState.RUNNING else row.wall_s
