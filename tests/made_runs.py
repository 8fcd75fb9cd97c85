"""Runs that never ran: rows of as many jobs as wanted, written through the store in seconds.

Their times are made: a run begins at an instant of its own, and workers take jobs one after another.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from helios_wf.config import Settings
from helios_wf.cwl.load import load
from helios_wf.launch import new_run
from helios_wf.model import DeviceUse, RangeReport, Resources
from helios_wf.states import Cause, JobState, RangeState, RunState, TaskState
from helios_wf.store import Store, event_ranges, jobs, runs, tasks
from helios_wf.store.rows import Lease, NewRange, RangeLease, RangeSettlement, Settlement

BEGIN = 1_900_000_000.0
"""When made runs begin, in seconds since the epoch."""

BATCH = 2000

CHAIN = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {raw: "File[]"}
steps:
  decode: {scatter: x, in: {x: raw}, out: [y], run: tool.cwl}
  reconstruct: {scatter: x, in: {x: decode/y}, out: [y], run: tool.cwl}
  calibrate: {scatter: x, in: {x: decode/y}, out: [y], run: tool.cwl}
  filter:
    scatter: [x, z]
    scatterMethod: dotproduct
    in: {x: reconstruct/y, z: calibrate/y}
    out: [y]
    run: both.cwl
outputs: {kept: {type: "File[]", outputSource: filter/y}}
"""

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: "true"
inputs: {x: {type: File, inputBinding: {}}%s}
outputs: {y: {type: File, outputBinding: {glob: out}}}
"""

SECONDS = (0.8, 4.0, 1.5, 0.3)
"""What a job of each step takes, about."""


class Made(NamedTuple):
    """A job of a made run: what it took, and how it ended."""

    task: int
    index: int
    host: str
    worker: str
    started_at: float
    took_s: float
    is_bad: bool


def made_run(
    store: Store,
    folder: Path,
    n_jobs: int,
    *,
    n_workers: int = 64,
    failing: float = 0.002,
    said: str = "cannot open calibration",
    gpus: bool = False,
    outputs: Any = None,
) -> str:
    """Returns a run of four steps with so many jobs in all, of which a share failed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tool.cwl").write_text(TOOL % "")
    (folder / "both.cwl").write_text(TOOL % ", z: File")
    (folder / "chain.cwl").write_text(CHAIN)
    settings = Settings.load(home=str(folder / ".helios"), outdir=str(folder))
    raw = [{"class": "File", "path": f"/data/raw{n}.dat", "size": 2_000_000} for n in range(n_jobs // 4)]
    run = new_run(store, load(folder / "chain.cwl"), {"raw": raw}, settings)
    made = _schedule(n_jobs // 4, n_workers, failing)
    while batch := list(islice(made, BATCH)):
        with store.write() as tx:
            jobs.lease(tx, run, [_lease(one, gpus) for one in batch])
            jobs.settle(tx, run, [_settlement(one, said, gpus) for one in batch])
    has_failed = failing > 0
    with store.write() as tx:
        for number in range(4):
            tasks.expanded(tx, run, number, n_jobs // 4)
            tasks.move(tx, run, number, TaskState.IN_PROGRESS)
            tasks.move(tx, run, number, TaskState.FAILED if has_failed else TaskState.DONE)
    end_run(store, run, RunState.FAILED if has_failed else RunState.DONE, outputs)
    return run


def end_run(store: Store, run: str, to: RunState, outputs: Any = None) -> None:
    """Ends a run, and gives it and its jobs the times of a run that was at work."""
    with store.write() as tx:
        epoch = runs.take(tx, run, "made pid 1", 30.0)
        runs.move(tx, run, epoch, RunState.RUNNING)
        runs.move(tx, run, epoch, to, "some jobs failed" if to is RunState.FAILED else "", outputs)
        runs.release(tx, run, epoch)
        for change in (
            "UPDATE jobs SET submitted_at = started_at - 0.5, settled_at = started_at + took_s + 0.1",
            "UPDATE log SET at = :begin",
        ):
            tx.execute(text(f"{change} WHERE run = :run"), {"run": run, "begin": BEGIN})
        last = "(SELECT coalesce(max(started_at + took_s), :begin) + 2 FROM jobs WHERE run = :run)"
        tx.execute(
            text(f"UPDATE runs SET created = :begin, changed = {last} WHERE id = :run"),
            {"run": run, "begin": BEGIN},
        )


def made_ranges(store: Store, run: str, task: int, n_ranges: int, fatal: Sequence[int] = ()) -> None:
    """Gives the first job of a step so many event ranges of ten events, those at ``fatal`` given up."""
    for first in range(0, n_ranges, BATCH):
        numbers = range(first, min(first + BATCH, n_ranges))
        with store.write() as tx:
            ranges = [NewRange(task, "0", 10 * n, 10 * n + 10, 0) for n in numbers]
            event_ranges.add(tx, run, ranges)
            leases = [RangeLease(task, "0", 10 * n, 10 * n + 10, 1, 1) for n in numbers]
            event_ranges.lease(tx, run, leases)
            event_ranges.settle(tx, run, [_range_settlement(task, n, n in fatal) for n in numbers])


def _range_settlement(task: int, n: int, is_bad: bool) -> RangeSettlement:
    report = RangeReport(
        10 * n,
        10 * n + 10,
        1,
        cause=Cause.SIGNAL if is_bad else None,
        signal=11 if is_bad else None,
        message="it was ended by SIGSEGV" if is_bad else "",
        stderr_tail="stack overflow in track fit\n" if is_bad else "",
        n_out=None if is_bad else 7,
        started_at=BEGIN + 1 + n * 1e-3,
        wall_s=0.05,
        outputs={} if is_bad else {"y": {"class": "File", "path": f"/w/{n}", "size": 100}},
    )
    to = RangeState.FATAL if is_bad else RangeState.DONE
    return RangeSettlement(task, "0", 1, to, report, charged=int(is_bad), host="node1", worker="w-1")


def _schedule(n_files: int, n_workers: int, failing: float) -> Iterator[Made]:
    """Yields the jobs of all steps as so many workers would take them."""
    seen = random.Random(7)
    free = [(BEGIN + 1.0 + 0.01 * number, number) for number in range(n_workers)]
    heapq.heapify(free)
    for task, seconds in enumerate(SECONDS):
        for index in range(n_files):
            at, number = heapq.heappop(free)
            took = seconds * seen.lognormvariate(0, 0.35)
            heapq.heappush(free, (at + took + 0.02, number))
            host = f"node{number // 16 + 1:02}"
            yield Made(task, index, host, f"worker-{number}", at, took, seen.random() < failing)


def _lease(one: Made, gpus: bool) -> Lease:
    asked = Resources(cores=1, ram_mb=2000, time_s=600 if one.task == 1 else None, gpus=int(gpus))
    return Lease(one.task, str(one.index), 1, backend="made", directory=f"/w/{one.index}", resources=asked)


def _settlement(one: Made, said: str, gpus: bool) -> Settlement:
    y = {"class": "File", "path": f"/w/{one.index}/out", "basename": "out", "size": 50_000 + one.index % 1000}
    return Settlement(
        one.task,
        str(one.index),
        1,
        JobState.FAILED if one.is_bad else JobState.DONE,
        outputs=None if one.is_bad else {"y": y},
        cause=Cause.EXIT if one.is_bad else None,
        exit_code=7 if one.is_bad else 0,
        message="it exited with 7" if one.is_bad else "",
        stderr_tail=f"reading file {one.index}\n{said}\n" if one.is_bad else "",
        command=("reco", "--in", f"/data/raw{one.index}.dat") if one.is_bad else (),
        started_at=one.started_at,
        wall_s=0.93 * one.took_s,
        took_s=one.took_s,
        cpu_s=0.85 * one.took_s,
        peak_memory_mb=900.0 + one.index % 500,
        host=one.host,
        worker=one.worker,
        devices=(DeviceUse(f"GPU-{one.index % 2}", 3000.0, 65.0),) if gpus else (),
    )
