"""Runs one attempt of a job with event ranges: feeds its tool, and says what became of each range.

All ways (``model.Way``) give the same outputs.  The engine alone decides what becomes of a range that
failed: nothing is tried again here.  A tool that is not compiled cannot be resident: it gets a process for
each range.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from helios_wf.cwl.program import CompiledProgram, Program, program_of
from helios_wf.errors import HeliosError
from helios_wf.feeding.conversation import Patience
from helios_wf.feeding.hand import Feeder, Hand
from helios_wf.feeding.process import run_each
from helios_wf.feeding.resident import Residency
from helios_wf.feeding.tally import Tally
from helios_wf.model import Feeding, JobSpec, Json, Report, Way
from helios_wf.processes import GRACE_S
from helios_wf.runner.outcome import DISK_ERRORS, cause_of
from helios_wf.states import PERMANENT, Cause

__all__ = ["Feeder", "Patience", "run"]

PATIENCE = Patience()


def run(
    spec: JobSpec,
    tool: Mapping[str, Json] | Program,
    constants: Mapping[str, Json] | None = None,
    *,
    feeder: Feeder | None = None,
    on_start: Callable[[int], None] = lambda pid: None,
    grace_s: float = GRACE_S,
    worker: str = "",
    scratch: str | None = None,
    patience: Patience = PATIENCE,
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
        scratch: a folder to be TMPDIR, as in ``runner.run``, for a process of one range.
        patience: how long a resident tool may take for what is no range's work.
    """
    started_at, begun = time.time(), time.monotonic()
    feeding = spec.feeding or Feeding(way=Way.PROCESS, ranges=())
    hand, tally = Hand(spec, feeding, feeder, worker), Tally()
    given, start = constants or {}, _once(on_start)

    def feed(program: Program) -> Report | None:
        if feeding.way is Way.PROCESS or not isinstance(program, CompiledProgram):
            how: dict[str, Any] = {"interrupt": feeder, "on_start": start, "scratch": scratch}
            return run_each(spec, feeding, program, given, hand, tally, grace_s=grace_s, **how)
        own = {**given, **spec.inputs}
        return Residency(
            spec, feeding, program, own, hand, tally, on_start=start, grace_s=grace_s, patience=patience
        ).run()

    try:
        ended = _tried(spec, tool, feed)
    except SystemExit:
        # the worker is told to end: what was done until then must not be lost with it
        hand.tell()
        raise
    if hand.interrupted:
        ended = ended or _failed(spec, Cause.CANCELLED, "it was cancelled")
        hand.tell()
    report = _whole(ended or Report(run=spec.run, key=spec.key, attempt=spec.attempt), hand, tally)
    took_s = time.monotonic() - begun
    return replace(report, started_at=started_at, wall_s=took_s, took_s=took_s, worker=worker)


def _once(on_start: Callable[[int], None]) -> Callable[[int], None]:
    """Returns what passes on the first call alone."""
    calls = [on_start]

    def start(pid: int) -> None:
        if calls:
            calls.pop()(pid)

    return start


def _whole(report: Report, hand: Hand, tally: Tally) -> Report:
    """Returns a report with what became of the ranges, and with what they used."""
    return replace(
        report,
        outputs={},
        ranges=hand.untold(),
        cpu_s=tally.cpu_s,
        peak_memory_mb=tally.peak_memory_mb,
        host=os.uname().nodename,
        differences=tally.differences,
    )


def _tried(
    spec: JobSpec, tool: Mapping[str, Json] | Program, feed: Callable[[Program], Report | None]
) -> Report | None:
    """Feeds a tool in the folder of its attempt; returns what ended that before its time, or an error did."""
    try:
        os.makedirs(spec.directory)
        return feed(tool if isinstance(tool, Program) else program_of(tool))
    except HeliosError as error:
        return _failed(spec, *cause_of(error), getattr(error, "expression", ""))
    except OSError as error:
        cause = Cause.DISK if error.errno in DISK_ERRORS else Cause.LOST
        return _failed(spec, cause, f"the attempt could not be run: {error}")
    except Exception as error:
        return _failed(spec, Cause.BAD_INPUT, f"internal error: {type(error).__name__}: {error}")


def _failed(spec: JobSpec, cause: Cause, message: str, expression: str = "") -> Report:
    return Report(
        run=spec.run,
        key=spec.key,
        attempt=spec.attempt,
        cause=cause,
        message=message,
        expression=expression,
        permanent=cause in PERMANENT,
    )
