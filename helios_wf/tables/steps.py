"""The tasks that a caller means."""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.errors import RunError, did_you_mean
from helios_wf.store.rows import RunRow, TaskRow


def of_step(run: RunRow, rows: Sequence[TaskRow], step: str | None) -> list[TaskRow]:
    """Returns the tasks of a step, those of a sub-workflow too; all of them where none is named.

    Raises:
        RunError: there is no such step.
    """
    found = [row for row in rows if step is None or row.name == step or row.name.startswith(f"{step}/")]
    if not found and step is not None:
        names = [row.name for row in rows]
        hint = did_you_mean(step, names) or f"; it has: {', '.join(names)}"
        raise RunError(f"run {run.id} of {run.label} has no step {step!r}{hint}")
    return found
