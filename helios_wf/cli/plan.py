"""``helios-wf plan``: what a run would do."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec.structs import replace

from helios_wf.cli.options import settings_options
from helios_wf.config import Settings

if TYPE_CHECKING:
    from helios_wf.match import Match
    from helios_wf.preview import Preview, TaskPreview
    from helios_wf.store import Store


@click.command()
@click.argument("document", metavar="TEMPLATE")
@click.argument("job", metavar="[JOB]", required=False, type=click.Path(dir_okay=False))
@click.option("--dataset", "given", metavar="NAME=PATH", multiple=True, help="As if this dataset were there.")
@click.option(
    "--set", "changes", metavar="STEP.FIELD.KEY=VALUE", multiple=True, help="Change a helios: field."
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "dot", "mermaid"]),
    default="table",
    show_default=True,
    help="A table, one JSON value, or the graph of tasks for Graphviz or Mermaid.",
)
@settings_options("home", "store", "root", "outdir", "container_engine")
def plan(
    document: str,
    job: str | None,
    given: tuple[str, ...],
    changes: tuple[str, ...],
    output: str,
    settings: Settings,
) -> int:
    """Show the tasks, jobs and event ranges that a run would have, and what would not run and why.

    Takes what ``run`` takes.  A number that depends on what runs before is shown as ``?``.
    """
    from helios_wf.choosing import Choice, choose, named_paths
    from helios_wf.cli.validate import warn
    from helios_wf.containing import foresee
    from helios_wf.errors import InputError
    from helios_wf.interface.asking import Asked, why_not
    from helios_wf.launch import foreseen
    from helios_wf.layouts import Layouts
    from helios_wf.preview import preview

    open_store = functools.cache(lambda: _store(settings))
    asked = Asked.load(document, job, changes, settings)
    runnable = asked.runnable
    warn(asked.remarks)
    try:
        choice = choose(runnable.document, asked.job, named_paths(given), open_store)
    except InputError as error:
        if asked.job is not None or given:
            raise
        choice = Choice((), (str(error),))
    layouts = Layouts()
    containers = foresee(runnable.plan, settings)
    refusals = foreseen(open_store(), runnable, choice, settings) if choice.runs else []
    shown: list[tuple[Match | None, Preview]] = []
    for bound, refusal in zip(choice.runs, refusals, strict=True):
        layouts.learn(bound.datasets)
        found = preview(runnable.plan, bound.inputs, layouts.of, containers)
        shown.append((bound.match, found if not refusal else replace(found, refusal=refusal)))
    if not shown:
        shown.append((None, preview(runnable.plan, None, layouts.of, containers)))
        if output == "table":
            click.echo("nothing to run now; the tasks of a run:")
    _write(shown, why_not(choice), output)
    return 0


def _store(settings: Settings) -> Store:
    """Returns the store; where there is none yet, an empty one that is gone when the command ends."""
    import atexit
    import tempfile

    from helios_wf.claims import check_home
    from helios_wf.store import Store
    from helios_wf.store.opening import FILE_NAME

    if settings.store is not None or (settings.home / FILE_NAME).exists():
        return Store.open(settings.store, settings.home)
    check_home(settings.home, make=False)
    folder = tempfile.TemporaryDirectory(prefix="helios-wf-")
    atexit.register(folder.cleanup)
    return Store.open(None, Path(folder.name))


def _write(shown: Sequence[tuple[Match | None, Preview]], left_out: Sequence[str], output: str) -> None:
    if output == "json":
        runs = [
            {"datasets": match.datasets if match else {}, **msgspec.to_builtins(preview)}
            for match, preview in shown
        ]
        click.echo(json.dumps({"runs": runs, "not_run": list(left_out)}, indent=2))
        return
    if output in ("dot", "mermaid"):
        click.echo((dot if output == "dot" else mermaid)(shown[0][1].tasks))
        return
    alike: dict[bytes, list[tuple[Match | None, Preview]]] = {}
    for match, preview in shown:
        alike.setdefault(msgspec.json.encode(replace(preview, refusal="")), []).append((match, preview))
    for runs_alike in alike.values():
        _table(runs_alike)
    for reason in left_out:
        click.echo(f"not run: {reason}")


def _table(runs: Sequence[tuple[Match | None, Preview]]) -> None:
    """Prints one table for runs that are planned alike."""
    from helios_wf.cli.output import table

    for match, _ in runs:
        if match is not None:
            click.echo("datasets: " + ", ".join(f"{name}={found}" for name, found in match.datasets.items()))
    tasks = runs[0][1].tasks
    headers = ["task", "jobs", "ranges", "events", "after", "way"]
    if len(runs) > 1:
        headers[1:4] = ["jobs each", "ranges each", "events each"]
    cells = [
        [one.name, *map(_number, (one.jobs, one.ranges, one.events)), ", ".join(one.after) or "-", one.way]
        for one in tasks
    ]
    if runs[0][0] is None and all(one.jobs is None for one in tasks):
        headers, cells = headers[:1] + headers[4:], [row[:1] + row[4:] for row in cells]
    click.echo(table(cells, headers))
    _remarks([preview for _, preview in runs])


def _remarks(alike: Sequence[Preview]) -> None:
    preview = alike[0]
    for one in preview.tasks:
        for reason in one.waits:
            click.echo(f"{one.name}: {reason}")
        if one.container:
            click.echo(f"{one.name}: container: {one.container}")
        if one.way not in ("compiled", "engine"):
            click.echo(f"{one.name}: {one.way}, because {one.why}")
    for problem in preview.problems:
        click.echo(f"would fail: {problem}")
    for refusal in dict.fromkeys(each.refusal for each in alike if each.refusal):
        click.echo(f"would be refused: {refusal}")


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def dot(tasks: Sequence[TaskPreview]) -> str:
    """Returns the tasks as a Graphviz graph."""
    lines = ["digraph plan {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    lines += [f"  {json.dumps(one.name)} [label={json.dumps(_label(one))}];" for one in tasks]
    lines += [f"  {json.dumps(before)} -> {json.dumps(one.name)};" for one in tasks for before in one.after]
    return "\n".join([*lines, "}"])


def mermaid(tasks: Sequence[TaskPreview]) -> str:
    """Returns the tasks as a Mermaid flowchart."""
    numbers = {one.name: one.number for one in tasks}
    lines = ["flowchart LR"]
    lines += [f'  t{one.number}["{_label(one)}"]' for one in tasks]
    lines += [f"  t{numbers[before]} --> t{one.number}" for one in tasks for before in one.after]
    return "\n".join(lines)


def _label(one: TaskPreview) -> str:
    return one.name if one.jobs is None else f"{one.name} ({one.jobs})"
