"""``helios-events stats``: statistics of events, as a partial that merges exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.errors import did_you_mean
from helios_wf.event_tools import options
from helios_wf.event_tools.outputs import check_apart, write_whole

if TYPE_CHECKING:
    from helios_wf.event_tools.device import Choice, Device
    from helios_wf.event_tools.partial import Partial, Question
    from helios_wf.event_tools.pieces import Piece

PARTS = ("status", "sensor", "energy")


def statistics(
    pieces: Sequence[Piece],
    question: Question,
    table: str | None,
    types: Mapping[str, str] | None = None,
    device: Device | None = None,
) -> Partial:
    """Returns the statistics of some events of some files, crunched on a device (None: the CPU).

    Raises:
        EventFileError: A file cannot be used.
        InputError: It lacks a column of the question, or has it in a type that will not do.
    """
    from helios_wf.event_tools.columns import opened
    from helios_wf.event_tools.partial import merge
    from helios_wf.event_tools.tally import CPU, Tally, gathered

    device = device or CPU
    columns = {part: name for part in PARTS if (name := getattr(question, f"{part}_column")) is not None}
    counted = [name for part, name in columns.items() if part != "energy"]
    parts = []
    for piece in pieces:
        with opened(
            piece, table, columns, question.filter, types, counted, can_be_left_out=True, xp=device.xp
        ) as reader:
            tally = Tally(question, reader.schema, device)
            for batch in gathered(reader, device.at_once):
                tally.add(batch)
        parts.append(tally.result())
    return merge(parts)


def _parts(_context: click.Context, option: click.Parameter, text: str) -> tuple[str, ...]:
    """Returns the parts in a list with commas."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in parts:
        if part not in PARTS:
            raise click.BadParameter(f"no part named {part!r}{did_you_mean(part, PARTS)}", param=option)
    return parts


@click.command("stats")
@options.files()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON file to write; else on stdout.",
)
@options.event_range
@options.stream
@options.table
@options.types
@options.row_index
@click.option("--filter", "filter_", metavar="EXPRESSION", help="Take only events that pass; as in select.")
@click.option(
    "--without",
    default="",
    metavar="PART,...",
    callback=_parts,
    help="Leave out status, sensor or energy, e.g. as the files have no such column.",
)
@options.column("status", "status", "what is counted as status")
@options.column("sensor", "sensor_id", "what is counted as sensor")
@options.column("energy", "energy", "numbers to add up")
@options.device
@click.option("--threshold", type=float, default=80.0, show_default=True, help="Energies above it are high.")
@click.option("--bins", type=int, default=100, show_default=True, help="Bins of the energy histogram.")
@click.option("--low", type=float, default=0.0, show_default=True, help="Where the histogram begins.")
@click.option("--high", type=float, default=200.0, show_default=True, help="Where the histogram ends.")
def command(
    files: tuple[Path, ...],
    output: Path | None,
    first_event: int,
    n_events: int | None,
    stream: bool,
    table: str | None,
    types: dict[str, str],
    row_index: Path | None,
    filter_: str | None,
    without: tuple[str, ...],
    device: Choice,
    threshold: float,
    bins: int,
    low: float,
    high: float,
    **columns: str,
) -> None:
    """Count events, status and sensors; sum up energies; count high ones; fill a histogram.

    The sums are exact: parts of any size, merged in any order with "helios-events merge", give the same
    bytes as all events at once.  Bin i holds edge(i) <= energy < edge(i + 1), edge(i) being the double
    nearest to low + i * (high - low) / bins.
    """
    from helios_wf import formats
    from helios_wf.event_tools.device import device_of
    from helios_wf.event_tools.partial import Question, to_json
    from helios_wf.event_tools.pieces import pieces
    from helios_wf.event_tools.streaming import for_each_range

    if not math.isfinite(threshold):
        raise click.BadParameter(f"{threshold} is no energy", param_hint="--threshold")
    check_apart([output], [*files, row_index])
    names = {f"{part}_column": None if part in without else columns[f"{part}_column"] for part in PARTS}
    question = Question(**names, threshold=threshold, bins=bins, low=low, high=high, filter=filter_)
    for path in files:
        formats.check_table(path, table)
    where = device_of(device)

    def count(first: int, number: int | None) -> bytes:
        wanted = pieces(files, table, first, number, row_index)
        return to_json(statistics(list(wanted), question, table, types, where))

    if stream:
        if output is None or len(files) != 1:
            raise click.UsageError("--stream takes one file, and needs --output")
        for_each_range(output, lambda first, number, into: write_whole(into, count(first, number)))
    elif output is None:
        click.echo(count(first_event, n_events), nl=False)
    else:
        write_whole(output, count(first_event, n_events))
