"""``helios-wf export``: a run for those who were not there."""

from __future__ import annotations

from pathlib import Path

import click

from helios_wf.cli.options import run_argument, settings_options
from helios_wf.config import Settings


@click.command()
@run_argument
@click.option(
    "--ro-crate",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write a Workflow Run RO-Crate to; it must be new.",
)
@settings_options()
def export(run: str | None, folder: Path, settings: Settings) -> None:
    """Write down what a settled run was, as a Workflow Run RO-Crate.  Without RUN, the latest run.

    Documents, inputs and outputs are named with their checksums and stay where they are; the document and a
    table of all jobs are in the crate.
    """
    from helios_wf import provenance
    from helios_wf.launch import find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    row = find_run(store, run)
    provenance.export(store, row, folder)
    click.echo(f"wrote {folder}/ro-crate-metadata.json: run {row.id} of {row.label}, {row.state}")
