"""``helios-wf dataset``: add, list, show, close, verify and delete datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import emit, format_option, pairs, table
from helios_wf.config import Settings
from helios_wf.model import Column, Dataset, EventFile, Json
from helios_wf.states import DatasetState
from helios_wf.wording import count_text, size_text

if TYPE_CHECKING:
    from helios_wf.store import Store

_SHOWN_COLUMNS = 12
_SHOWN_SETS = 3
_SHOWN_SPANS = 4


@click.group()
def dataset() -> None:
    """Add, list, show, close, verify and delete datasets."""


@dataset.command()
@click.argument("name")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--close", is_flag=True, help="Close it: it is complete, and templates may take it.")
@click.option("--meta", multiple=True, metavar="KEY=VALUE", help="Metadata; may be repeated.")
@click.option(
    "--checksum", type=click.Choice(["adler32", "md5", "sha1"]), help="Keep checksums of this kind."
)
@click.option("--table", metavar="TABLE", help="The table of events, in files that have several.")
@settings_options("home", "store")
def add(
    settings: Settings,
    name: str,
    paths: tuple[str, ...],
    close: bool,
    meta: tuple[str, ...],
    checksum: str | None,
    table: str | None,
) -> None:
    """Make a dataset of files, or add them to one that is OPEN.

    A PATH may be a folder: its files in the order of their names.  A file of no event format is kept without
    events; that is told, and so are rows of CSV files that cannot be read.
    """
    from helios_wf.catalogue import notes, register

    values = parse_meta(meta)
    with _opened(settings) as store:
        added = register(store, name, paths, close=close, meta=values, checksum=checksum, table=table)
        made = _get(store, name)
    click.echo(summary(made))
    for note in notes(added.files):
        click.echo(f"note: {note}", err=True)


@dataset.command(name="list")
@click.argument("pattern", required=False, metavar="[MASK]")
@click.option(
    "--state", type=click.Choice(["OPEN", "CLOSED", "DELETED"], case_sensitive=False), help="Only those."
)
@format_option
@settings_options("home", "store")
def list_(settings: Settings, pattern: str | None, state: str | None, output: str) -> None:
    """List datasets, all or those that a name mask takes."""
    from helios_wf.masks import Mask
    from helios_wf.store import datasets

    mask = Mask.parse(pattern) if pattern is not None else None
    with _opened(settings) as store, store.read() as tx:
        found = datasets.list(tx, DatasetState(state.upper()) if state else None)
    rows = [row for row in found if mask is None or mask.match(row.name) is not None]
    if output == "json":
        emit([msgspec.to_builtins(msgspec.structs.asdict(row)) for row in rows], output)
        return
    cells = [
        (row.name, str(row.state), row.n_files, row.n_events, size_text(row.size), meta_text(row.meta))
        for row in rows
    ]
    click.echo(table(cells, ["name", "state", "files", "events", "size", "meta"]))


@dataset.command()
@click.argument("name")
@format_option
@settings_options("home", "store")
def show(settings: Settings, name: str, output: str) -> None:
    """Show a dataset with its files."""
    with _opened(settings) as store:
        found = _get(store, name)
    if output == "json":
        emit(dataset_json(found), output)
        return
    click.echo(pairs(heading(found)))
    click.echo()
    rows = [
        (
            number,
            file.layout.n_events if file.layout else None,
            file.size,
            file.layout.format if file.layout else None,
            file.checksum,
            file.path,
        )
        for number, file in enumerate(found.files)
    ]
    click.echo(table(rows, ["#", "events", "bytes", "format", "checksum", "path"]))


@dataset.command()
@click.argument("name")
@settings_options("home", "store")
def close(settings: Settings, name: str) -> None:
    """Close a dataset: no more files come, and templates may take it."""
    from helios_wf.store import datasets

    with _opened(settings) as store:
        with store.write() as tx:
            datasets.close(tx, name)
        click.echo(summary(_get(store, name)))


@dataset.command()
@click.argument("name")
@format_option
@settings_options("home", "store")
@click.pass_context
def verify(context: click.Context, settings: Settings, name: str, output: str) -> None:
    """Check a dataset against its files; exit code 1 when one is missing, changed or unreadable."""
    from helios_wf import catalogue

    with _opened(settings) as store:
        findings = catalogue.verify(store, name)
        number = len(_get(store, name).files)
    if output == "json":
        emit([msgspec.structs.asdict(finding) for finding in findings], output)
    else:
        for finding in findings:
            click.echo(f"{finding.kind:<10}  {finding.text}")
        differ = f"{len(findings):,} of " if findings else ""
        click.echo(f"{name}: {differ}{count_text(number, 'file')} {'differ' if findings else 'as recorded'}")
    if findings:
        context.exit(1)


@dataset.command()
@click.argument("name")
@settings_options("home", "store")
def delete(settings: Settings, name: str) -> None:
    """Put a dataset away: templates take it no more; its files stay where they are.

    The name is free again if no run has read or made the dataset; else it stays taken.  A dataset that an
    unfinished run reads is not deleted.
    """
    from helios_wf import catalogue

    with _opened(settings) as store:
        is_free = catalogue.delete(store, name)
    rest = "its name is free again" if is_free else "its name stays taken, as a run read or made it"
    click.echo(f"{name}: deleted; its files stay where they are, {rest}")


def parse_meta(entries: tuple[str, ...]) -> dict[str, Json]:
    """Returns ``key=value`` entries as metadata; numbers, true and false become such, all else is text.

    Raises:
        click.BadParameter: an entry is not of that form, or a key is given twice.
    """
    found: dict[str, Json] = {}
    for entry in entries:
        key, equals, text = entry.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII):
            raise click.BadParameter(
                f"{entry!r} is no KEY=VALUE with a key of letters, digits and _ (--meta energy=13.6)",
                param_hint="--meta",
            )
        if key in found:
            raise click.BadParameter(f"{key!r} is given twice", param_hint="--meta")
        found[key] = meta_value(text)
    return found


def meta_value(text: str) -> Json:
    """Returns what a metadata value stands for: a number, true, false, a quoted text, or its own text."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


