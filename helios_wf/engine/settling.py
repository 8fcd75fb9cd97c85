"""The end of attempts: what is settled, tried again, cut or given up, and what is written of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from helios_wf.engine.chains import Void
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Rest
from helios_wf.engine.merges import complete_in_merge
from helios_wf.engine.places import place_of
from helios_wf.engine.verdicts import End, count, end_of, judge, settlement
from helios_wf.errors import JobError
from helios_wf.model import Report
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.store import Tx, jobs
from helios_wf.store.rows import Settlement

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow


def settle(flow: Flow, tx: Tx, reports: Iterable[Report]) -> list[Settlement]:
    """Settles reports of attempts that are handed out, tells the flow, and returns what was written."""
    known = [(job, one) for one in reports if (job := flow.inflight.pop(one.handle, None)) is not None]
    rests = {one.handle: flow.ledger.end(tx, job, one) for job, one in known if flow.ledger.covers(job)}
    flow.ledger.flush(tx)
    flow.look_at_losses()
    settlements, chosen = [], {}
    voids: list[Void] = []
    for job, report in known:
        if report.differences:
            flow.ways.differs(tx, job.task, report.differences)
        rest = rests.get(report.handle)
        if rest is not None:
            end = _end_with_ranges(flow, tx, job, report, rest)
        else:
            end, void = _end(flow, job, report)
            voids += [void] if void is not None else []
        not_before = time.time() + end.verdict.wait_s if end.verdict.to is JobState.READY else 0.0
        place = place_of(flow.plan, job.task, report.expression)
        settled = settlement(job, end.report, end.verdict, not_before, place, has_ranges=rest is not None)
        settlements.append(settled)
        again = job._replace(tries=count(job.tries, end.verdict, end.report.cause), begun=False)
        chosen[settled.task, settled.path] = (again, settled, rest)
    accepted = jobs.settle(tx, flow.run, settlements)
    for void in voids:
        # before its index is complete: what reads all of the step waits for the halves
        flow.chains.apply(tx, void)
    for key in accepted:
        job, settled, rest = chosen[key]
        follow(flow, job, settled.to, settled.outputs, settled.not_before, rest)
    flow.ledger.flush(tx)
    if voids:
        flow.look_at_losses()
    flow.tally.write(tx)
    return settlements


def follow(
    flow: Flow,
    job: Job,
    to: JobState,
    outputs: dict[str, Json] | None,
    not_before: float = 0.0,
    rest: Rest | None = None,
) -> None:
    """Takes that a job was settled: what follows for those that wait for it, or for itself."""
    flow.tally.move(job.task, JobState.LEASED, to)
    if to is JobState.READY:
        due = rest.due if rest else not_before
        flow.wait(job, None if due is None else max(due, not_before))
    elif to in GOOD_JOBS:
        if rest is None:
            flow.outputs.keep(job.task, job.path, None if to is JobState.SKIPPED else outputs)
        flow.reuse.compare(job)
        complete(flow, job.task, job.path)
    elif flow.losses.takes(job, to):
        flow.losses.lose(job, to)
        complete(flow, job.task, job.path)
        flow.look_at_losses()
    else:
        flow.fail(job)


def complete(flow: Flow, task: int, path: Path) -> None:
    """Tells those that wait for a job that it is over."""
    if flow.plan.tasks[task].merge is None:
        flow.frontier.complete(task, path)
    else:
        complete_in_merge(flow, task, path)


def _end(flow: Flow, job: Job, report: Report) -> tuple[End, Void | None]:
    """Returns how an attempt without event ranges ends its job; and the range that becomes void with it."""
    end = End(judge(report, job.tries, flow.plan.tasks[job.task].retry, flow.stopping), report)
    if not flow.chains.covers(job):
        return end, None
    return flow.chains.end(job, report, end, _bisects(flow, job))


def _bisects(flow: Flow, job: Job) -> bool:
    """Says whether the file of a chain's job can be cut anywhere."""
    try:
        return flow.ledger.cuts(job)[1]
    except JobError:
        return False


def _end_with_ranges(flow: Flow, tx: Tx, job: Job, report: Report, rest: Rest) -> End:
    """Returns how an attempt with event ranges ends its job, or that it does not."""
    task = flow.plan.tasks[job.task]
    end = end_of(job, task, report, rest, flow.stopping, flow.tally.given_up.get(job.task))
    if end.verdict.to is JobState.FAILED and rest.lost_events:
        end = end.blaming(flow.losses.blamed(tx, job, end.report))
    if end.verdict.to in (JobState.FAILED, JobState.CANCELLED):
        flow.ledger.cancel(tx, job)
    else:
        flow.ledger.close(job)
    return end
