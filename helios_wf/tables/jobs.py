"""The table of the jobs of a run."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from helios_wf import formats
from helios_wf.model.noun import Json
from helios_wf.store import Tx, jobs, tasks
from helios_wf.tables.sizes import n_bytes

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
    "submitted": datetime,
    "started": datetime,
    "settled": datetime,
    "queue_s": float,
    "took_s": float,
    "wall_s": float,
    "cpu_s": float,
    "peak_memory_mb": float,
    "asked_cores": float,
    "asked_memory_mb": float,
    "asked_time_s": float,
    "asked_gpus": int,
    "devices": str,
    "device_memory_mb": float,
    "device_utilisation": float,
    "output_bytes": int,
    "reused": str,
    "stderr_tail": str,
    "folder": str,
}
"""Column: type of its values, each of which may be None.  Instants are in UTC, by the clock of who saw them.

``tries`` are failed attempts that were the job's own, ``lost`` those that were not (a worker that went away).
The last attempt waited for ``queue_s``, then took ``took_s``, of which its tool ran for ``wall_s``.
"""


def records(tx: Tx, run: str) -> Iterator[tuple[Json, ...]]:
    """Yields the values of the columns for each job of a run that there is so far, by step and index."""
    steps = {task.number: task.name for task in tasks.list(tx, run)}
    for job in jobs.every(tx, run):
        is_begun = job.started_at > 0
        queue_s = max(job.started_at - job.submitted_at, 0.0) if is_begun and job.submitted_at else None
        devices = job.devices
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
            *map(_instant, (job.submitted_at, job.started_at, job.settled_at)),
            queue_s,
            *((job.took_s, job.wall_s, job.cpu_s) if is_begun else (None, None, None)),
            job.peak_memory_mb,
            job.asked_cores,
            job.asked_memory_mb,
            job.asked_time_s,
            job.asked_gpus,
            " ".join(device.uuid for device in devices) or None,
            max((device.peak_memory_mb for device in devices), default=None),
            sum(device.utilisation for device in devices) / len(devices) if devices else None,
            n_bytes(job.outputs) if job.outputs else None,
            job.reused,
            job.stderr_tail or None,
            job.directory or None,
        )


def _instant(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def write_csv(tx: Tx, run: str, path: Path) -> None:
    """Writes them to a CSV file: a line for the columns and one for each job."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in records(tx, run):
            writer.writerow([_text(cell) for cell in record])


def _text(cell: Json) -> Json:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds")
    return round(cell, 6) if isinstance(cell, float) else cell


def write_parquet(tx: Tx, run: str, path: Path) -> None:
    """Writes them to a Parquet file."""
    formats.write_records(path, COLUMNS, records(tx, run))


def to_arrow(tx: Tx, run: str) -> pa.Table:
    """Returns all of them as an Arrow table."""
    return formats.record_table(COLUMNS, records(tx, run))
