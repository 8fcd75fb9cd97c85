"""``helios-wf retry``: what failed of a run is tried again, and only that."""

from __future__ import annotations

import click

from helios_wf.cli.options import CommandWithEquals, run_argument, settings_options
from helios_wf.cli.run import drive
from helios_wf.config import Settings
from helios_wf.interface.interrupts import Interrupts


@click.command(cls=CommandWithEquals)
@run_argument
@click.argument("step", required=False)
@click.option("--ranges", is_flag=True, help="Only event ranges that were lost, tolerated or not.")
@click.option("--failed", is_flag=True, help="Not what was only cancelled.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@settings_options("home", "store", "backend", "jobs", "on_error", "check_compiler")
def retry(
    run: str | None, step: str | None, ranges: bool, failed: bool, quiet: bool, settings: Settings
) -> int:
    """Try again what failed of a run, or of one of its steps, and what follows from it.

    Without RUN, the latest run.  What is done stays done.  With --ranges, jobs that lost events are tried
    again, for these events alone, also in a run that is FINISHED: its datasets are made anew.  An engine that
    holds the run is asked to do it.
    """
    from helios_wf.engine.retrying import Wish
    from helios_wf.launch import ask_again, find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    row = find_run(store, run)
    wish = Wish(step, ranges, failed)
    asked = ask_again(store, row, wish)
    if asked is not None:
        click.echo(asked, err=True)
        return 0
    with Interrupts() as interrupts:
        return drive(interrupts, store, settings, [row.id], bool(row.datasets), quiet, wish=wish)
