"""A process for each event range: each runs as a job of its own would, in a folder of its own.

DIRECTORY/ranges/FIRST-STOP.NUMBER/{out,tmp,inputs,stdout,stderr}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from helios_wf.cwl.program import Program
from helios_wf.feeding.hand import Hand
from helios_wf.feeding.tally import Tally
from helios_wf.model import EventRange, Feeding, JobSpec, Json, RangeReport, Report
from helios_wf.processes import Interrupt
from helios_wf.runner import run
from helios_wf.states import Cause


def run_each(
    spec: JobSpec,
    feeding: Feeding,
    tool: Mapping[str, Json] | Program,
    constants: Mapping[str, Json],
    hand: Hand,
    tally: Tally,
    *,
    interrupt: Interrupt | None,
    on_start: Callable[[int], None],
    grace_s: float,
    scratch: str | None,
) -> Report | None:
    """Runs the ranges in hand, one after another; returns what ended the attempt before its time, if so.

    What the tool does to a range is that range's.  What keeps the tool from being started, a full disk and
    a request to end are the attempt's.
    """
    while (one := hand.take()) is not None:
        part = part_of(spec, feeding, one)
        begin = _beginning(one, hand, on_start)
        report = run(
            part, tool, constants, interrupt=interrupt, on_start=begin, grace_s=grace_s, scratch=scratch
        )
        tally.add(report.cpu_s, report.peak_memory_mb)
        tally.differences += report.differences
        has_run = report.wall_s > 0
        if report.cause is Cause.CANCELLED or not has_run:
            return report
        hand.end(range_of(one, report, part.directory))
        hand.tell_if_due()
        if report.cause is Cause.DISK:
            return report
    return None


def _beginning(one: EventRange, hand: Hand, on_start: Callable[[int], None]) -> Callable[[int], None]:
    """Returns what is called when a range is found at work."""

    def begin(pid: int) -> None:
        on_start(pid)
        hand.begin(one)
        hand.tell(pid)

    return begin


def part_of(spec: JobSpec, feeding: Feeding, one: EventRange) -> JobSpec:
    """Returns a range as an attempt of its own."""
    told: dict[str, Json] = {feeding.first: one.first, feeding.count: one.stop - one.first}
    return replace(spec, directory=f"{spec.directory}/ranges/{one.id}", inputs={**spec.inputs, **told})


def range_of(one: EventRange, report: Report, directory: str) -> RangeReport:
    """Returns what is reported of a range that was run as an attempt of its own."""
    return RangeReport(
        first=one.first,
        stop=one.stop,
        number=one.number,
        cause=report.cause,
        outputs=report.outputs,
        exit_code=report.exit_code,
        signal=report.signal,
        permanent=report.permanent,
        temporary=report.temporary,
        message=report.message,
        stderr_tail=report.stderr_tail,
        directory=directory,
        started_at=report.started_at,
        wall_s=report.wall_s,
        cpu_s=report.cpu_s,
        peak_memory_mb=report.peak_memory_mb,
    )
