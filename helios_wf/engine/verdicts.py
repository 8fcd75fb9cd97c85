"""What follows from a report: done, tried again (when), or failed for good; and what is recorded of it."""

from __future__ import annotations

import time
from typing import NamedTuple

from helios_wf.engine import paths
from helios_wf.engine.job import Job, Tries
from helios_wf.engine.repair import MOST_LOST, TEMPORARY_ATTEMPTS, backoff
from helios_wf.errors import JobError
from helios_wf.model import Json, Report, RetryField
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


def count(tries: Tries, verdict: Verdict, cause: Cause | None) -> Tries:
    """Returns the tries with this verdict's counted."""
    if cause is Cause.CANCELLED:
        return tries
    return (
        tries._replace(charged=tries.charged + 1) if verdict.charged else tries._replace(lost=tries.lost + 1)
    )


def settlement(job: Job, report: Report, verdict: Verdict, not_before: float) -> Settlement:
    """Returns what a report and its verdict leave in the store."""
    return Settlement(
        job.task,
        paths.to_text(job.path),
        job.tries.attempt,
        verdict.to,
        outputs=report.outputs if verdict.to is JobState.DONE else None,
        cause=report.cause,
        exit_code=report.exit_code,
        signal=report.signal,
        message=report.message,
        stderr_tail=report.stderr_tail,
        command=report.command,
        started_at=report.started_at,
        wall_s=report.wall_s,
        cpu_s=report.cpu_s,
        peak_memory_mb=report.peak_memory_mb,
        host=report.host,
        worker=report.worker,
        not_before=not_before,
        charged=verdict.charged,
    )


def recorded(job: Job, to: JobState, outputs: dict[str, Json] | None, error: JobError | None) -> Settlement:
    """Returns what a job that needed no backend leaves in the store."""
    return Settlement(
        job.task,
        paths.to_text(job.path),
        job.tries.attempt,
        to,
        outputs=outputs,
        cause=error.cause if error else None,
        message=str(error) if error else "",
        started_at=time.time(),
    )
