"""``helios-wf explain``: why a job, a step or a run stands where it does."""

from __future__ import annotations

import click

from helios_wf.cli.options import job_argument, settings_options
from helios_wf.cli.output import emit, format_option
from helios_wf.config import Settings


@click.command()
@job_argument
@format_option
@settings_options("home", "store")
def explain(job: str | None, output: str, settings: Settings) -> None:
    """Say why a job waits, failed, was run again, reused, skipped or cancelled.

    JOB is RUN/step[index], RUN/step or RUN; without RUN the latest run is meant.  Of a waiting job it is said
    which input is not there, down to the job at the root of it, or which resource is not free; of one that
    was run, how each attempt ended and what followed.
    """
    import msgspec

    from helios_wf.explaining import explain as explained
    from helios_wf.explaining import told
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    found = explained(store, settings, job)
    if output == "json":
        emit(msgspec.to_builtins(found), "json")
    else:
        click.echo(told(found))
