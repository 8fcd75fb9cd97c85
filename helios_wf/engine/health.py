"""What the store tells of the health of a task, after a restart."""

from __future__ import annotations

from collections.abc import Mapping

from helios_wf.engine import paths
from helios_wf.engine.repair import Health
from helios_wf.model.plans import Task
from helios_wf.states import RangeState
from helios_wf.store import Tx, event_ranges
from helios_wf.store.rows import RangeCount

MOST_READ = 1000
"""Ranges that are looked at of a task of which none has succeeded; there are few."""


def restored(tx: Tx, run: str, task: Task, counts: Mapping[RangeState, RangeCount]) -> Health:
    """Returns the health of a task as it was when its ranges were counted."""
    health = Health(task.tolerate)
    health.is_proven = RangeState.DONE in counts
    if RangeState.FATAL in counts:
        health.lost_events = counts[RangeState.FATAL].n_events
        health.given_up = counts[RangeState.FATAL].n_ranges
    if health.is_proven or RangeState.SPLIT not in counts:
        return health
    for row in event_ranges.list(tx, run, task.number, limit=MOST_READ):
        path = paths.from_text(row.path)
        if row.state is RangeState.SPLIT:
            health.probe = path
        elif row.depth and row.charged and row.stop - row.first == 1:
            health.samples.add((path, row.first))
    return health