def summary(found: Dataset) -> str:
    """Returns a dataset in one line."""
    events = _events(found.files)
    counts = [count_text(len(found.files), "file")]
    counts += [] if events is None else [count_text(events, "event")]
    size = size_text(sum(file.size for file in found.files))
    return f"{found.name}: {', '.join(counts)}, {size}, {found.state}"


def heading(found: Dataset) -> dict[str, Json]:
    """Returns what is told of a dataset as a whole."""
    fields: dict[str, Json] = {
        "name": found.name,
        "state": str(found.state),
        "files": len(found.files),
        "events": _events(found.files),
        "size": size_text(sum(file.size for file in found.files)),
    }
    if found.meta:
        fields["meta"] = meta_text(found.meta)
    if found.run:
        fields["run"] = found.run
    return fields | _columns(found.files)


def _columns(files: tuple[EventFile, ...]) -> dict[str, Json]:
    """Returns the columns of files; where they differ, of which files they are, by number."""
    sets: dict[tuple[Column, ...], list[int]] = {}
    for number, file in enumerate(files):
        if file.layout:
            sets.setdefault(file.layout.columns, []).append(number)
    fields: dict[str, Json] = {}
    for columns, numbers in list(sets.items())[:_SHOWN_SETS]:
        texts = [f"{column.name}: {column.type}" for column in columns[:_SHOWN_COLUMNS]]
        more = len(columns) - _SHOWN_COLUMNS
        listed = ", ".join(texts) + (f", and {more:,} more (--format json)" if more > 0 else "")
        fields["columns" if len(sets) == 1 else f"columns of #{spans(numbers)}"] = listed
    if len(sets) > _SHOWN_SETS:
        fields["columns of others"] = f"{len(sets) - _SHOWN_SETS:,} more kinds (--format json)"
    return fields


def spans(numbers: Sequence[int]) -> str:
    """Returns ascending numbers in short: ``0-3, 7``; of many spans the first few."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in found]
    return ", ".join(texts[:_SHOWN_SPANS]) + (", ..." if len(texts) > _SHOWN_SPANS else "")


def dataset_json(found: Dataset) -> Json:
    """Returns a dataset as a JSON object, nothing left out."""
    files = []
    for file in found.files:
        fields = msgspec.structs.asdict(file)
        if file.layout is not None:
            fields["layout"] = msgspec.structs.asdict(file.layout) | {
                "columns": [msgspec.structs.asdict(column) for column in file.layout.columns]
            }
        files.append(fields)
    return msgspec.to_builtins(msgspec.structs.asdict(found) | {"files": files})


def meta_text(meta: dict[str, Json]) -> str:
    """Returns metadata in one line."""
    return " ".join(f"{key}={value}" for key, value in meta.items())


def _events(files: tuple[EventFile, ...]) -> int | None:
    """Returns the number of events, None where no file holds any table of events."""
    layouts = [file.layout for file in files if file.layout]
    return sum(layout.n_events for layout in layouts) if layouts else None


def _get(store: Store, name: str) -> Dataset:
    from helios_wf.store import datasets

    with store.read() as tx:
        return datasets.get(tx, name)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    from helios_wf.store import Store

    store = Store.open(settings.store, settings.home)
    try:
        yield store
    finally:
        store.close()
