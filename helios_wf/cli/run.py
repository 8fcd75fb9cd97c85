"""``helios-wf run`` and ``helios-wf resume``."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from helios_wf import __version__
from helios_wf.cli.interrupts import INTERRUPTED, Interrupts
from helios_wf.cli.options import CommandWithEquals, run_argument, settings_options
from helios_wf.config import Settings
from helios_wf.model.noun import Json
from helios_wf.states import RunState

if TYPE_CHECKING:
    from helios_wf.choosing import Choice, Runnable
    from helios_wf.engine.retrying import Wish
    from helios_wf.layouts import Layouts
    from helios_wf.model import Document
    from helios_wf.session import Outcome
    from helios_wf.store import Store

PASSED_OVER = 10
"""How many datasets that have the name, but not what else a mask asks for, are told."""


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
    "home", "store", "root", "backend", "jobs", "keep", "outdir", "container_engine", "check_compiler"
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
    from helios_wf.choosing import choose, load_runnable
    from helios_wf.cli.validate import warn
    from helios_wf.curating.finding import path_of
    from helios_wf.cwl.job_file import asked
    from helios_wf.launch import new_runs
    from helios_wf.routing import find_backends
    from helios_wf.store import Store

    open_store = functools.cache(lambda: Store.open(settings.store, settings.home))
    find_backends(settings.backend)
    document, read = asked(path_of(document, settings), job)
    runnable = load_runnable(document, changes, settings.home / "cache", settings.root, read)
    warn(runnable.document)
    choice = choose(runnable.document, read, given, open_store)
    for reason in why_not(choice):
        click.echo(f"not run: {reason}", err=True)
    layouts = _checked(runnable, choice)
    if not choice.runs:
        click.echo(f"nothing to run: {nothing(runnable.document, choice)}", err=True)
    with Interrupts() as interrupts:
        say = functools.partial(click.echo, err=True)
        ids = new_runs(open_store(), runnable, choice, settings, say)
        as_array = choice.by_datasets
        # the store has them now; of a hundred thousand files each copy counts
        del read, runnable, choice
        return drive(interrupts, open_store(), settings, ids, as_array, quiet, layouts)


def _checked(runnable: Runnable, choice: Choice) -> Layouts:
    """Makes sure that the files of all runs can be cut, and returns what is known of them."""
    from helios_wf.layouts import Layouts
    from helios_wf.preview import check_inputs

    layouts = Layouts()
    for bound in choice.runs:
        layouts.learn(bound.datasets)
        check_inputs(runnable.plan, bound.inputs, layouts.of)
    return layouts


def why_not(choice: Choice) -> list[str]:
    """Returns what is not run, each with its reason; of datasets that masks pass over only the first few."""
    more = len(choice.passed_over) - PASSED_OVER
    rest = [f"{more} more datasets; ask helios-wf match NAME"] if more > 0 else []
    return [*choice.left_out, *choice.passed_over[:PASSED_OVER], *rest]


def nothing(document: Document, choice: Choice) -> str:
    """Returns why a template starts no run over the catalogue."""
    if choice.left_out or choice.passed_over:
        return f"no combination of CLOSED datasets is new to {document.path}"
    masks = ", ".join(repr(each.mask.mask) for each in document.process.inputs if each.mask is not None)
    return (
        f"no dataset has a name that {document.path} takes ({masks}); "
        "helios-wf dataset list shows what there is, helios-wf match NAME what takes a name"
    )


@click.command(cls=CommandWithEquals)
@run_argument
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@settings_options("home", "store", "backend", "jobs", "check_compiler")
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
        _explain(outcome, store)
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
    json.dump(value, sys.stdout, indent=4, sort_keys=True)
    click.echo()


def _explain(outcome: Outcome, store: Store) -> None:
    """Says on stderr why a run is not done, with what failed first, and where the compiler was wrong."""
    from helios_wf.failures import told_kinds

    for step, found in outcome.differences.items():
        click.echo(differing(step, found), err=True)
    if outcome.state is RunState.DONE:
        return
    click.echo(f"run {outcome.run} is {outcome.state}: {outcome.reason}", err=True)
    lines = told_kinds(outcome.failures)
    if outcome.state is RunState.FAILED and not any(kind.first.stderr_tail for kind in outcome.failures):
        # a task was given up as a whole
        lines += _failed_range(outcome.run, store)
    for line in lines:
        click.echo(f"  {line}", err=True)
    if outcome.state is not RunState.FINISHED:
        new = " (the same run command would begin anew)" if outcome.state is RunState.FAILED else ""
        click.echo(f"  to go on with it, keeping what is done{new}: helios-wf resume {outcome.run}", err=True)
    if outcome.lost_jobs:
        click.echo(
            f"  to try what was lost again, once that is mended: helios-wf retry {outcome.run}", err=True
        )
    elif outcome.lost:
        click.echo(
            f"  which events were lost, and why: helios-wf ranges {outcome.run} --state failed", err=True
        )
        again = f"helios-wf retry {outcome.run} --ranges"
        click.echo(f"  to try them again, once that is mended: {again}", err=True)


def _failed_range(run: str, store: Store) -> list[str]:
    """Returns what is to be said of the first event range of a run that failed; nothing where none did."""
    from helios_wf.cli.ranges import LOST, Book
    from helios_wf.failures import told
    from helios_wf.launch import find_run

    book = Book(store, find_run(store, run), None, frozenset(LOST))
    found = next(book.failures(), None)
    if found is None:
        return []
    return [*told(found), f"all that failed: helios-wf ranges {run} --state failed"]


def differing(step: str, found: str) -> str:
    """Returns what is to be said of a step whose compiled tool differs from what cwltool would run."""
    place, *lines = found.splitlines()
    text = f"{place}: step {step!r} is run by cwltool: compiled, it differs; please report this"
    return "\n  ".join([text, *lines])
