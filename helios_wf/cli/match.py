"""``helios-wf match``: which templates take a name, what they make of it, and why others do not."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click
import msgspec

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import emit, format_option, table
from helios_wf.config import Settings
from helios_wf.errors import HeliosError, TemplateError
from helios_wf.model import Dataset, Workflow

if TYPE_CHECKING:
    from helios_wf.match import Verdict


@click.command()
@click.argument("name")
@format_option
@settings_options("home", "store", "templates", "root")
def match(name: str, output: str, settings: Settings) -> None:
    """Say which templates take a dataset of a name, and why others do not.

    The dataset need not exist; if it does, its metadata count.  Templates are those of --templates, else of
    ./templates, else the shipped ones.
    """
    from helios_wf.match import explain_name
    from helios_wf.repository import check, find, search_paths

    paths = search_paths(settings.templates)
    found = find(paths, root=settings.root, cache=settings.home / "cache")
    for file, error in found.errors.items():
        _complain(file, error)
    broken = {problem.place.file for problem in check(found.templates).problems if problem.place}
    for file in sorted(broken):
        click.echo(f"left out: {file} has mistakes; see helios-wf validate {file}", err=True)
    sound = (document.process for document in found.templates if document.path not in broken)
    processes = [process for process in sound if isinstance(process, Workflow)]
    if not processes:
        where = ", ".join(map(str, paths))
        click.echo(f"no templates in {where}; say where they are with --templates", err=True)
    verdicts = explain_name(name, processes, _datasets(settings, name))
    if output == "json":
        emit([msgspec.to_builtins(msgspec.structs.asdict(verdict)) for verdict in verdicts], output)
    else:
        _print(name, verdicts)


def _complain(file: str, error: HeliosError) -> None:
    number = len(error.problems) if isinstance(error, TemplateError) else 1
    mistakes = "1 mistake" if number == 1 else f"{number} mistakes"
    click.echo(f"left out: {file} has {mistakes}; see helios-wf validate {file}", err=True)


def _datasets(settings: Settings, name: str) -> list[Dataset]:
    """Returns the dataset of that name, if there is a store that knows it; none is made for the question."""
    from helios_wf.store import Store, datasets
    from helios_wf.store.opening import FILE_NAME

    if settings.store is None and not (settings.home / FILE_NAME).exists():
        return []
    with closing(Store.open(settings.store, settings.home)) as store, store.read() as tx:
        return [datasets.get(tx, name)] if datasets.exists(tx, name) else []


def _print(name: str, verdicts: list[Verdict]) -> None:
    takers = [verdict for verdict in verdicts if verdict.taken]
    others = [verdict for verdict in verdicts if not verdict.taken]
    if takers:
        rows = [
            [f"{one.template} v{one.version}", one.input, "starts runs" if one.starts else "is taken along",
             output, dataset]
            for one in takers
            for output, dataset in (one.outputs or {"-": "-"}).items()
        ]  # fmt: skip
        click.echo(table(rows, ["template", "input", "role", "output", "becomes"]))
    else:
        click.echo(f"no template takes {name}")
    for one in takers:
        for reason in one.reasons:
            click.echo(f"{one.template} v{one.version}: {reason}")
    if others:
        click.echo("\nnot taken by")
    for one in others:
        click.echo(f"  {one.template} v{one.version} ({one.status})")
        for reason in one.reasons:
            click.echo(f"    {reason}")
