"""What follows from a report: done, tried again (when), or failed for good (pure)."""

from __future__ import annotations

import random
from typing import NamedTuple

from helios_wf.engine.job import Tries
from helios_wf.model import Report, RetryField
from helios_wf.states import PERMANENT, UNCHARGED, Cause, JobState

MOST_LOST = 5
"""Tries that a job may lose to its infrastructure."""

TEMPORARY_ATTEMPTS = 3
"""Attempts at least, where the tool returned one of its ``temporaryFailCodes``."""


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
        return Verdict(JobState.FAILED if lost >= MOST_LOST else JobState.READY, False, _backoff(tries.lost))
    attempts = max(retry.attempts, TEMPORARY_ATTEMPTS) if report.temporary else retry.attempts
    charged = tries.charged + 1
    return Verdict(JobState.FAILED if charged >= attempts else JobState.READY, True, _backoff(tries.charged))


def count(tries: Tries, verdict: Verdict, cause: Cause | None) -> Tries:
    """Returns the tries with this verdict's counted."""
    if cause is Cause.CANCELLED:
        return tries
    return (
        tries._replace(charged=tries.charged + 1) if verdict.charged else tries._replace(lost=tries.lost + 1)
    )


def _backoff(before: int) -> float:
    """Returns seconds: 0.2, 0.4, 0.8 ... up to a minute, with a quarter of jitter so that equals spread."""
    return min(0.2 * 2.0**before, 60.0) * random.uniform(0.75, 1.25)
