"""``helios-wf ranges``: where the event ranges of a run stand, and why some failed."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from helios_wf.cli.options import run_argument, settings_options
from helios_wf.cli.output import Cell, count_text, table
from helios_wf.config import Settings
from helios_wf.failures import Failure, briefly, failed_range, job_name, told
from helios_wf.model.noun import Json
from helios_wf.states import RangeState

if TYPE_CHECKING:
    from helios_wf.store import Store
    from helios_wf.store.rows import RangeCount, RangeRow, RunRow, TaskRow

LOST = (RangeState.FATAL, RangeState.FAILED)
"""What ``--state failed`` shows: ranges that were given up, or failed and may yet be bisected."""

SHOWN = 100
"""Ranges that the table shows at most."""

TOLD = 5
"""Ranges whose log's end is shown below the table."""

COLUMNS: dict[str, type] = {
    "step": str,
    "job": str,
    "file": str,
    "first": int,
    "stop": int,
    "state": str,
    "tries": int,
    "charged": int,
    "lost": int,
    "cause": str,
    "exit_code": int,
    "signal": int,
    "message": str,
    "host": str,
    "worker": str,
    "started": str,
    "wall_s": float,
    "cpu_s": float,
    "peak_memory_mb": float,
    "n_out": int,
    "stderr_tail": str,
    "folder": str,
}

Record = tuple[Json, ...]
"""A value for each of the columns."""


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


def chosen(states: Iterable[str]) -> frozenset[RangeState] | None:
    """Returns the states that ``--state`` names, None where it names none."""
    named = [RangeState(state.upper()) for state in states]
    return frozenset([*named, *(LOST if RangeState.FAILED in named else ())]) or None


class Book:
    """The event ranges of a run that were asked for; read a page at a time, however many there are.

    Raises:
        RunError: the run has no such step.
    """

    def __init__(
        self, store: Store, run: RunRow, step: str | None, states: frozenset[RangeState] | None
    ) -> None:
        from helios_wf.store import tasks

        self.run = run
        self._store = store
        self._states = states
        with store.read() as tx:
            rows = tasks.list(tx, run.id)
        self._names = {row.number: row.name for row in rows}
        self._tasks = [row.number for row in of_step(run, rows, step)]

    def rows(self) -> Iterator[tuple[RangeRow, str, str]]:
        """Yields each range, by task, job and first event, with its file and where its whole log is."""
        from helios_wf.store import event_ranges, jobs

        for task in self._tasks:
            last = None
            path, file, folder = None, "", ""
            while True:
                found = []
                with self._store.read() as tx:
                    page = event_ranges.list(tx, self.run.id, task, states=self._states, after=last)
                    for row in page:
                        if row.path != path:
                            path, job = row.path, jobs.get(tx, self.run.id, task, row.path)
                            file, folder = job.file or "", job.directory
                        found.append((row, file, row.directory or folder))
                yield from found
                if not page:
                    break
                last = page[-1]

    def records(self) -> Iterator[Record]:
        """Yields the same as values of the columns."""
        for row, file, folder in self.rows():
            yield self.record(row, file, folder)

    def record(self, row: RangeRow, file: str, folder: str) -> Record:
        """Returns the values of the columns for one range."""
        started = datetime.fromtimestamp(row.started_at, UTC).isoformat(timespec="milliseconds")
        return (
            self.name(row),
            row.path,
            file or None,
            row.first,
            row.stop,
            str(row.state),
            row.number,
            row.charged,
            row.lost,
            row.cause and str(row.cause),
            row.exit_code,
            row.signal,
            row.message or None,
            row.host or None,
            row.worker or None,
            started if row.started_at else None,
            seconds(row),
            row.cpu_s if row.started_at else None,
            row.peak_memory_mb,
            row.n_out,
            row.stderr_tail or None,
            folder or None,
        )

    def failures(self) -> Iterator[Failure]:
        """Yields the same as failures."""
        for row, file, folder in self.rows():
            yield self.failure(row, file, folder)

    def failure(self, row: RangeRow, file: str, folder: str) -> Failure:
        """Returns what is to be told of a range that failed."""
        return failed_range(self.run.id, self.name(row), row, file, folder)

    def name(self, row: RangeRow) -> str:
        """Returns the step of a range."""
        return self._names.get(row.task, str(row.task))

    def counts(self) -> dict[RangeState, RangeCount]:
        """Returns how many ranges are in each state, in all the tasks that were asked for."""
        from helios_wf.store import event_ranges
        from helios_wf.store.rows import RangeCount

        with self._store.read() as tx:
            by_task = event_ranges.counts(tx, self.run.id)
        found: dict[RangeState, RangeCount] = {}
        for task in self._tasks:
            for state, count in by_task.get(task, {}).items():
                if self._states is None or state in self._states:
                    known = found.get(state, RangeCount(0, 0, 0))
                    n_ranges, n_events = known.n_ranges + count.n_ranges, known.n_events + count.n_events
                    found[state] = RangeCount(n_ranges, n_events, 0)
        return found


def of_step(run: RunRow, rows: Sequence[TaskRow], step: str | None) -> list[TaskRow]:
    """Returns the tasks of a step, those of a sub-workflow too; all of them where none is named.

    Raises:
        RunError: there is no such step.
    """
    from helios_wf.errors import RunError, did_you_mean

    found = [row for row in rows if step is None or row.name == step or row.name.startswith(f"{step}/")]
    if not found and step is not None:
        names = [row.name for row in rows]
        hint = did_you_mean(step, names) or f"; it has: {', '.join(names)}"
        raise RunError(f"run {run.id} of {run.label} has no step {step!r}{hint}")
    return found


def _table(book: Book, out: IO[str]) -> None:
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


def seconds(row: RangeRow) -> float | None:
    """Returns how long the last try of a range took, or has taken until now; None where it did not begin."""
    if not row.started_at:
        return None
    return max(0.0, time.time() - row.started_at) if row.state is RangeState.RUNNING else row.wall_s


def _json(book: Book, out: IO[str]) -> None:
    """Writes one JSON array, an object for each range, one after another."""
    lead = "["
    for record in book.records():
        out.write(f"{lead}\n {json.dumps(dict(zip(COLUMNS, record, strict=True)), ensure_ascii=True)}")
        lead = ","
    out.write("[]\n" if lead == "[" else "\n]\n")


def write_csv(book: Book, out: IO[str]) -> None:
    """Writes a line for the columns and one for each range, one after another."""
    writer = csv.writer(out, lineterminator="\n")
    for record in chain([tuple(COLUMNS)], book.records()):
        writer.writerow(record)


def _parquet(book: Book, target: Path | None) -> None:
    from helios_wf import formats

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
