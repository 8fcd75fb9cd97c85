"""The memory of a run made again from the store; that is all that a resume is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.engine.job import Job, Tries
from helios_wf.engine.merges import OWN_INDICES, start_merge
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.store import Tx, jobs, shapes

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow


def restore(flow: Flow, tx: Tx) -> None:
    """Tells a new flow what the store knows of its run; attempts that are handed out are in flight."""
    _shapes(flow, tx)
    flow.tally.restore(tx)
    flow.specs.forgotten = flow.tally.forgotten
    ready = []
    for number, text, state, attempt, charged, lost, not_before in jobs.states(tx, flow.run):
        job = Job(number, paths.from_text(text), Tries(attempt, charged, lost), state is JobState.RUNNING)
        if _job(flow, job, state):
            ready.append((job, not_before))
    # in the order of the steps: a merge may read what another has made
    for number, path in sorted(flow.merges.stored()):
        if flow.merges.is_over(number, path) or flow.frontier.has_inputs(number, path):
            flow.frontier.hold(number, path)
            start_merge(flow, flow.plan.tasks[number], path)
    for job, not_before in ready:
        if flow.frontier.has_inputs(job.task, job.path):
            flow.frontier.hold(job.task, job.path)
            flow.queue.delay(job, not_before)
        else:
            # what it reads is made again
            flow.waiting[job.task, job.path] = job


def recall(flow: Flow, tx: Tx) -> None:
    """Tells a new flow what must be known to look at single jobs and to evaluate their inputs, no more.

    It reads in this transaction, and is not to be driven.
    """
    flow.outputs.tx = tx
    flow.ways.restore(tx)
    _shapes(flow, tx)
    for number, text, state, attempt, *_ in jobs.states(tx, flow.run, (JobState.FAILED, JobState.CANCELLED)):
        job = Job(number, paths.from_text(text), Tries(attempt))
        if flow.losses.takes(job, state):
            flow.losses.lose(job, state)
    for number, path in flow.merges.stored():
        start_merge(flow, flow.plan.tasks[number], path)


def _shapes(flow: Flow, tx: Tx) -> None:
    stored = [
        (len(paths.from_text(text)), domain, text, payload)
        for domain, text, payload in shapes.all(tx, flow.run)
    ]
    for _, domain, text, payload in sorted(stored, key=lambda row: row[:3]):
        _shape(flow, domain, paths.from_text(text), payload)


def _shape(flow: Flow, domain: int, path: Path, payload: Json) -> None:
    if domain < 0:
        flow.merges.restore_scheme(-1 - domain, path, payload)
    else:
        flow.sizing.restore(domain, path, payload)


def _job(flow: Flow, job: Job, state: JobState) -> bool:
    """Takes where a job stands; says whether it can be given out, which is not done here."""
    in_flight = state in (JobState.LEASED, JobState.RUNNING)
    flow.tally.count(job.task, JobState.LEASED if in_flight else state)
    task = flow.plan.tasks[job.task]
    merged = task.merge is not None
    if len(job.path) != len(task.chain) + (OWN_INDICES if merged else 0):
        _unexpanded(flow, job, state)
        return False
    if in_flight:
        key = paths.job_key(job.task, job.path)
        flow.inflight[f"{flow.run}/{key}.{job.tries.attempt}"] = job
    is_lost = flow.losses.takes(job, state)
    if is_lost:
        flow.losses.lose(job, state)
    elif state in (JobState.FAILED, JobState.CANCELLED):
        flow.fail(job)
    is_over = is_lost or state in GOOD_JOBS
    if merged:
        flow.merges.restore_job(job, state, is_over)
    elif is_over:
        flow.frontier.complete_before(job.task, job.path)
    elif state is JobState.READY:
        return True
    else:
        flow.frontier.hold(job.task, job.path)
    return False


def _unexpanded(flow: Flow, job: Job, state: JobState) -> None:
    """Takes the record of a domain or merge that could not be expanded; else it is expanded once more."""
    if state is JobState.FAILED:
        flow.fail(job)
