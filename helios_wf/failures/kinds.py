"""Equal failures of one step, told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helios_wf.failures.equality import likeness, likeness_of_log
from helios_wf.failures.failure import Failure, failure_of
from helios_wf.failures.naming import several
from helios_wf.model import Noun
from helios_wf.states import Cause

if TYPE_CHECKING:
    from helios_wf.store.rows import JobRow, TaskRow


MOST = 1000
"""Kinds of a run that are told apart; further ones count together, by step and cause."""


class Kind(Noun, frozen=True):
    """Jobs of one step that failed in the same way: the first of them in full, the others by name.

    ``total`` is how many jobs the step has, None where that is not known.
    """

    step: str
    n_jobs: int
    total: int | None
    first: Failure
    others: str = ""
    """In short: ``step[1-3,7]``."""

    @property
    def cause(self) -> Cause | None:
        """Why they failed, as a class."""
        return self.first.cause

    @property
    def why(self) -> str:
        """Why they failed, in plain words."""
        return self.first.why


class Kinds:
    """Takes failed jobs, however many; keeps the first of each kind, and of the others their paths."""

    def __init__(self, run: str, tasks: dict[int, TaskRow]) -> None:
        self._run = run
        self._tasks = tasks
        self._first: dict[tuple[object, ...], JobRow] = {}
        self._others: dict[tuple[object, ...], list[str]] = {}

    def add(self, row: JobRow) -> None:
        """Takes a failed job."""
        key: tuple[object, ...] = (
            row.task,
            row.cause,
            row.exit_code,
            row.signal,
            likeness(row.message),
            likeness_of_log(row.stderr_tail),
        )
        if key not in self._first and len(self._first) >= MOST:
            key = (row.task, row.cause)
        if self._first.setdefault(key, row) is not row:
            self._others.setdefault(key, []).append(row.path)

    def all(self) -> list[Kind]:
        """Returns the kinds: by step, and of a step those of most jobs first."""
        kinds = [(row.task, self._kind(row, self._others.get(key, []))) for key, row in self._first.items()]
        return [kind for _, kind in sorted(kinds, key=lambda one: (one[0], -one[1].n_jobs))]

    def _kind(self, first: JobRow, others: list[str]) -> Kind:
        task = self._tasks[first.task]
        failure = failure_of(self._run, task.name, first)
        named = several(task.name, others) if others else ""
        return Kind(task.name, 1 + len(others), task.total, failure, named)
