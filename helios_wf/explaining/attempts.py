"""The attempts of a job, from the event log: how each ended and counts, what followed, why no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from helios_wf.engine.repair import GROWS, MOST_LOST, TEMPORARY_ATTEMPTS
from helios_wf.explaining.nouns import Try
from helios_wf.model import Tool
from helios_wf.model.plans import Task
from helios_wf.states import PERMANENT, SETTLED_JOBS, UNCHARGED, Cause, JobState
from helios_wf.store import log
from helios_wf.store.rows import JobRow, LogRow

_NOTE = re.compile(rf"({'|'.join(Cause)})(?:: (.*))?", re.DOTALL)


def attempts(entries: Iterable[LogRow], grow: float = 1.0) -> list[Try]:
    """Returns the attempts of a job, in order.

    Args:
        entries: those of the job in the event log.
        grow: by what an attempt's memory and time grow after one that needed more.
    """
    tries: list[Try] = []
    charged = 0
    for entry in entries:
        if log.is_of_range(entry):
            continue
        at = entry.at.isoformat(timespec="milliseconds")
        if entry.new == JobState.LEASED:
            last = tries[-1] if tries else None
            grown = last is not None and grow > 1 and last.cause in GROWS and charged > 0
            asked = f"{grow**charged:g} times the memory and time" if grown else ""
            tries.append(Try(entry.attempt or 0, at, state=entry.new, asked=asked))
        elif tries and entry.new == JobState.RUNNING:
            _change(tries, began=at, state=entry.new)
        elif tries and entry.old in (JobState.LEASED, JobState.RUNNING):
            cause, message = _told(entry.note)
            counted = _counted(cause, entry.new)
            charged += counted == "charged"
            _change(tries, ended=at, state=entry.new, cause=cause, message=message, counted=counted)
        elif tries and entry.new == JobState.READY and entry.note.startswith("retry"):
            charged = 0
            _change(tries, followed="helios-wf retry, or resume: it got all its attempts again")
    return list(_followed(tries))


def why_no_more(task: Task, row: JobRow, is_of_template: bool) -> str:
    """Returns why a job that failed is not tried again by itself.

    Args:
        task: of the job.
        row: the job.
        is_of_template: whether its document has ``helios:template``.
    """
    if not row.attempt:
        return "it failed before a tool could be started, and would again"
    if row.cause in PERMANENT:
        return f"{row.cause} is final: another attempt cannot mend it"
    body = task.process.body if isinstance(task.process, Tool) else {}
    if row.exit_code is not None and row.exit_code in (body.get("permanentFailCodes") or ()):
        return f"its tool lists exit code {row.exit_code} among permanentFailCodes"
    if row.lost >= MOST_LOST:
        return f"{row.lost} attempts were lost through no fault of its own, and {MOST_LOST} may be"
    if "is given up" in row.message:
        return "its step is given up as a whole"
    is_temporary = row.exit_code in (body.get("temporaryFailCodes") or ())
    most = max(task.retry.attempts, TEMPORARY_ATTEMPTS) if is_temporary else task.retry.attempts
    if row.charged >= most:
        if most == 1 and not is_of_template:
            return "in a document without helios:template a job is tried once"
        return f"it may be tried {'once' if most == 1 else f'{most} times'} (helios:retry)"
    return "some of its event ranges are given up" if task.fed else "its run was ended"


def _change(tries: list[Try], **fields: str | None) -> None:
    tries[-1] = replace(tries[-1], **fields)


def _told(note: str) -> tuple[str | None, str]:
    """Returns cause and message of an entry that ends an attempt."""
    found = _NOTE.fullmatch(note)
    return (found[1], found[2] or "") if found else (None, note)


def _counted(cause: str | None, state: str) -> str:
    if cause is None or cause == Cause.CANCELLED or state not in (JobState.READY, JobState.FAILED):
        return ""
    return "lost" if cause in UNCHARGED else "charged"


def _followed(tries: list[Try]) -> Iterator[Try]:
    for at, one in enumerate(tries):
        if one.followed or one.state in SETTLED_JOBS or one.ended is None:
            yield one
        elif at + 1 < len(tries):
            rest = " for the event ranges that were left" if one.cause is None else ""
            yield replace(one, followed=f"attempt {tries[at + 1].number}{rest}")
        else:
            yield replace(one, followed="it is to be tried again")
