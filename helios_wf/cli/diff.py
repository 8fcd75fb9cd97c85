"""``helios-wf diff``: two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import emit, format_option, table
from helios_wf.config import Settings
from helios_wf.model.noun import Json
from helios_wf.wording import harmless

if TYPE_CHECKING:
    from helios_wf.comparing import Change, Difference, StepRuns

MOST_SHOWN = 20
"""Changed inputs or outputs that a table names."""

WIDTH = 100
"""Characters of a value that a table shows."""


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@format_option
@settings_options("home", "store")
def diff(first: str, second: str, output: str, settings: Settings) -> None:
    """Show what differs between two runs: documents, inputs, options, counts, times, failures, outputs.

    What the first run had comes first.  Files are compared by checksum, size and name.
    """
    import msgspec

    from helios_wf.comparing import compare
    from helios_wf.launch import find_run
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    rows = [find_run(store, each) for each in (first, second)]
    with store.read() as tx:
        found = compare(tx, *rows)
    if output == "json":
        emit(msgspec.to_builtins(found) | {"is_empty": found.is_empty}, "json")
    else:
        click.echo(harmless("\n".join(_told(found))))


def _told(found: Difference) -> Iterator[str]:
    for sign, run, state, document in zip("-+", found.runs, found.states, found.documents, strict=True):
        yield f"{sign} run {run} of {document}: {state}"
    yield ""
    if found.document_is_same or not found.document:
        yield "documents: the same"
    for step in found.document:
        yield f"documents: {step.step} {'was ' if step.how != 'changed' else ''}{step.how}"
        yield from (f"  {line}" for line in step.lines)
    yield from _changes("inputs", found.inputs)
    yield from _changes("options", found.options)
    yield from _changes("outputs", found.outputs)
    yield from _failures(found)
    yield ""
    yield table([_cells(one) for one in found.steps], _HEADERS)


_HEADERS = ("step", "state", "jobs", "reused", "failed", "ran s", "cpu s", "waited s")


def _cells(one: StepRuns) -> Sequence[str]:
    sides = [
        ()
        if side is None
        else (
            side.state,
            f"{side.jobs:,}",
            f"{side.reused:,}",
            f"{side.failed:,}",
            f"{side.wall_s:.2f}",
            f"{side.cpu_s:.2f}",
            f"{side.wait_s:.2f}",
        )
        for side in (one.was, one.now)
    ]
    was, now = (side or ("-",) * (len(_HEADERS) - 1) for side in sides)
    return (one.step, *(a if a == b else f"{a} -> {b}" for a, b in zip(was, now, strict=True)))


def _changes(what: str, changes: Sequence[Change]) -> Iterator[str]:
    yield f"{what}: " + ("the same" if not changes else f"{len(changes)} differ{'s' * (len(changes) == 1)}")
    for one in changes[:MOST_SHOWN]:
        yield f"  {one.name}"
        yield f"    - {_short(one.was)}"
        yield f"    + {_short(one.now)}"
    if len(changes) > MOST_SHOWN:
        yield f"  and {len(changes) - MOST_SHOWN} more; --format json has all"


def _failures(found: Difference) -> Iterator[str]:
    failures = found.failures
    if not (failures.new or failures.gone or failures.same):
        yield "failures: none"
    for word, kinds in (("new", failures.new), ("gone", failures.gone), ("as before", failures.same)):
        yield from (f"failures: {word}: {kind}" for kind in kinds)


def _short(value: Json) -> str:
    import json

    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 4]} ..."
