"""``helios-wf run`` and ``helios-wf resume``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from helios_wf import __version__
from helios_wf.cli.options import CommandWithEquals, run_argument, settings_options
from helios_wf.cli.output_object import pieces
from helios_wf.config import Settings
from helios_wf.interface.interrupts import INTERRUPTED, Interrupts
from helios_wf.model.noun import Json
from helios_wf.states import RunState

if TYPE_CHECKING:
    from helios_wf.engine.retrying import Wish
    from helios_wf.layouts import Layouts
    from helios_wf.session import Outcome
    from helios_wf.store import Store


@click.command(cls=CommandWithEquals)
@click.argument("document", metavar="DOCUMENT")
@click.argument("job", metavar="[JOB]", required=False, type=click.Path(dir_okay=False))
@click.option(
    "--dataset", "given", metavar="NAME=PATH", multiple=True, help="Register a dataset and take it."
)
@click.option(
    "--set", "changes", metavar="STEP.FIELD.KEY=VALUE", multiple=True, help="Change a helios: field."
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@click.version_option(__version__, prog_name="helios-wf", message="%(prog)s %(version)s")
@settings_options(
    "home",
    "store",
    "root",
    "backend",
    "jobs",
    "on_error",
    "keep",
    "outdir",
    "container_engine",
    "reuse",
    "check_compiler",
)
def run(
    document: str,
    job: str | None,
    given: tuple[str, ...],
    changes: tuple[str, ...],
    quiet: bool,
    settings: Settings,
) -> int:
    """Run a template or any CWL document.

    DOCUMENT is a file, or a template's NAME or NAME@VERSION.  With a JOB file (a CWL input object) it runs
    once on those inputs.  A template whose masks JOB does not bind takes every combination of CLOSED datasets
    that matches and is not done yet; JOB then holds the other inputs, the same for all.  The same command
    again goes on with a run that was stopped.  Outputs go to stdout as JSON, progress to stderr.
    """
    from helios_wf.cwl.load import expect

    # beside what reads the document, this process imports all the rest
    expect(document, root=settings.root, cache=settings.home / "cache")
    from helios_wf.choosing import named_paths
    from helios_wf.cli.validate import warn
    from helios_wf.interface.asking import Asked
    from helios_wf.routing import find_backends
    from helios_wf.store import Store

    open_store = functools.cache(lambda: Store.open(settings.store, settings.home))
    find_backends(settings.backend)
    asked = Asked.load(document, job, changes, settings)
    warn(asked.remarks)
    chosen = asked.choose(named_paths(given), open_store)
    for reason in chosen.not_run:
        click.echo(f"not run: {reason}", err=True)
    if not chosen.choice.runs:
        click.echo(f"nothing to run: {chosen.nothing}", err=True)
    with Interrupts() as interrupts:
        ids = chosen.record(open_store(), functools.partial(click.echo, err=True))
        as_array, layouts = chosen.choice.by_datasets, chosen.layouts
        # the store has them now; of a hundred thousand files each copy counts
        del asked, chosen
        return drive(interrupts, open_store(), settings, ids, as_array, quiet, layouts)


@click.command(cls=CommandWithEquals)
@run_argument
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@settings_options("home", "store", "backend", "jobs", "on_error", "check_compiler")
def resume(run: str | None, quiet: bool, settings: Settings) -> int:
    """Go on with a run that was stopped, paused or cancelled, or that failed.

    RUN is the id of a run or its beginning; without it, the latest run.  Jobs that are done stay done; failed
    and cancelled ones get all their attempts again.
    """
    from helios_wf.launch import find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    row = find_run(store, run)
    with Interrupts() as interrupts:
        return drive(interrupts, store, settings, [row.id], bool(row.datasets), quiet)


def drive(
    interrupts: Interrupts,
    store: Store,
    settings: Settings,
    ids: Sequence[str],
    as_array: bool,
    quiet: bool,
    layouts: Layouts | None = None,
    wish: Wish | None = None,
) -> int:
    """Drives runs to their end, prints what they gave, and returns the exit code."""
    from helios_wf.cli.progress import Progress
    from helios_wf.interface.ending import told_end
    from helios_wf.session import Session

    if store.notice and not quiet:
        click.echo(store.notice, err=True)
    progress = Progress(quiet)
    session = Session(store, settings, progress, layouts)
    interrupts.reach(session)
    try:
        outcomes = session.drive(ids, wish) if ids else []
    finally:
        progress.close()
    for outcome in outcomes:
        for line in told_end(store, outcome.run):
            click.echo(line, err=True)
    _print(outcomes, as_array)
    if any(outcome.state is RunState.RUNNING for outcome in outcomes):
        return INTERRUPTED
    return 0 if all(outcome.state in (RunState.DONE, RunState.FINISHED) for outcome in outcomes) else 1


def _print(outcomes: Sequence[Outcome], as_array: bool) -> None:
    value: Json
    if as_array:
        value = [{"run": one.run, "datasets": one.datasets, "outputs": one.outputs} for one in outcomes]
    else:
        value = outcomes[0].outputs if outcomes else None
        if value is None:
            return
    sys.stdout.writelines(pieces(value))
    click.echo()
