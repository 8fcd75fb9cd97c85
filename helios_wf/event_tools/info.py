"""``helios-events info``: what files of events hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from helios_wf.errors import InputError
from helios_wf.event_tools import options
from helios_wf.event_tools.outputs import check_apart, write_whole

if TYPE_CHECKING:
    from helios_wf.model import Json, Layout


def describe(path: Path, layout: Layout, first: int, count: int | None) -> tuple[dict[str, Json], int]:
    """Returns what is known of a file as JSON, and how many of ``count`` events are still to come after it.

    Args:
        path: the file.
        layout: what ``formats.probe`` said.
        first: position in this file of the first event asked for.
        count: how many were asked for; None: all.
    """
    start = min(first, layout.n_events)
    stop = layout.n_events if count is None else min(first + count, layout.n_events)
    return {
        "path": str(path),
        "size": path.stat().st_size,
        "format": layout.format,
        "table": layout.table,
        "n_events": layout.n_events,
        "counted_by": layout.counted_by,
        "seekable": layout.seekable,
        "clusters": list(layout.clusters),
        "columns": {column.name: column.type for column in layout.columns},
        "first": start,
        "stop": stop,
    }, stop - start


@click.command("info")
@options.files()
@options.event_range
@options.table
@options.types
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--row-index",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write where the rows of one text file start, for the other programs.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else stdout."
)
def command(
    files: tuple[Path, ...],
    first_event: int,
    n_events: int | None,
    table: str | None,
    types: dict[str, str],
    row_index: Path | None,
    form: Literal["text", "json"],
    output: Path | None,
) -> None:
    """Show the format, table, number of events, clusters and columns of files of events.

    With a range, "first" and "stop" say which events of each file it means.
    """
    import msgspec

    from helios_wf import formats

    check_apart([output, row_index], files)
    if row_index:
        write_row_index(files, row_index)
    found = []
    for path in files:
        formats.check_table(path, table)
        layout = formats.probe(path, table=table, types=types)
        facts, taken = describe(path, layout, first_event, n_events)
        found.append(facts)
        first_event = max(first_event - layout.n_events, 0)
        n_events = None if n_events is None else n_events - taken
    if form == "json":
        text = msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
    else:
        text = "\n".join(map(as_text, found))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text.encode())


def write_row_index(files: tuple[Path, ...], output: Path) -> None:
    """Writes where the rows of a text file start.

    Raises:
        InputError: There is more than one file, or it is no text.
    """
    from helios_wf import formats

    index = formats.build_index(files[0]) if len(files) == 1 else None
    if index is None:
        raise InputError("a row index is of one text file; other formats know where their events are")
    write_whole(output, index.to_json())


def as_text(facts: dict[str, Json]) -> str:
    """Returns the facts of one file for people: a line of each kind, then a line of each column."""
    clusters = max(len(facts["clusters"]) - 1, 0)
    seeking = "" if facts["seekable"] else ", can only be read from its start"
    lines = [
        f"{facts['path']}",
        f"  format   {facts['format']}{seeking}, {facts['size']} bytes",
        f"  events   {facts['n_events']} (by {facts['counted_by']})",
    ]
    if (facts["first"], facts["stop"]) != (0, facts["n_events"]):
        lines.append(f"  range    [{facts['first']}, {facts['stop']})")
    if facts["table"]:
        lines.append(f"  table    {facts['table']}")
    if clusters:
        lines.append(f"  clusters {clusters}")
    width = max((len(name) for name in facts["columns"]), default=0)
    lines += [f"  column   {name:{width}}  {kind}" for name, kind in facts["columns"].items()]
    return "\n".join(lines) + "\n"
