"""``helios-wf runs``, ``status``, ``pause``, ``cancel`` and ``clean``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import run_argument, settings_options
from helios_wf.cli.output import emit, format_option, table
from helios_wf.config import Settings
from helios_wf.model.noun import Json
from helios_wf.states import SETTLED_RUNS, RunState
from helios_wf.wording import duration, rate_text

if TYPE_CHECKING:
    from helios_wf.interface.status import Events, TaskStatus
    from helios_wf.store import Store
    from helios_wf.store.rows import RunRow


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=20,
    show_default=True,
    help="How many, the latest first.",
)
@format_option
@settings_options()
def runs(limit: int, output: str, settings: Settings) -> None:
    """List runs, the latest first."""
    from helios_wf.store import Store
    from helios_wf.store import runs as stored

    store = Store.open(settings.store, settings.home)
    with store.read() as tx:
        rows = stored.list(tx, limit)
        if output == "json":
            # a list has them without their outputs, which may be long
            rows = [stored.get(tx, row.id) for row in rows]
    shown = [_run(row) for row in rows]
    if output == "table" and not shown:
        click.echo(f"no runs in {store.place}")
    elif output == "table":
        click.echo(
            table(
                [
                    (one["run"], one["state"], one["label"], one["datasets_text"], one["created"])
                    for one in shown
                ],
                ("run", "state", "document", "datasets", "created"),
            )
        )
    else:
        emit([{key: value for key, value in one.items() if key != "datasets_text"} for one in shown], "json")


@click.command()
@run_argument
@format_option
@settings_options()
def status(run: str | None, output: str, settings: Settings) -> None:
    """Show where a run stands, task by task; also while it runs.  Without RUN, the latest run."""
    from msgspec import to_builtins

    from helios_wf.failures import of_run, told_kinds
    from helios_wf.interface.status import status_of
    from helios_wf.launch import find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    row = find_run(store, run)
    tasks = status_of(store, row.id).tasks
    with store.read() as tx:
        kinds = of_run(tx, row.id)
    if output == "json":
        shown = {"tasks": [_task(one) for one in tasks], "failures": to_builtins(kinds)}
        emit({**_without_text(_run(row)), **shown}, "json")
        return
    click.echo(f"run {row.id} of {row.label}: {_live(row)}" + (f" ({row.reason})" if row.reason else ""))
    cells = [
        (
            one.name,
            one.state,
            one.done,
            one.reused,
            "?" if one.total is None else str(one.total),
            one.running,
            one.waiting,
            one.failed,
        )
        for one in tasks
    ]
    click.echo(table(cells, ("task", "state", "done", "reused", "of", "running", "waiting", "failed")))
    for one in tasks:
        if one.events is not None:
            click.echo(f"{one.name}: {_told(one.events)}")
    for line in told_kinds(kinds):
        click.echo(line)
    for one in tasks:
        if one.differs:
            lines = [f"{one.name} is run by cwltool: compiled, it differs", *one.differs.splitlines()]
            click.echo("\n  ".join(lines))


@click.command()
@run_argument
@settings_options()
def pause(run: str | None, settings: Settings) -> None:
    """Start nothing new in a run; what runs ends.  ``helios-wf resume`` goes on with it."""
    from helios_wf.launch import ask, find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    click.echo(ask(store, find_run(store, run), "pause", settings))


@click.command()
@run_argument
@settings_options()
def cancel(run: str | None, settings: Settings) -> None:
    """End a run and what runs of it."""
    from helios_wf.launch import ask, find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    click.echo(ask(store, find_run(store, run), "cancel", settings))


@click.command()
@run_argument
@click.option("--all", "every", is_flag=True, help="Of all settled runs.")
@settings_options()
def clean(run: str | None, every: bool, settings: Settings) -> None:
    """Remove the work folders of a settled run; its outputs and its record stay.

    A failed or cancelled run that was cleaned cannot be resumed: what its jobs made is gone.
    """
    from helios_wf.errors import RunError
    from helios_wf.launch import find_run
    from helios_wf.store import Store
    from helios_wf.store import runs as stored

    store = Store.open(settings.store, settings.home)
    if every:
        with store.read() as tx:
            rows = list(stored.list(tx, 1_000_000, SETTLED_RUNS))
    else:
        rows = [find_run(store, run)]
        if rows[0].state not in SETTLED_RUNS:
            raise RunError(
                f"run {rows[0].id} is {rows[0].state}: only settled runs are cleaned; cancel it first"
            )
    for row in rows:
        folder, again = (settings.home / name / row.id for name in ("runs", "reruns"))
        if every and not _is_settled(store, row.id):
            # somebody went on with it meanwhile
            continue
        if not folder.exists() and not every:
            click.echo(f"nothing to remove: {folder} is not there")
        for one in (folder, again):
            if one.exists():
                shutil.rmtree(one)
                click.echo(f"removed {one}")
    if every and not rows:
        click.echo(f"nothing to remove: {settings.home} has no settled runs")


def _is_settled(store: Store, run: str) -> bool:
    from helios_wf.store import runs as stored

    with store.read() as tx:
        return stored.look(tx, run).state in SETTLED_RUNS


def _run(row: RunRow) -> dict[str, Json]:
    return {
        "run": row.id,
        "state": row.state,
        "label": row.label,
        "template": row.template,
        "version": row.version,
        "datasets": row.datasets,
        "datasets_text": ", ".join(row.datasets.values()),
        "reason": row.reason,
        "engine": row.engine,
        "created": row.created_at.isoformat(timespec="seconds"),
        "changed": row.changed_at.isoformat(timespec="seconds"),
        "outputs": row.outputs,
    }


def _without_text(shown: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in shown.items() if key != "datasets_text"}


def _live(row: RunRow) -> str:
    """Returns the state, and whether an engine is at work."""
    from helios_wf.engine.holders import abandoned

    # one that is paused, or not begun, needs no engine
    if (left := abandoned(row)) and (row.state is RunState.RUNNING or row.engine is not None):
        return f"{row.state}, but {left}"
    return f"{row.state}" + (f", held by {row.engine}" if row.engine else "")


def _task(one: TaskStatus) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "number": one.number,
        "task": one.name,
        "state": one.state,
        "total": one.total,
        "jobs": {str(state): count for state, count in one.jobs.items()},
        "per_s": one.per_s,
    }
    if one.reused:
        shown["reused"] = one.reused
    if one.differs:
        shown["differs"] = one.differs.splitlines()
    if one.events is not None:
        shown["events"] = _of_events(one.events)
    return shown


def _of_events(events: Events) -> dict[str, Json]:
    return {
        "done": events.done,
        "lost": events.lost,
        "total": events.total,
        "per_s": events.per_s,
        "left_s": events.left_s,
        "ranges": {str(state): count for state, count in events.ranges.items()},
    }


def _told(events: Events) -> str:
    """Returns what is to be said of a task's events, in words."""
    total = "?" if events.total is None else f"{events.total:,}"
    words = [f"{events.done:,} of {total} events done"]
    words += [f"{events.lost:,} lost"] if events.lost else []
    words += [f"{rate_text(events.per_s)} events/s"] if events.per_s else []
    return ", ".join(words + ([f"{duration(events.left_s)} left"] if events.left_s else []))
