"""``helios-wf logs``: what jobs wrote to their standard streams."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import job_argument, settings_options
from helios_wf.config import Settings
from helios_wf.states import SETTLED_JOBS

if TYPE_CHECKING:
    from helios_wf.joblogs import Chosen, Follower
    from helios_wf.store import Store

MOST_JOBS = 100
"""Jobs whose logs are shown at once."""

LAST_LINES = 20
"""Lines of each of many jobs, where nothing else is asked for."""

LOOK_S = 0.3


@click.command()
@job_argument
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written, until the run is over.")
@click.option("--stream", type=click.Choice(["stdout", "stderr", "both"]), default="both", show_default=True)
@click.option("--attempt", type=int, metavar="N", help="Of a job's attempt N  [default: the last]")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"The last N lines of each log  [default: all of one job's, {LAST_LINES} of many jobs'].",
)
@settings_options("home", "store")
def logs(
    job: str | None, follow: bool, stream: str, attempt: int | None, lines: int | None, settings: Settings
) -> None:
    """Show what jobs wrote to stdout and stderr.

    JOB is RUN/step[index], RUN/step or RUN; without RUN the latest run is meant.  Of a run, those that run or
    failed are shown, each line behind the name of its job.
    """
    from helios_wf.joblogs import STREAMS, Follower, chosen
    from helios_wf.record import Record, at, run_of
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    streams = STREAMS if stream == "both" else (stream,)
    with store.read() as tx:
        run, address = run_of(tx, job)
        record = Record(tx, run, settings)
        spot = at(record, address)
        row = record.job(spot.task.number, spot.path) if spot.is_job else None
        if attempt is not None or (row is not None and row.state in SETTLED_JOBS):
            # nothing will be written any more
            follow = False
        found = [] if follow else list(islice(chosen(record, spot, attempt), MOST_JOBS + 1))
    if lines is None and not spot.is_job:
        lines = LAST_LINES
    if follow:
        _follow(store, run.id, Follower(store, run.id, spot, streams, lines), spot.is_job)
        return
    if spot.is_job:
        _show_one(found[0], streams, lines)
        return
    width = max((len(_label(one, "")) for one in found), default=0)
    for one in found[:MOST_JOBS]:
        for part, line in _lines(one, streams, lines):
            click.echo(_prefixed(_label(one, part), width, line))
    if not found:
        what = (
            "has no job that was run"
            if spot.step
            else "has no job that runs or failed; name one: RUN/step[index]"
        )
        click.echo(f"{run.id}{'/' if spot.step else ''}{spot.name} {what}", err=True)
    if len(found) > MOST_JOBS:
        click.echo(f"and more; these are the first {MOST_JOBS}: name a step or a job", err=True)


def _show_one(one: Chosen, streams: tuple[str, ...], lines: int | None) -> None:
    """Shows the logs of one job: as they are where they go to a file, else safe for a terminal."""
    from helios_wf.joblogs import Tail, files_of, safe

    files = files_of(one.task, one.directory, streams)
    _tell_gone(one)
    with_heads = len({(file.part, file.stream) for file in files if file.path.stat().st_size}) > 1
    for file in files:
        if not file.path.stat().st_size:
            continue
        if with_heads:
            click.echo(f"==> {' '.join(filter(None, (file.part, file.stream)))} <==")
        for line in Tail(file.path, lines).read(is_over=True):
            if sys.stdout.isatty() or with_heads:
                click.echo(safe(line))
            else:
                sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()
    if one.is_gone:
        for text in one.tail.splitlines():
            click.echo(safe(text.encode()))


def _lines(one: Chosen, streams: tuple[str, ...], lines: int | None) -> Iterator[tuple[str, bytes]]:
    from helios_wf.joblogs import Tail, files_of

    _tell_gone(one)
    if one.is_gone:
        yield from (("", text.encode()) for text in one.tail.splitlines())
    for file in files_of(one.task, one.directory, streams):
        yield from ((file.part, line) for line in Tail(file.path, lines).read(is_over=True))


def _tell_gone(one: Chosen) -> None:
    """Says of an attempt whose folder was removed what is left of its log."""
    if not one.is_gone:
        return
    if one.tail:
        left = "the store kept the last lines of its stderr"
    else:
        left = "nothing of its log is left (run with --keep all to keep those of jobs that are done)"
    click.echo(f"{one.name}: the folder of attempt {one.attempt} is gone ({one.directory}); {left}", err=True)


def _label(one: Chosen, part: str) -> str:
    again = f" #{one.attempt}" if one.attempt > 1 else ""
    return one.name + again + (f" {part}" if part else "")


def _prefixed(label: str, width: int, line: bytes) -> str:
    from helios_wf.joblogs import safe

    return f"{label.ljust(width)} | {safe(line)}"


def _follow(store: Store, run: str, follower: Follower, is_one: bool) -> None:
    from helios_wf.joblogs import safe

    width = 0
    while True:
        is_over = follower.is_over
        for of, part, line in follower.turn():
            label = _label(of, part)
            width = max(width, len(label))
            click.echo(safe(line) if is_one and not part else _prefixed(label, width, line))
        if is_over or _is_left(store, run):
            return
        time.sleep(LOOK_S)


def _is_left(store: Store, run: str) -> bool:
    """Says whether no engine goes on with a run, and tells it."""
    from helios_wf.explaining import left_alone
    from helios_wf.store import runs

    with store.read() as tx:
        why = left_alone(tx, runs.look(tx, run))
    if why:
        click.echo(f"run {run}: {why}", err=True)
    return bool(why)
