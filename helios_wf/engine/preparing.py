"""What follows for a job that can start: its inputs are evaluated, and what else its document has of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from helios_wf.cwl.javascript import Work
from helios_wf.engine.evaluation import run_expression
from helios_wf.engine.job import Job
from helios_wf.engine.merges import merge_inputs, open_merge
from helios_wf.engine.recording import leave, record
from helios_wf.engine.reuse import Candidate
from helios_wf.model import Tool
from helios_wf.states import JobState
from helios_wf.store import Tx

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow

Move = Candidate | Callable[[], None]
"""An attempt that may be made of a job, or what the engine itself does of it."""


def prepare(flow: Flow, tx: Tx, job: Job) -> Work[Move]:
    """Evaluates a job that can start, and returns the move that follows."""
    task = flow.plan.tasks[job.task]
    prefix = job.path[: len(task.chain)]
    evaluator = flow.specs.of(job.task)
    if (reason := flow.losses.why(task, prefix)) is not None:
        return partial(leave, flow, tx, job, JobState.CANCELLED, reason)
    if flow.values.is_void(task, prefix) or flow.values.is_skipped(task.guards, prefix):
        return partial(leave, flow, tx, job, JobState.SKIPPED)
    if task.merge is not None and len(job.path) == len(task.chain):
        return partial(open_merge, flow, tx, task, prefix)
    if isinstance(task.process, Tool):
        override = merge_inputs(flow, task, job.path) if task.merge is not None else None
        inputs = yield from evaluator.inputs(prefix, override)
        if inputs is None:
            return partial(leave, flow, tx, job, JobState.SKIPPED)
        resources = yield from evaluator.resources(inputs)
        forbidden = yield from flow.reuse.rule(task.number).work(evaluator.shared() | inputs)
        return Candidate(task, job, inputs, resources, forbidden)
    # what needs no tool: an ExpressionTool, or the entry of a sub-workflow
    inputs = yield from evaluator.all_inputs(job.path)
    if inputs is None:
        return partial(leave, flow, tx, job, JobState.SKIPPED)
    outputs = inputs if task.process is None else (yield from run_expression(task, inputs))
    return partial(record, flow, job, JobState.DONE, outputs)
