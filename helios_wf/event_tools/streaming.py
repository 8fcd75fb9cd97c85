"""``--stream``: an event program that is started once and takes event ranges one after another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from helios_wf.errors import HeliosError
from helios_wf.event_stream import RangeError, event_ranges
from helios_wf.event_tools.failures import failure_of


def for_each_range(output: Path, work: Callable[[int, int, Path], int | None]) -> None:
    """Does the work of a program for each range that is told on standard input.

    Args:
        output: its name is that of the output in each range's folder.
        work: takes the first event, the number of events and the output; returns how many events it wrote.
    """
    for events in event_ranges():
        with events:
            try:
                events.n_out = work(events.first, len(events), Path(events.outdir, output.name))
            except (HeliosError, OSError) as error:
                message, code = failure_of(error)
                raise RangeError(message, code=code) from None
