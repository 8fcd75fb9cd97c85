"""What is lost of a task's events or jobs: whether that is tolerated, and in which words it is told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from helios_wf.engine import paths
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Ledger
from helios_wf.engine.tally import Tally
from helios_wf.engine.values import Values
from helios_wf.failures import briefly, job_name, span
from helios_wf.model import Report
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Plan, Task
from helios_wf.states import Cause, JobState, RangeState
from helios_wf.store import Tx, event_ranges, jobs
from helios_wf.store.rows import JobRow, RangeRow

MOST_NAMED = 5
"""Event ranges, or jobs, that one message names."""


class Losses:
    """Watches the losses of one run."""

    def __init__(self, run: str, values: Values, frontier: Frontier, ledger: Ledger, tally: Tally) -> None:
        self._run = run
        self._values = values
        self._frontier = frontier
        self._ledger = ledger
        self._tally = tally

    def verdict(self, task: Task) -> str | None:
        """Returns why a task is to be given up for what it lost, or None."""
        if (reason := self._of_jobs(task)) is not None:
            return reason
        health = self._ledger.health.get(task.number)
        if health is None:
            return None
        if health.tolerates and health.lost_events:
            health.most_lost = self.most_lost(task)
        return health.verdict

    def _of_jobs(self, task: Task) -> str | None:
        lost, total = self._tally.lost[task.number], self._tally.total(task.number) if task.tolerate else None
        if not lost or total is None or task.tolerate is None or task.tolerate.jobs is None:
            return None
        most = _most(task.tolerate.jobs, total)
        return f"{lost} of its {total} jobs failed for good and {most} may" if lost > most else None

    def takes(self, job: Job, state: JobState) -> bool:
        """Says whether a job that ended so is lost, and its run goes on."""
        task = self._values.plan.tasks[job.task]
        if state is JobState.CANCELLED:
            return not job.tries.attempt
        tolerates = task.tolerate is not None and task.tolerate.jobs is not None
        # what stands at a shorter path is no job, but that there is no telling how many there are
        return state is JobState.FAILED and tolerates and len(job.path) == len(task.chain)

    def lose(self, job: Job, state: JobState) -> None:
        """Takes that a job is lost."""
        self._values.lost.add(job.task, job.path)
        self._tally.lost[job.task] += state is JobState.FAILED

    def why(self, task: Task, path: Path) -> str | None:
        """Returns why a job cannot run as what it reads is lost, or None."""
        found = self._values.lost.of_job(task, path)
        return None if found is None else f"its input was lost: {called(self._values.plan, *found)} failed"

    def most_lost(self, task: Task) -> int | None:
        """Returns how many events of a task may be lost; None where nothing says that, or not yet."""
        if task.tolerate is None or task.tolerate.events is None or not self._frontier.is_known(task.number):
            return None
        return _most(task.tolerate.events, self._values.n_events(task))

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
            if task.number in self._tally.given_up:
                continue
            if self._tally.lost[task.number] or self._tally.counts[task.number][JobState.CANCELLED]:
                lines.append(self._missing_jobs(tx, task))
                continue
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

    def _missing_jobs(self, tx: Tx, task: Task) -> str:
        lost, not_run = self._tally.lost[task.number], self._tally.counts[task.number][JobState.CANCELLED]
        total = f"{lost + not_run} of {self._tally.total(task.number) or '?'} jobs"
        rows = jobs.failures(tx, self._run, MOST_NAMED, task.number) if lost else ()
        shown = [self._shown_job(task, row) for row in rows]
        shown += [f"and {lost - len(rows)} more"] if lost > len(rows) else []
        shown += [f"{not_run} not run, as what they read is lost"] if not_run else []
        return f"step {task.name!r} lost {total}: {', '.join(shown)}"

    def _shown_job(self, task: Task, row: JobRow) -> str:
        place = f", {span(row.first, row.stop)}" if row.first is not None and row.stop is not None else ""
        file = self._values.cut_file(task, paths.from_text(row.path)) if task.split is not None else None
        place += f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
        return f"{job_name(task.name, row.path)}{place} ({row.message or briefly(row)})"

    def _shown(self, task: Task, row: RangeRow) -> str:
        file = self._values.cut_file(task, paths.from_text(row.path))
        place = f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
        return f"{span(row.first, row.stop)}{place} ({row.message or briefly(row)})"


def told(rows: Sequence[RangeRow], file: Json) -> str:
    """Returns which events are lost, of which file and why."""
    shown = [f"{span(row.first, row.stop)} ({row.message or briefly(row)})" for row in rows[:MOST_NAMED]]
    more = ", and more" if len(rows) > MOST_NAMED else ""
    place = f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
    return f"cannot process {', '.join(shown)}{more}{place}"


def called(plan: Plan, task: int, path: Path) -> str:
    """Returns ``step[0,7]`` for a job, and the step alone where that has only one."""
    return job_name(plan.tasks[task].name, paths.to_text(path))


def _most(fraction: float, total: int) -> int:
    """Returns how many of a number a fraction is at most, whatever its digits: 29 of 100 for 0.29."""
    return int(fraction * total + 1e-9)
