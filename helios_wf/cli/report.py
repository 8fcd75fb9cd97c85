"""``helios-wf report``: what a run was, as a page, as JSON, or the table of its jobs."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import run_argument, settings_options
from helios_wf.config import Settings

if TYPE_CHECKING:
    from helios_wf.store import Store

FORMATS = ("html", "json", "csv", "parquet")


@click.command()
@run_argument
@click.option(
    "--output",
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    help="A page, its facts, or the table of jobs (csv, parquet) [default: by the file's name, else html].",
)
@settings_options()
def report(run: str | None, target: Path | None, output: str | None, settings: Settings) -> None:
    """Tell what a run was: a page that needs no network, its facts as JSON, or the table of its jobs.

    Also of a run that goes on.  Without RUN, the latest run; without a FILE, on standard output.
    """
    from helios_wf.launch import find_run
    from helios_wf.store import Store

    kind = _kind(target, output)
    store = Store.open(settings.store, settings.home)
    row = find_run(store, run)
    if target is None:
        _to_stdout(store, row.id, kind)
        return
    from helios_wf.formats import whole_file

    with whole_file(str(target)) as place:
        _write(store, row.id, kind, Path(place))
    click.echo(f"wrote {target}: run {row.id} of {row.label}, {row.state}", err=True)


def _kind(target: Path | None, output: str | None) -> str:
    """Returns the format that was asked for, by its name or by the name of the file."""
    if output is not None:
        return output
    if target is None:
        if sys.stdout.isatty():
            raise click.UsageError("the page would go to this terminal; -o report.html writes it to a file")
        return "html"
    kind = target.suffix.removeprefix(".")
    if kind not in FORMATS:
        names = ", ".join(f".{name}" for name in FORMATS)
        text = f"{target} ends in none of {names}; --format says what it is to be"
        raise click.BadParameter(text, param_hint="-o")
    return kind


def _to_stdout(store: Store, run: str, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "report")
        _write(store, run, kind, whole)
        with whole.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _write(store: Store, run: str, kind: str, path: Path) -> None:
    """Writes a report to a file."""
    from helios_wf.tables import jobs as job_table

    if kind in ("csv", "parquet"):
        write = job_table.write_csv if kind == "csv" else job_table.write_parquet
        with store.read() as tx:
            write(tx, run, path)
        return
    from helios_wf.report import gather

    facts = gather(store, run)
    if kind == "json":
        import msgspec

        path.write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n")
        return
    from helios_wf.report.page import html

    path.write_text(html(facts), encoding="utf-8")
