"""Follows the logs of a run: of jobs that run, of those that begin, and of each new attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from helios_wf.engine.paths import from_text, to_text
from helios_wf.joblogs.choosing import Chosen, of_attempt
from helios_wf.joblogs.files import files_of
from helios_wf.joblogs.tailing import Tail
from helios_wf.model.plans import Task
from helios_wf.record import Spot
from helios_wf.states import SETTLED_JOBS, SETTLED_RUNS, JobState
from helios_wf.store import Store, Tx, jobs, log, runs
from helios_wf.store.rows import LogRow

AT_ONCE = 1000
"""Entries of the event log that are read at once."""

_BEGAN = (JobState.LEASED, JobState.RUNNING)


class Line(NamedTuple):
    """A line of a log: of which attempt and part of it."""

    of: Chosen
    part: str
    line: bytes


class _Watch:
    """An attempt whose logs are read as they grow."""

    def __init__(self, one: Chosen, streams: Sequence[str], lines: int | None) -> None:
        self.one = one
        self.is_over = False
        self._streams = streams
        self._lines = lines
        self._tails: dict[str, tuple[str, Tail]] = {}

    def read(self) -> Iterator[Line]:
        for file in files_of(self.one.task, self.one.directory, self._streams):
            self._tails.setdefault(str(file.path), (file.part, Tail(file.path, self._lines)))
        # only what was there at first is cut
        self._lines = None
        for part, tail in list(self._tails.values()):
            for line in tail.read(self.is_over):
                yield Line(self.one, part, line)


class Follower:
    """The logs of some jobs of a run from now on.

    Args:
        store: where the run is.
        run: its id.
        spot: which jobs are meant.
        streams: what is read.
        lines: how many of the last lines that are there already are given, None: all.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        spot: Spot,
        streams: Sequence[str],
        lines: int | None,
    ) -> None:
        self._store = store
        self._run = run
        self._tasks = {task.number: task for task in spot.tasks}
        self._path = spot.path
        self._is_job = spot.is_job
        self._streams = streams
        self._lines = lines
        self._watched: dict[tuple[int, str, int], _Watch] = {}
        with store.read() as tx:
            self._after = log.last(tx, run)
            self._at_first(tx)

    def _at_first(self, tx: Tx) -> None:
        text = to_text(self._path)
        # the one job that is meant may have ended since it was seen at work
        over = SETTLED_JOBS if self._is_job else {JobState.FAILED}
        for task in self._tasks.values():
            for row in jobs.below(tx, self._run, task.number, text, (*_BEGAN, *over)):
                if row.attempt:
                    watch = self._watch(tx, task, row.path, row.attempt, self._lines)
                    watch.is_over = row.state in over

    def turn(self) -> Iterator[Line]:
        """Yields what was written since the last turn."""
        with self._store.read() as tx:
            while entries := log.list(tx, self._run, self._after, AT_ONCE):
                self._after = entries[-1].id
                for entry in entries:
                    self._take(tx, entry)
        for key, watch in list(self._watched.items()):
            yield from watch.read()
            if watch.is_over:
                del self._watched[key]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written: the run is over, or the one job that is meant."""
        with self._store.read() as tx:
            if self._is_job:
                (number,) = self._tasks
                row = jobs.find(tx, self._run, number, to_text(self._path))
                if row is not None and row.state in SETTLED_JOBS:
                    return True
            return runs.look(tx, self._run).state in SETTLED_RUNS

    def _take(self, tx: Tx, entry: LogRow) -> None:
        if entry.task not in self._tasks or entry.path is None or not entry.attempt or log.is_of_range(entry):
            return
        if from_text(entry.path)[: len(self._path)] != self._path:
            return
        ends = entry.old in _BEGAN and entry.new not in _BEGAN
        if ends or entry.new == JobState.RUNNING:
            watch = self._watch(tx, self._tasks[entry.task], entry.path, entry.attempt, None)
            watch.is_over = ends

    def _watch(self, tx: Tx, task: Task, path: str, attempt: int, lines: int | None) -> _Watch:
        key = (task.number, path, attempt)
        if key not in self._watched:
            row = jobs.get(tx, self._run, task.number, path)
            self._watched[key] = _Watch(of_attempt(task, row, attempt), self._streams, lines)
        return self._watched[key]
