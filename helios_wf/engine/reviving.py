"""What was taken over and is gone is made again once somebody has to read it.

Nothing is told to a flow that stands: the store is changed, and a new flow is made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.engine.objects import path_of, placed_in
from helios_wf.engine.retrying import forget_followers
from helios_wf.errors import JobError
from helios_wf.model.noun import Json
from helios_wf.store import Tx, event_ranges, jobs, tasks

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow

Key = tuple[int, str]


def renew(tx: Tx, old: Flow, new: Flow) -> None:
    """Makes ready what starving jobs need, or what follows from what has changed, and restores a new flow."""
    if old.reuse.changed:
        forget_followers(tx, old.run, old.plan, old.reuse.changed)
        jobs.compared(tx, old.run, [(task, paths.to_text(path)) for task, path in old.reuse.changed])
    else:
        wanted = set().union(*old.reuse.starved.values())
        chosen = dict(_makers(tx, old.run, wanted))
        made = {path_of(one) for outputs in chosen.values() for one in placed_in(outputs)}
        new.reuse.hopeless = old.reuse.hopeless | (wanted - made)
        jobs.revive(tx, old.run, {key: old.reuse.identity(outputs) for key, outputs in chosen.items()})
        event_ranges.forget(tx, old.run, chosen)
        for task in {task for task, _ in chosen}:
            tasks.reopen(tx, old.run, task)
        new.reuse.n_revived = old.reuse.n_revived + len(chosen)
    new.stopping = old.stopping
    new.restore(tx)
    if old.left:
        new.left, new.failed = new.failed, []


def look_at_outputs(flow: Flow) -> None:
    """Makes sure that what a complete run puts out is there."""
    if not (flow.reuse.is_unsure and flow.is_complete) or flow.is_failing:
        return
    flow.reuse.is_unsure = False
    for number, planned in enumerate(flow.plan.outputs if any(flow.tally.reused) else ()):
        with suppress(JobError):
            flow.reuse.park("output", number, (), flow.reuse.missing(flow.values.output(planned.source)))


def _makers(tx: Tx, run: str, wanted: Collection[str]) -> Iterator[tuple[Key, Json]]:
    """Yields the jobs that took over something which lay in one of these places, with all they took over."""
    for task, path, outputs in jobs.taken_over(tx, run):
        value = outputs
        if value is None:
            value = [part.outputs for part in event_ranges.done(tx, run, task, path)]
        if any(path_of(one) in wanted for one in placed_in(value)):
            yield (task, path), value
