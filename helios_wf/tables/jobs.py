"""The table of the jobs of a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from helios_wf import formats
from helios_wf.model.noun import Json
from helios_wf.store import Tx, jobs, tasks

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: dict[str, type] = {
    "step": str,
    "index": str,
    "state": str,
    "attempt": int,
    "tries": int,
    "lost": int,
    "file": str,
    "first": int,
    "stop": int,
    "cause": str,
    "exit_code": int,
    "signal": int,
    "message": str,
    "backend": str,
    "host": str,
    "worker": str,
    "started": datetime,
    "wall_s": float,
    "cpu_s": float,
    "peak_memory_mb": float,
    "stderr_tail": str,
    "folder": str,
}
"""Column: type of its values, each of which may be None.  ``started`` is in UTC, by the clock of the worker.

``tries`` are failed attempts that were the job's own, ``lost`` those that were not (a worker that went away).
"""


def records(tx: Tx, run: str) -> Iterator[tuple[Json, ...]]:
    """Yields the values of the columns for each job of a run that there is so far, by step and index."""
    steps = {task.number: task.name for task in tasks.list(tx, run)}
    for job in jobs.every(tx, run):
        is_begun = job.started_at > 0
        yield (
            steps[job.task],
            job.path,
            str(job.state),
            job.attempt,
            job.charged,
            job.lost,
            job.file,
            job.first,
            job.stop,
            job.cause and str(job.cause),
            job.exit_code,
            job.signal,
            job.message or None,
            job.backend or None,
            job.host or None,
            job.worker or None,
            datetime.fromtimestamp(job.started_at, UTC) if is_begun else None,
            job.wall_s if is_begun else None,
            job.cpu_s if is_begun else None,
            job.peak_memory_mb,
            job.stderr_tail or None,
            job.directory or None,
        )


def to_arrow(tx: Tx, run: str) -> pa.Table:
    """Returns all of them as an Arrow table."""
    return formats.record_table(COLUMNS, records(tx, run))
