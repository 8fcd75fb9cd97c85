"""``helios-events select``: some events and columns of a file, in any format that can be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.event_tools import options
from helios_wf.event_tools.outputs import check_apart

if TYPE_CHECKING:
    from helios_wf.event_tools.device import Choice


@click.command("select")
@click.argument("file", type=click.Path(path_type=Path))
@options.output
@options.event_range
@options.stream
@options.table
@options.types
@options.row_index
@click.option(
    "--filter",
    "filter_",
    metavar="EXPRESSION",
    help="""Keep events that pass, e.g. 'energy > 80 and status == "active"'.""",
)
@options.device
@click.option("--columns", metavar="NAME,...", help="Keep these columns, in this order; all if not given.")
def command(
    file: Path,
    output: Path,
    first_event: int,
    n_events: int | None,
    stream: bool,
    table: str | None,
    types: dict[str, str],
    row_index: Path | None,
    filter_: str | None,
    device: Choice,
    columns: str | None,
) -> None:
    """Keep the events of a range that pass a filter, in their order, and some of their columns."""
    from helios_wf import formats
    from helios_wf.event_tools.device import device_of
    from helios_wf.event_tools.pieces import piece_of
    from helios_wf.event_tools.streaming import for_each_range

    check_apart([output], [file, row_index])
    where = device_of(device)
    formats.check_table(file, table)
    names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]

    def keep(first: int, count: int | None, into: Path) -> int:
        piece = piece_of(file, first, count, row_index)
        with formats.read(
            piece.path,
            piece.first,
            piece.stop,
            columns=names,
            filter=filter_,
            table=table,
            types=types,
            index=piece.index,
            xp=where.xp,
            batch_events=where.at_once or formats.BATCH_EVENTS,
        ) as reader:
            return formats.write(into, reader, reader.schema)

    if stream:
        for_each_range(output, keep)
    else:
        keep(first_event, n_events, output)
