"""Jobs that can start are handed out as attempts; those that need no tool are done on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helios_wf.cwl.javascript import LATER, complete_all
from helios_wf.engine import paths
from helios_wf.engine.expanding import expand
from helios_wf.engine.job import Job
from helios_wf.engine.preparing import Move, prepare
from helios_wf.engine.recording import flush, record, take_over
from helios_wf.engine.repair import GROWS, grow
from helios_wf.engine.reuse import Candidate
from helios_wf.engine.reviving import look_at_outputs
from helios_wf.errors import JobError
from helios_wf.model import JobSpec, Resources
from helios_wf.model.plans import Task
from helios_wf.states import JobState
from helios_wf.store import Tx, jobs
from helios_wf.store.rows import Lease

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow

MOST_RECORDED = 2000
"""Jobs without a tool that one call of ``lease`` does at most, so that ticks stay short."""

Leased = tuple[JobSpec, Lease]


def lease(flow: Flow, tx: Tx, room: int) -> list[JobSpec]:
    """Hands out up to ``room`` attempts."""
    if flow.reuse.changed:
        flow.has_more = False
        return []
    flow.queue.add(flow.ledger.awake())
    flow.sizing.grow(tx)
    leased: list[Leased] = []
    late: list[Job] = []
    n_recorded = 0
    while len(leased) < room and n_recorded < MOST_RECORDED and not (late or flow.is_failing):
        ready = _next_jobs(flow, room - len(leased))
        if ready:
            some, late = _begin(flow, tx, ready)
            leased += some
            n_recorded += len(ready) - len(some)
        elif not expand(flow, tx, max(room, 16)):
            break
    flow.queue.add(late)
    _write(flow, tx, [row for _, row in leased])
    flow.has_more = len(leased) >= room or n_recorded >= MOST_RECORDED or bool(late)
    look_at_outputs(flow)
    flow.tally.write(tx)
    return [spec for spec, _ in leased]


def _next_jobs(flow: Flow, limit: int) -> list[Job]:
    """Returns up to ``limit`` jobs that can start; none of tasks that were given up."""
    while chosen := _chosen(flow, limit):
        if wanted := [job for job in chosen if job.task not in flow.tally.given_up]:
            return wanted
    return []


def _chosen(flow: Flow, limit: int) -> list[Job]:
    chosen = flow.queue.take(limit)
    if len(chosen) < limit:
        fresh = flow.frontier.jobs(limit - len(chosen))
        chosen += [flow.waiting.pop(one, Job(*one)) for one in fresh]
    return chosen


def _begin(flow: Flow, tx: Tx, ready: Sequence[Job]) -> tuple[list[Leased], list[Job]]:
    """Makes the moves of jobs; returns the attempts among them, and the jobs that are left for later."""
    flow.outputs.load_all(one for job in ready for one in flow.specs.of(job.task).reads(job.path))
    moves = complete_all([prepare(flow, tx, job) for job in ready])
    flow.reuse.look_up(tx, [move for move in moves if isinstance(move, Candidate)])
    leased, late = [], []
    for job, move in zip(ready, moves, strict=True):
        if move is LATER:
            late.append(job)
        elif (spec := _start(flow, tx, job, move)) is not None:
            leased.append((spec, _lease(flow, job, spec)))
    return leased, late


def _start(flow: Flow, tx: Tx, job: Job, move: Move | JobError) -> JobSpec | None:
    """Makes the move of a job; returns its next attempt, None when it was settled, or opened a merge."""
    try:
        if isinstance(move, JobError):
            raise move
        if isinstance(move, Candidate):
            return _attempt(flow, tx, move)
        move()
    except JobError as error:
        if not flow.reuse.excuses(job):
            record(flow, job, JobState.FAILED, error=error)
    return None


def _attempt(flow: Flow, tx: Tx, one: Candidate) -> JobSpec | None:
    """Returns the next attempt of a job; None where it need not run, or cannot now."""
    taken = flow.reuse.taken(tx, one.job)
    if taken is not None:
        take_over(flow, one.job, taken)
        return None
    if flow.reuse.starves(one):
        return None
    task, job, resources = one.task, one.job, one.resources
    has_ranges = flow.ledger.covers(job)
    if task.retry.grow > 1 and job.tries.charged and not has_ranges:
        resources = _grown(flow, tx, task, job, resources)
    spec = flow.specs.spec(task, job, one.inputs, resources)
    if not has_ranges:
        return spec
    fed = flow.ledger.begin(tx, job, spec)
    if fed is None:
        flow.wait(job, flow.ledger.due(job))
    return fed


def _grown(flow: Flow, tx: Tx, task: Task, job: Job, resources: Resources) -> Resources:
    """Returns what a job asks for after it failed for memory or time."""
    cause = jobs.get(tx, flow.run, task.number, paths.to_text(job.path)).cause
    return grow(resources, task.retry.grow**job.tries.charged) if cause in GROWS else resources


def _lease(flow: Flow, job: Job, spec: JobSpec) -> Lease:
    """Takes that an attempt is handed out; returns what is to be written of it."""
    flow.inflight[spec.handle] = Job(job.task, job.path, job.tries._replace(attempt=spec.attempt))
    flow.tally.lease(job)
    entry = flow.reuse.known(job)
    return Lease(
        job.task,
        paths.to_text(job.path),
        spec.attempt,
        spec.first,
        spec.stop,
        flow.backend,
        spec.directory,
        file=_cut_file(flow, job, spec),
        resources=spec.resources,
        key=entry.key,
        fields=entry.fields,
    )


def _cut_file(flow: Flow, job: Job, spec: JobSpec) -> str | None:
    """Returns the path of the file whose events an attempt is fed, if there is one."""
    if not spec.feeding or not spec.feeding.file:
        return None
    # a file that is not scattered over is the same for all jobs, and in no spec
    own = spec.inputs.get(spec.feeding.file)
    file = own or flow.values.cut_file(flow.plan.tasks[job.task], job.path)
    return file.get("path") if isinstance(file, dict) else None


def _write(flow: Flow, tx: Tx, leases: Sequence[Lease]) -> None:
    """Writes what was recorded and handed out."""
    flush(flow)
    flow.ledger.flush(tx)
    accepted = jobs.lease(tx, flow.run, leases)
    if len(accepted) != len(leases):
        missing = [one.path for one in leases if (one.task, one.path) not in accepted]
        raise AssertionError(f"run {flow.run}: jobs were leased twice: {missing[:5]}")
