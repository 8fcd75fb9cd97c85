"""What became of chunks whose tasks Slurm no longer runs, and of their attempts."""

from __future__ import annotations

import time

from helios_wf.model import JobSpec, Report
from helios_wf.states import Cause
from helios_wf_slurm.meanings import ENDINGS, LIVE, UNKNOWN, Ending
from helios_wf_slurm.parsing import Entry
from helios_wf_slurm.queue import Queue
from helios_wf_slurm.scripts import log_name
from helios_wf_slurm.submission import Chunk, Submission, unrun

_PUT_BACK = Ending(Cause.CANCELLED, "")
_CANCELLED = Ending(Cause.CANCELLED, "it was cancelled")


def take_note(sub: Submission, queue: Queue) -> None:
    """Marks each chunk of a submission with what Slurm says of it."""
    entries = queue.of(sub.name)
    if sub.id is None and entries:
        # sbatch did not say so, but it was accepted
        sub.accept(entries[0].id.partition("_")[0])
    if sub.id is None or queue.asked_at <= sub.told_at:
        return
    if sub.is_pool:
        sub.is_over = not any(one.state in LIVE for one in entries)
    by_task: dict[int | None, list[Entry]] = {}
    for entry in entries:
        by_task.setdefault(None if sub.is_pool else entry.task, []).append(entry)
    for chunk in sub.chunks.values():
        _mark(chunk, by_task.get(None if sub.is_pool else chunk.number, []))


def _mark(chunk: Chunk, entries: list[Entry]) -> None:
    live = next((entry for entry in entries if entry.state in LIVE), None)
    if live is not None:
        chunk.lives(live.state)
        chunk.task_id, chunk.reason, chunk.node = live.id, live.reason, live.node
    elif entries:
        last = entries[-1]
        chunk.task_id, chunk.node = last.id, last.node or chunk.node
        chunk.ended(ENDINGS.get(last.state, Ending(Cause.LOST, f"its task ended as {last.state}")))
    else:
        chunk.ended(UNKNOWN)


def forgotten(submissions: list[Submission]) -> list[str]:
    """Returns the ids of submissions with chunks of which squeue says nothing any more."""
    return [
        sub.id
        for sub in submissions
        if sub.id and any(chunk.ending is UNKNOWN for chunk in sub.chunks.values())
    ]


def goes_again(sub: Submission, chunk: Chunk) -> bool:
    """Returns whether a chunk that no worker took should be submitted again as it is."""
    if chunk.ending is None or chunk.worker or chunk.cancelled:
        return False
    return chunk.ending.is_fate or (sub.is_pool and chunk.ending.cause is Cause.TIME_LIMIT)


def is_lost(chunk: Chunk, late_s: float) -> bool:
    """Returns whether reports of a chunk cannot come any more: long enough after its task ended."""
    if chunk.ending is None:
        return False
    # of what somebody else ended the worker said all before, or will not say it
    patience_s = min(1.0, late_s) if chunk.is_cancelled else late_s
    return time.monotonic() - chunk.over_at >= patience_s


def explain(sub: Submission, chunk: Chunk, ending: Ending) -> str:
    """Returns what is to be said of an attempt that its task took along."""
    task = f"array task {chunk.task_id}" if chunk.task_id and not sub.is_pool else f"job {sub.id}"
    node = f" on {chunk.node}" if chunk.node else ""
    log = sub.spool.log_of(chunk.worker or log_name(chunk.task_id))
    text = f"{ending.words}; Slurm's {task}{node}"
    if log:
        return f"{text}: {log}"
    return text if chunk.worker else f"{text}: no worker began; helios-wf backend check slurm may tell why"


def reports_of(sub: Submission, chunk: Chunk, ending: Ending) -> list[Report]:
    """Returns reports of all that a lost chunk still holds: what began is lost, the rest is put back.

    Where nothing had begun, the first is lost, so that a site where no worker can start is noticed.
    """
    text = explain(sub, chunk, ending)
    begun = {spec.handle for spec in chunk.begun} or set(list(chunk.specs)[:1])
    return [_report(chunk, spec, ending, text, spec.handle in begun) for spec in chunk.specs.values()]


def _report(chunk: Chunk, spec: JobSpec, ending: Ending, text: str, was_begun: bool) -> Report:
    if spec.handle in chunk.cancelled:
        return unrun(spec, _CANCELLED, _CANCELLED.words)
    if was_begun:
        return unrun(spec, ending, text)
    return unrun(spec, _PUT_BACK, f"put back, for another job of its batch was lost: {text}")
