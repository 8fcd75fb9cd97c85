"""What is lost of a task's events: whether that is tolerated, and in which words it is told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from helios_wf.engine import paths
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Ledger
from helios_wf.engine.values import Values
from helios_wf.model import Report
from helios_wf.model.noun import Json
from helios_wf.model.plans import Task
from helios_wf.states import Cause, RangeState
from helios_wf.store import Tx, event_ranges
from helios_wf.store.rows import RangeRow

MOST_NAMED = 5
"""Event ranges that one message names."""


class Losses:
    """Watches the losses of one run."""

    def __init__(self, run: str, values: Values, frontier: Frontier, ledger: Ledger) -> None:
        self._run = run
        self._values = values
        self._frontier = frontier
        self._ledger = ledger

    def verdict(self, task: Task) -> str | None:
        """Returns why a task is to be given up for what it lost, or None."""
        health = self._ledger.health.get(task.number)
        if health is None:
            return None
        if health.tolerates and health.lost_events:
            health.most_lost = self.most_lost(task)
        return health.verdict

    def most_lost(self, task: Task) -> int | None:
        """Returns how many events of a task may be lost; None where nothing says that, or not yet."""
        if task.tolerate is None or task.tolerate.events is None or not self._frontier.is_known(task.number):
            return None
        return int(task.tolerate.events * self._values.n_events(task))

    def blamed(self, tx: Tx, job: Job, report: Report) -> Report:
        """Returns the report of a job that failed for lost events, which says which, and why."""
        text = paths.to_text(job.path)
        rows = event_ranges.list(
            tx, self._run, job.task, text, states=[RangeState.FATAL], limit=MOST_NAMED + 1
        )
        if not rows:
            return report
        task = self._values.plan.tasks[job.task]
        return replace(
            report,
            cause=rows[0].cause or Cause.EXIT,
            exit_code=rows[0].exit_code,
            signal=rows[0].signal,
            stderr_tail=rows[0].stderr_tail,
            message=told(rows, self._values.cut_file(task, job.path)),
        )

    def missing(self, tx: Tx) -> list[str]:
        """Returns what a complete run lacks: a line for each step that lost something."""
        lines = []
        counts = event_ranges.counts(tx, self._run)
        for task in self._values.plan.tasks:
            lost = counts.get(task.number, {}).get(RangeState.FATAL)
            if lost is None:
                continue
            rows = event_ranges.list(
                tx, self._run, task.number, states=[RangeState.FATAL], limit=MOST_NAMED + 1
            )
            shown = [self._shown(task, row) for row in rows[:MOST_NAMED]]
            more = [f"and {lost.n_ranges - len(shown)} more"] if lost.n_ranges > len(shown) else []
            total = f"{lost.n_events} of {self._values.n_events(task)} events"
            lines.append(f"step {task.name!r} lost {total}: {', '.join([*shown, *more])}")
        return lines

    def _shown(self, task: Task, row: RangeRow) -> str:
        file = self._values.cut_file(task, paths.from_text(row.path))
        place = f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
        return f"{span(row.first, row.stop)}{place} ({row.message or row.cause})"


def told(rows: Sequence[RangeRow], file: Json) -> str:
    """Returns which events are lost, of which file and why."""
    shown = [f"{span(row.first, row.stop)} ({row.message or row.cause})" for row in rows[:MOST_NAMED]]
    more = ", and more" if len(rows) > MOST_NAMED else ""
    place = f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
    return f"cannot process {', '.join(shown)}{more}{place}"


def span(first: int, stop: int) -> str:
    """Returns ``event 7`` or ``events [7, 9)``."""
    return f"event {first}" if stop - first == 1 else f"events [{first}, {stop})"
