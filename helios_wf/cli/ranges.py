"""``helios-wf ranges``: where the event ranges of a run stand, and why some failed."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from helios_wf.cli.options import run_argument, settings_options
from helios_wf.cli.output import Cell, table
from helios_wf.config import Settings
from helios_wf.failures import briefly, job_name, told
from helios_wf.model.noun import Json
from helios_wf.states import RangeState
from helios_wf.wording import count_text

if TYPE_CHECKING:
    from helios_wf.store.rows import RangeRow
    from helios_wf.tables.ranges import Book

SHOWN = 100
"""Ranges that the table shows at most."""

TOLD = 5
"""Ranges whose log's end is shown below the table."""


@click.command()
@run_argument
@click.argument("step", required=False)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.lower() for state in RangeState]),
    help="Only ranges in this state; failed: those given up too; may be repeated.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    default="table",
    show_default=True,
    help=f"A table of up to {SHOWN} for people, or all of them.",
)
@click.option(
    "--output",
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file.",
)
@settings_options()
def ranges(
    run: str | None,
    step: str | None,
    states: tuple[str, ...],
    output: str,
    target: Path | None,
    settings: Settings,
) -> None:
    """Show the event ranges of a run, or of one of its steps: where they stand, and why some failed.

    Without RUN, the latest run.  For each range: its file and events, state, tries, cause, exit code or
    signal, worker, times, events written, the end of its log, and the folder where the whole log is.
    """
    from helios_wf.launch import find_run
    from helios_wf.store import Store
    from helios_wf.tables.ranges import Book, chosen

    store = Store.open(settings.store, settings.home)
    book = Book(store, find_run(store, run), step, chosen(states))
    writers: dict[str, Callable[[Book, IO[str]], None]] = {"table": _table, "json": _json, "csv": write_csv}
    if output == "parquet":
        _parquet(book, target)
    elif target is None:
        writers[output](book, sys.stdout)
    else:
        with _opened(target) as out:
            writers[output](book, out)


def _table(book: Book, out: IO[str]) -> None:
    from helios_wf.tables.ranges import LOST

    counts = book.counts()
    if not counts:
        out.write(f"run {book.run.id} of {book.run.label} has no such event ranges\n")
        return
    shown = list(islice(book.rows(), SHOWN))
    headers = ("job", "file", "events", "state", "tries", "why", "worker", "seconds", "written")
    out.write(table([_cells(book, row, file) for row, file, _ in shown], headers) + "\n")
    n_ranges = sum(count.n_ranges for count in counts.values())
    if n_ranges > len(shown):
        out.write(f"and {n_ranges - len(shown):,} more: --format csv shows all\n")
    for one in islice((one for one in shown if one[0].state in LOST), TOLD):
        out.write("\n".join(told(book.failure(*one))) + "\n")
    summed = [
        f"{count.n_ranges:,} {state} ({count_text(count.n_events, 'event')})"
        for state, count in counts.items()
    ]
    out.write(f"{count_text(n_ranges, 'event range')}: {', '.join(summed)}\n")


def _cells(book: Book, row: RangeRow, file: str) -> tuple[Cell, ...]:
    from helios_wf.tables.ranges import seconds

    return (
        job_name(book.name(row), row.path),
        Path(file).name or None,
        f"[{row.first}, {row.stop})",
        row.state,
        row.number,
        briefly(row),
        row.worker or None,
        None if (wall_s := seconds(row)) is None else round(wall_s, 3),
        row.n_out,
    )


def _json(book: Book, out: IO[str]) -> None:
    """Writes one JSON array, an object for each range, one after another."""
    from helios_wf.tables.ranges import COLUMNS

    lead = "["
    for record in _texts(book):
        out.write(f"{lead}\n {json.dumps(dict(zip(COLUMNS, record, strict=True)), ensure_ascii=True)}")
        lead = ","
    out.write("[]\n" if lead == "[" else "\n]\n")


def write_csv(book: Book, out: IO[str]) -> None:
    """Writes a line for the columns and one for each range, one after another."""
    from helios_wf.tables.ranges import COLUMNS

    writer = csv.writer(out, lineterminator="\n")
    for record in chain([tuple(COLUMNS)], _texts(book)):
        writer.writerow(record)


def _texts(book: Book) -> Iterator[tuple[Json, ...]]:
    """Yields the records with instants as text."""
    for record in book.records():
        yield tuple(
            cell.isoformat(timespec="milliseconds") if isinstance(cell, datetime) else cell for cell in record
        )


def _parquet(book: Book, target: Path | None) -> None:
    from helios_wf import formats
    from helios_wf.tables.ranges import COLUMNS

    if target is not None:
        formats.write_records(target, COLUMNS, book.records())
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "ranges.parquet")
        formats.write_records(whole, COLUMNS, book.records())
        with whole.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@contextmanager
def _opened(target: Path) -> Iterator[IO[str]]:
    """Opens a new file, which gets its name when it is whole."""
    from helios_wf.formats import whole_file

    with whole_file(str(target)) as place, Path(place).open("w", encoding="utf-8", newline="") as out:
        yield out
