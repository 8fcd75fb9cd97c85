"""Domains whose arrays and files are known: how many indices they have is found out and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.engine.job import Job
from helios_wf.engine.recording import record
from helios_wf.errors import JobError
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path
from helios_wf.states import JobState
from helios_wf.store import Tx, shapes

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow


def expand(flow: Flow, tx: Tx, limit: int) -> bool:
    """Sizes up to ``limit`` domains that can be; says whether there were any."""
    rows: list[tuple[int, str, Json]] = []
    is_any = False
    for number, path in flow.sizing.domains(limit):
        is_any = True
        if flow.sizing.defers(number, path):
            continue
        try:
            shape = flow.sizing.shape(flow.plan.domains[number], path)
        except JobError as error:
            missing = flow.reuse.missing(flow.sizing.file(number, path))
            if flow.reuse.park("domain", number, path, missing):
                continue
            if _fail(flow, number, path, error):
                break
            continue
        rows.append((number, paths.to_text(path), shape.payload))
        flow.sizing.open(number, path, shape)
    shapes.put_many(tx, flow.run, rows)
    flow.look_at_losses()
    return is_any or flow.is_failing


def _fail(flow: Flow, number: int, path: Path, error: JobError) -> bool:
    """Records a failed job for the first task that ranges over a domain which cannot be sized.

    Where no task does, only an output of the run can: it says the same when it is read.
    """
    task = next((task for task in flow.plan.tasks if number in task.chain), None)
    if task is not None:
        record(flow, Job(task.number, path), JobState.FAILED, error=error)
    return task is not None
