"""The failures of a run, from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helios_wf.failures.kinds import Kind, Kinds

if TYPE_CHECKING:
    from helios_wf.store import Tx


def of_run(tx: Tx, run: str) -> list[Kind]:
    """Returns the kinds of failures among all jobs of a run that failed for good."""
    from helios_wf.store import jobs, tasks

    kinds = Kinds(run, {row.number: row for row in tasks.list(tx, run)})
    for row in jobs.failed(tx, run):
        kinds.add(row)
    return kinds.all()
