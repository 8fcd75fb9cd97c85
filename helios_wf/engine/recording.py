"""Jobs that no backend runs, as they need no tool, no try, or cannot be begun: written at the next flush."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helios_wf.engine.job import Job
from helios_wf.engine.merges import open_merge
from helios_wf.engine.places import place_of
from helios_wf.engine.reuse import Taken
from helios_wf.engine.settling import complete, follow
from helios_wf.engine.verdicts import recorded
from helios_wf.errors import JobError
from helios_wf.model.noun import Json
from helios_wf.states import JobState
from helios_wf.store import Tx, jobs

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow


def record(
    flow: Flow,
    job: Job,
    to: JobState,
    outputs: dict[str, Json] | None = None,
    error: JobError | None = None,
    reason: str = "",
) -> None:
    """Records how a job ended that no backend was given."""
    place = place_of(flow.plan, job.task, error.expression if error else "")
    flow.unwritten.append(recorded(job, to, outputs, error, place, reason))
    flow.tally.lease(job)
    follow(flow, job, to, outputs)


def leave(flow: Flow, tx: Tx, job: Job, to: JobState, reason: str = "") -> None:
    """Records a job that is not run; of a merge, the one job that stands for it."""
    task = flow.plan.tasks[job.task]
    if task.merge is not None and len(job.path) == len(task.chain):
        open_merge(flow, tx, task, job.path, [[[[0, 0]]]])
    else:
        record(flow, job, to, reason=reason)


def take_over(flow: Flow, job: Job, taken: Taken) -> None:
    """Records a job that need not run, as another run has done the same."""
    fields = flow.reuse.known(job).fields
    reason = f"reused from {taken.origin}"
    done = recorded(job, JobState.DONE, taken.outputs, None, "", reason, taken.origin, fields)
    flow.unwritten.append(done)
    flow.tally.lease(job)
    flow.tally.reused[job.task] += 1
    flow.tally.move(job.task, JobState.LEASED, JobState.DONE)
    if taken.parts is None:
        flow.outputs.keep(job.task, job.path, taken.outputs)
    else:
        flow.ledger.take_over(job.task, taken.parts)
    complete(flow, job.task, job.path)


def flush(flow: Flow) -> None:
    """Writes what was recorded; called before anything is read from the store."""
    if flow.unwritten and flow.outputs.tx is not None:
        written, flow.unwritten = flow.unwritten, []
        jobs.record(flow.outputs.tx, flow.run, written)
