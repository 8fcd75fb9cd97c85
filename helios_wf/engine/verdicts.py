"""What follows from a report: done, tried again (when), or failed for good; and what is recorded of it."""

from __future__ import annotations

import time
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.engine import paths
from helios_wf.engine.job import Job, Tries
from helios_wf.engine.ledger import Rest
from helios_wf.engine.repair import MOST_LOST, TEMPORARY_ATTEMPTS, backoff
from helios_wf.errors import JobError
from helios_wf.model import Json, Report, RetryField
from helios_wf.model.plans import Task
from helios_wf.states import PERMANENT, UNCHARGED, Cause, JobState
from helios_wf.store.rows import Settlement


class Verdict(NamedTuple):
    """The job's next state; whether the try is charged; seconds until it may be tried again."""

    to: JobState
    charged: bool = True
    wait_s: float = 0.0


def judge(report: Report, tries: Tries, retry: RetryField, stopping: bool) -> Verdict:
    """Returns what becomes of a job after a report.

    Args:
        report: of the job's current attempt.
        tries: before this report was counted.
        retry: what the template allows.
        stopping: whether jobs are being cancelled for good.
    """
    cause = report.cause
    if cause is None:
        return Verdict(JobState.DONE)
    if cause is Cause.CANCELLED:
        return Verdict(JobState.CANCELLED if stopping else JobState.READY, charged=False)
    if report.permanent or cause in PERMANENT:
        return Verdict(JobState.FAILED)
    if cause in UNCHARGED:
        lost = tries.lost + 1
        return Verdict(JobState.FAILED if lost >= MOST_LOST else JobState.READY, False, backoff(tries.lost))
    attempts = max(retry.attempts, TEMPORARY_ATTEMPTS) if report.temporary else retry.attempts
    charged = tries.charged + 1
    return Verdict(JobState.FAILED if charged >= attempts else JobState.READY, True, backoff(tries.charged))


class End(NamedTuple):
    """How an attempt ends, and the report that is kept of it."""

    verdict: Verdict
    report: Report

    def blaming(self, report: Report) -> End:
        """Returns the same end with another report; its message goes behind the one there is."""
        messages = [text for text in (self.report.message, report.message) if text]
        return End(self.verdict, replace(report, message="; ".join(dict.fromkeys(messages))))


def end_of(job: Job, task: Task, report: Report, rest: Rest, stopping: bool, given_up: str | None) -> End:
    """Returns how an attempt with event ranges ends its job, or that it does not.

    Args:
        job: with its tries before this report was counted.
        task: of the job.
        report: of the job's current attempt; its ranges were taken.
        rest: what that attempt leaves.
        stopping: whether jobs are being cancelled for good.
        given_up: why its task is given up, or None.
    """
    if rest.is_idle:
        report = replace(report, cause=Cause.LOST, message="it ended without a word of its event ranges")
    tolerates = task.tolerate is not None and task.tolerate.events is not None
    if rest.is_over and not rest.lost_events:
        return End(Verdict(JobState.DONE), report)
    if given_up is not None:
        to = JobState.CANCELLED if report.cause is Cause.CANCELLED else JobState.FAILED
        reason = f"step {task.name!r} is given up: {given_up}"
        return End(Verdict(to, charged=False), replace(report, message=reason))
    if rest.is_over:
        return End(Verdict(JobState.FINISHED if tolerates else JobState.FAILED), report)
    if report.cause is None:
        return End(Verdict(JobState.READY, charged=False), report)
    if rest.is_worn:
        return End(Verdict(JobState.FAILED, charged=False), report)
    # what was done meanwhile shows that the job is not to blame for what was lost
    tries = job.tries._replace(lost=0) if rest.has_done else job.tries
    return End(judge(report, tries, task.retry, stopping), report)


def count(tries: Tries, verdict: Verdict, cause: Cause | None) -> Tries:
    """Returns the tries with this verdict's counted."""
    if cause in (None, Cause.CANCELLED):
        return tries
    return (
        tries._replace(charged=tries.charged + 1) if verdict.charged else tries._replace(lost=tries.lost + 1)
    )


def settlement(
    job: Job,
    report: Report,
    verdict: Verdict,
    not_before: float,
    place: str = "",
    has_ranges: bool = False,
) -> Settlement:
    """Returns what a report and its verdict leave in the store.

    Args:
        job: of the report.
        report: of its current attempt.
        verdict: what becomes of it.
        not_before: when it may be tried again, in seconds since the epoch.
        place: where the expression stands that was at fault; before the message.
        has_ranges: whether its outputs are those of its event ranges.
    """
    return Settlement(
        job.task,
        paths.to_text(job.path),
        job.tries.attempt,
        verdict.to,
        outputs=report.outputs if verdict.to is JobState.DONE and not has_ranges else None,
        cause=report.cause,
        exit_code=report.exit_code,
        signal=report.signal,
        message=place + report.message,
        stderr_tail=report.stderr_tail,
        command=report.command,
        started_at=report.started_at,
        wall_s=report.wall_s,
        took_s=report.took_s,
        cpu_s=report.cpu_s,
        peak_memory_mb=report.peak_memory_mb,
        host=report.host,
        worker=report.worker,
        devices=report.devices,
        not_before=not_before,
        charged=verdict.charged,
    )


def recorded(
    job: Job,
    to: JobState,
    outputs: dict[str, Json] | None,
    error: JobError | None,
    place: str = "",
    reason: str = "",
    reused: str | None = None,
    fields: Json = None,
) -> Settlement:
    """Returns what a job that needed no backend leaves in the store."""
    return Settlement(
        job.task,
        paths.to_text(job.path),
        job.tries.attempt,
        to,
        outputs=outputs,
        cause=error.cause if error else None,
        message=f"{place}{error}" if error else reason,
        started_at=time.time(),
        reused=reused,
        fields=fields,
    )
