"""Split steps that run as a chain of jobs for each event range: one that fails is cut by growing its domain.

The index of a range whose chain fails for good becomes *void*: what of the chain did not run yet is skipped,
and gathering leaves it out.  Two further indices stand for its halves, and gathering goes by first event.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from helios_wf import ranges
from helios_wf.engine import paths
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.job import Job
from helios_wf.engine.losses import Losses
from helios_wf.engine.repair import Next, OpenRange, backoff, judge
from helios_wf.engine.tally import Tally
from helios_wf.engine.values import Values
from helios_wf.engine.verdicts import End, Verdict
from helios_wf.failures import span
from helios_wf.model import RangeReport, Report
from helios_wf.model.plans import Path, Plan, Task
from helios_wf.states import GOOD_JOBS, JobState, RangeState
from helios_wf.store import Tx, event_ranges, shapes
from helios_wf.store.rows import RangeLease, RangeSettlement

MOST_UNPROVEN = 8
"""Ranges of a step that are cut or given up while none of its jobs has succeeded, before the step is."""


class Void(NamedTuple):
    """What becomes of a range whose chain failed for good: the job that failed, and of what."""

    task: Task
    job: Job
    to: RangeState
    report: Report


class Chains:
    """The chains of one run."""

    def __init__(
        self, run: str, plan: Plan, values: Values, frontier: Frontier, tally: Tally, losses: Losses
    ) -> None:
        self._run = run
        self._values = values
        self._frontier = frontier
        self._tally = tally
        self._losses = losses
        self._members = {task: domain for domain, group in frontier.groups.items() for task in group}
        self._unproven: dict[int, int] = {}

    def covers(self, job: Job) -> bool:
        """Says whether a job belongs to the chain of an event range."""
        if job.task not in self._members:
            return False
        first, stop = self._values.events(self._values.plan.tasks[job.task], job.path)
        return first is not None and stop is not None and first < stop

    def end(self, job: Job, report: Report, end: End, bisects: bool) -> tuple[End, Void | None]:
        """Returns how an attempt ends a chain's job, and what becomes of its range where it fails for good.

        Args:
            job: with its tries before this report was counted.
            report: of its current attempt.
            end: how it would end a job without events.
            bisects: whether the file can be cut elsewhere.
        """
        task = self._values.plan.tasks[job.task]
        if end.verdict.to not in GOOD_JOBS and self._values.is_void(task, job.path):
            return End(Verdict(JobState.SKIPPED, charged=False), report), None
        if report.cause is None or end.verdict.to is JobState.CANCELLED:
            return end, None
        one = self._range(task, job)
        told = RangeReport(
            one.first,
            one.stop,
            job.tries.attempt,
            report.cause,
            permanent=report.permanent,
            temporary=report.temporary,
        )
        follows = judge(one, told, task.retry, bisects and task.retry.bisect)
        if follows is Next.AGAIN:
            return End(Verdict(JobState.READY, True, backoff(job.tries.charged)), report), None
        if follows is Next.CUT:
            text = (
                f"{span(one.first, one.stop)} failed ({report.message or report.cause}); its halves are tried"
            )
            return self._skip(report, text), Void(task, job, RangeState.SPLIT, report)
        if follows is Next.FATAL:
            return self._lost(task, job, one, report)
        return end, None

    def _lost(self, task: Task, job: Job, one: OpenRange, report: Report) -> tuple[End, Void | None]:
        void = Void(task, job, RangeState.FATAL, report)
        file = self._values.cut_file(task, job.path)
        place = f" of {file['path']}" if isinstance(file, dict) and file.get("path") else ""
        text = f"cannot process {span(one.first, one.stop)}{place} ({report.message or report.cause})"
        if task.tolerate is None or task.tolerate.events is None:
            return End(Verdict(JobState.FAILED), replace(report, message=text)), None
        return self._skip(report, text), void

    def _skip(self, report: Report, text: str) -> End:
        return End(Verdict(JobState.SKIPPED, charged=False), replace(report, message=text))

    def _range(self, task: Task, job: Job) -> OpenRange:
        first, stop, depth, *_ = [*self._entry(task, job.path), 0]
        return OpenRange(first, stop, job.tries.attempt, job.tries.charged, job.tries.lost, depth)

    def _entry(self, task: Task, path: Path) -> list[int]:
        domain = self._members[task.number]
        position = task.chain.index(domain)
        entry: list[int] = self._values.ranges[domain, path[:position]][path[position]]
        return entry

    def apply(self, tx: Tx, void: Void) -> None:
        """Makes the index of a range void, and adds its halves where it is cut; written at once."""
        task, job = void.task, void.job
        if self._values.is_void(task, job.path):
            return
        domain = self._members[task.number]
        position = task.chain.index(domain)
        outer, index = job.path[:position], job.path[position]
        known = self._values.ranges[domain, outer]
        one = self._range(task, job)
        halves = ranges.bisect(one.first, one.stop) if void.to is RangeState.SPLIT else []
        known[index] = [one.first, one.stop, one.depth, str(void.to)]
        known.extend([first, stop, one.depth + 1] for first, stop in halves)
        shapes.change(tx, self._run, domain, paths.to_text(outer), known)
        self._frontier.grow(domain, outer, len(halves))
        self._record(tx, void, one)
        if void.to is RangeState.FATAL:
            self._tally.lossy.add(task.number)
        if not self._tally.counts[task.number][JobState.DONE]:
            self._unproven[task.number] = self._unproven.get(task.number, 0) + 1

    def _record(self, tx: Tx, void: Void, one: OpenRange) -> None:
        report, text = void.report, paths.to_text(void.job.path)
        attempt = void.job.tries.attempt
        lease = RangeLease(void.task.number, text, one.first, one.stop, attempt, attempt, one.depth)
        event_ranges.lease(tx, self._run, [lease])
        told = RangeReport(
            first=one.first,
            stop=one.stop,
            number=attempt,
            cause=report.cause,
            exit_code=report.exit_code,
            signal=report.signal,
            message=report.message,
            stderr_tail=report.stderr_tail,
            started_at=report.started_at,
            wall_s=report.wall_s,
            cpu_s=report.cpu_s,
            peak_memory_mb=report.peak_memory_mb,
        )
        settled = RangeSettlement(
            task=void.task.number,
            path=text,
            attempt=attempt,
            to=void.to,
            report=told,
            charged=one.charged + 1,
            lost=one.lost,
            host=report.host,
            worker=report.worker,
        )
        event_ranges.settle(tx, self._run, [settled])

    def verdict(self, task: Task) -> str | None:
        """Returns why a chain's step is to be given up, or None."""
        if self._unproven.get(task.number, 0) >= MOST_UNPROVEN:
            return f"{MOST_UNPROVEN} of its event ranges failed, whole and in pieces, and none succeeded"
        if task.number not in self._tally.lossy:
            return None
        most, lost = self._losses.most_lost(task), self._values.lost_events(task)
        return (
            f"{lost} events are lost for good and {most} may be" if most is not None and lost > most else None
        )

    def restore(self) -> None:
        """Takes from the restored ranges which steps lost events."""
        for number in self._members:
            if self._values.lost_events(self._values.plan.tasks[number]):
                self._tally.lossy.add(number)

    @property
    def tasks(self) -> list[int]:
        """The tasks that belong to chains."""
        return sorted(self._members)
