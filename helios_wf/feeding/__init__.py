"""Runs one attempt of a job with event ranges: feeds its tool, and says what became of each range.

A room of its own for each way (``model.Way``); all give the same outputs.  The engine alone decides what
becomes of a range that failed: nothing is tried again here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from helios_wf.cwl.program import Program
from helios_wf.feeding.hand import Feeder, Hand
from helios_wf.feeding.process import run_each
from helios_wf.feeding.tally import Tally
from helios_wf.model import Feeding, JobSpec, Json, Report, Way
from helios_wf.processes import GRACE_S
from helios_wf.states import Cause

__all__ = ["Feeder", "run"]


def run(
    spec: JobSpec,
    tool: Mapping[str, Json] | Program,
    constants: Mapping[str, Json] | None = None,
    *,
    feeder: Feeder | None = None,
    on_start: Callable[[int], None] = lambda pid: None,
    grace_s: float = GRACE_S,
    worker: str = "",
) -> Report:
    """Runs one attempt that has a ``feeding`` and returns its report.  Never raises.

    Args:
        spec: what to run; its directory must not exist.
        tool: the tool's body, or a program made of it.
        constants: inputs that all jobs of the task share; the spec's own go over them.
        feeder: gives further ranges, takes news, and may ask to end the attempt, which is then reported as
            CANCELLED; without one, the ranges of the spec are all, and the report tells of all of them.
        on_start: called once with the process id of a tool that has run for ``processes.NEWS_S``.
        grace_s: seconds between SIGTERM and SIGKILL.
        worker: the name of the worker, for the report.
    """
    feeding = spec.feeding or Feeding(way=Way.PROCESS, ranges=())
    started_at, begun = time.time(), time.monotonic()
    hand, tally = Hand(spec, feeding, feeder, worker), Tally()
    calls = [on_start]

    def start(pid: int) -> None:
        if calls:
            calls.pop()(pid)

    ended = _refused(spec, feeding) or _taken(spec)
    if ended is None:
        ended = run_each(
            spec,
            feeding,
            tool,
            constants or {},
            hand,
            tally,
            interrupt=feeder,
            on_start=start,
            grace_s=grace_s,
        )
    if ended is None and hand.interrupted:
        ended = _failed(spec, Cause.CANCELLED, "it was cancelled")
    return replace(
        ended or Report(run=spec.run, key=spec.key, attempt=spec.attempt),
        outputs={},
        ranges=hand.untold(),
        started_at=started_at,
        wall_s=time.monotonic() - begun,
        cpu_s=tally.cpu_s,
        peak_memory_mb=tally.peak_memory_mb,
        host=os.uname().nodename,
        worker=worker,
    )


def _refused(spec: JobSpec, feeding: Feeding) -> Report | None:
    """Returns a report that says what a feeding lacks."""
    if feeding.way is not Way.PROCESS:
        return _failed(spec, Cause.NOT_STARTED, f"this worker cannot feed a tool as {feeding.way}")
    return None


def _taken(spec: JobSpec) -> Report | None:
    """Makes the attempt's directory; returns a report that says why that failed."""
    try:
        os.makedirs(spec.directory)
    except OSError as error:
        return _failed(spec, Cause.LOST, f"the attempt could not be run: {error}")
    return None


def _failed(spec: JobSpec, cause: Cause, message: str) -> Report:
    return Report(run=spec.run, key=spec.key, attempt=spec.attempt, cause=cause, message=message)
