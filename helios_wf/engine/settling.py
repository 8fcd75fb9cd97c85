"""The end of attempts: what is settled, tried again, cut or given up, and what is written of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from helios_wf.engine.chains import Void
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Rest
from helios_wf.engine.places import place_of
from helios_wf.engine.verdicts import End, count, end_of, judge, settlement
from helios_wf.errors import JobError
from helios_wf.model import Report
from helios_wf.states import JobState
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
        if rest is None:
            retry = flow.plan.tasks[job.task].retry
            end = End(judge(report, job.tries, retry, flow.stopping), report)
            if flow.chains.covers(job):
                end, void = flow.chains.end(job, report, end, _bisects(flow, job))
                voids += [void] if void is not None else []
        else:
            end = _end(flow, tx, job, report, rest)
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
        flow.settled(job, settled.to, settled.outputs, settled.not_before, rest)
    flow.ledger.flush(tx)
    if voids:
        flow.look_at_losses()
    flow.tally.write(tx)
    return settlements


def _bisects(flow: Flow, job: Job) -> bool:
    """Says whether the file of a chain's job can be cut anywhere."""
    try:
        return flow.ledger.cuts(job)[1]
    except JobError:
        return False


def _end(flow: Flow, tx: Tx, job: Job, report: Report, rest: Rest) -> End:
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
