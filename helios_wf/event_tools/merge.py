"""``helios-events merge``: files of events in order, or partial statistics, into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.errors import InputError
from helios_wf.event_tools import options
from helios_wf.event_tools.outputs import check_apart, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.event_tools.pieces import Piece


@click.command("merge")
@options.files()
@options.output
@options.event_range
@options.table
@options.types
def command(
    files: tuple[Path, ...],
    output: Path,
    first_event: int,
    n_events: int | None,
    table: str | None,
    types: dict[str, str],
) -> None:
    """Join files of events in the order given, or partial statistics; their content says which they are.

    Files of events of one format and the same columns become one of the format that the name of --output
    says.  Statistics are added up exactly; merging parts of parts gives the same as merging all at once.
    """
    from helios_wf.event_tools import partial

    check_apart([output], files)
    kinds = [partial.is_partial(path) for path in files]
    whole = first_event == 0 and n_events is None
    if not any(kinds):
        merge_events(files, output, table, types, first_event, n_events)
    elif not all(kinds):
        raise InputError(
            f"{files[kinds.index(True)]} holds partial statistics but {files[kinds.index(False)]} does not; "
            "merge files of one kind"
        )
    elif not whole or table is not None or types:
        raise InputError(
            "partial statistics have no events to choose from; "
            "leave out --first-event, --n-events, --table, --type"
        )
    else:
        merged = partial.merge([partial.read(path) for path in files], files)
        write_whole(output, partial.to_json(merged))


def merge_events(
    files: Sequence[Path],
    output: Path,
    table: str | None,
    types: Mapping[str, str],
    first: int = 0,
    count: int | None = None,
) -> None:
    """Writes the events of files in order: all, or ``count`` from position ``first`` on.

    Raises:
        EventFileError: A file cannot be used, or has other columns than the first.
    """
    from helios_wf import formats
    from helios_wf.event_tools.pieces import pieces

    for path in files:
        formats.check_table(path, table)
    if first == 0 and count is None and table is None:
        formats.merge(files, output, types=types)
        return
    wanted = list(pieces(files, table, first, count))
    with formats.read(files[0], 0, 0, table=table, types=types) as reader:
        schema = reader.schema
    formats.write(output, _events(wanted, table, types, schema), schema)


def _events(
    pieces: Sequence[Piece], table: str | None, types: Mapping[str, str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yields the events of pieces, which all have the columns of the first."""
    from helios_wf import formats

    for piece in pieces:
        with formats.read(piece.path, piece.first, piece.stop, table=table, types=types) as reader:
            if reader.schema.names != schema.names:
                raise InputError(
                    f"{piece.path} has the columns {', '.join(reader.schema.names)}; "
                    f"those of the first file are wanted: {', '.join(schema.names)}"
                )
            yield from (batch.cast(schema) for batch in reader)
