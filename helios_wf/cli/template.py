"""``helios-wf template``: which templates there are, how they differ, and which of them datasets start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import emit, format_option, pairs, table
from helios_wf.command_groups import Lazy, LazyGroup
from helios_wf.config import Settings
from helios_wf.errors import UserError
from helios_wf.model import Document, Json, Workflow
from helios_wf.states import TemplateStatus

if TYPE_CHECKING:
    from helios_wf.curating.finding import Shelf


class _Commands(LazyGroup):
    lazy = {  # noqa: RUF012
        "list": Lazy("helios_wf.cli.template", "list_all", "List templates, all versions that lie in files."),
        "show": Lazy("helios_wf.cli.template", "show", "Show what a template takes and makes."),
        "diff": Lazy("helios_wf.cli.template", "diff", "Show how two versions of a template differ."),
        "activate": Lazy("helios_wf.cli.template", "activate", "Make a version the one that datasets start."),
        "archive": Lazy("helios_wf.cli.template", "archive", "Let datasets start a version no more."),
        "new": Lazy("helios_wf.cli.template", "new", "Write the files of a new template."),
    }


@click.group(cls=_Commands)
def template() -> None:
    """Say which templates there are, how they differ, and which of them datasets start.

    TEMPLATE is a file, NAME@VERSION, or NAME: its ACTUAL version, else the latest.  Templates are looked for
    in --templates, else in ./templates, else among the shipped ones.
    """


@click.command("list")
@format_option
@settings_options("home", "templates", "root")
def list_all(output: str, settings: Settings) -> None:
    """List templates, all versions that lie in files."""
    shelf = _shelf(settings)
    rows = [_row(document) for document in shelf.templates]
    if output == "json":
        emit(rows, "json")
        return
    columns = ("template", "version", "status", "rank", "takes", "makes", "file")
    cells = [
        [row["template"], row["version"], row["status"], row["rank"], _joined(row["takes"]),
         _joined(row["makes"]), row["file"]]
        for row in rows
    ]  # fmt: skip
    click.echo(table(cells, columns))


@click.command()
@click.argument("called", metavar="TEMPLATE")
@format_option
@settings_options("home", "templates", "root")
def show(called: str, output: str, settings: Settings) -> None:
    """Show what a template takes and makes, and which other versions of it lie in files."""
    from helios_wf.curating.history import template_of
    from helios_wf.curating.signature import content, signature

    shelf = _shelf(settings)
    document = shelf.get(called)
    field = template_of(document)
    versions = [template_of(one) for one in shelf.templates if template_of(one).template == field.template]
    shape = signature(_workflow(document))
    row = _row(document) | {
        "follows": field.follows,
        "versions": {str(one.version): one.status.value for one in versions},
        "digest": content(document),
        "steps": [step.name for step in _workflow(document).steps],
    }
    if output == "json":
        emit({**row, "signature": dict(shape)}, "json")
        return
    row["takes"], row["makes"], row["steps"] = map(_joined, (row["takes"], row["makes"], row["steps"]))
    row["versions"] = ", ".join(f"{one.version} {one.status}" for one in versions)
    click.echo(pairs(row))
    click.echo("\nsignature")
    for what, entry in shape.items():
        click.echo(f"  {what}: " + ", ".join(f"{key} {text}" for key, text in entry.items()))


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--since", metavar="REF", help="Compare with the same file of a git revision.")
@format_option
@settings_options("home", "templates", "root")
def diff(old: str, new: str | None, since: str | None, output: str, settings: Settings) -> int:
    """Show how two versions of a template differ: in inputs, masks, outputs and datasets.

    OLD and NEW are two templates; or OLD is one, to be compared with what --since has of it.  Exit code 1
    where they differ.
    """
    from helios_wf.curating.signature import changes, content

    if (new is None) == (since is None):
        raise click.UsageError("give two templates, or one and --since REF")
    shelf = _shelf(settings)
    with _compared(shelf, old, new, since) as (before, after):
        found = changes(_workflow(before), _workflow(after))
        differs = bool(found) or content(before) != content(after)
    if output == "json":
        listed: list[Json] = [{"what": c.what, "before": c.before, "after": c.after} for c in found]
        emit({"changes": listed, "differs": differs}, "json")
    else:
        for change in found:
            click.echo(str(change))
        if differs and not found:
            click.echo("the signature is the same; steps, tools or other fields differ")
    return int(differs)


@click.command()
@click.argument("called", metavar="TEMPLATE")
@settings_options("home", "templates", "root")
def activate(called: str, settings: Settings) -> None:
    """Make a version the one that datasets start: its document says status ACTUAL from now on.

    Refused: a document that is wrong; a second ACTUAL version; one that differs from what git has as released
    under its version number.  Comments and layout of the document stay.
    """
    from helios_wf.curating.activating import refuse_activation, set_status

    shelf = _shelf(settings, called)
    document = shelf.get(called)
    refuse_activation(document, shelf)
    _tell(document, TemplateStatus.ACTUAL, set_status(document, TemplateStatus.ACTUAL))


@click.command()
@click.argument("called", metavar="TEMPLATE")
@settings_options("home", "templates", "root")
def archive(called: str, settings: Settings) -> None:
    """Let datasets start a version no more: its document says status ARCHIVED from now on."""
    from helios_wf.curating.activating import set_status

    document = _shelf(settings).get(called)
    _tell(document, TemplateStatus.ARCHIVED, set_status(document, TemplateStatus.ARCHIVED))


@click.command()
@click.argument("name")
@click.option(
    "--folder", default="templates", show_default=True, metavar="FOLDER", help="Where its folder is made."
)
def new(name: str, folder: str) -> None:
    """Write the files of a new template: document, tools, cases and a run, all right, to be changed."""
    from helios_wf.curating.skeleton import write

    for path in write(name, Path(folder)):
        click.echo(str(path))
    click.echo(f"now change them, and: helios-wf validate --run-cases {Path(folder) / name}", err=True)


def _shelf(settings: Settings, called: str = "") -> Shelf:
    """Returns the templates among which one is looked for; for a file, where nobody says, its project."""
    from helios_wf.curating.finding import Shelf
    from helios_wf.cwl.sources import home_of

    paths = list(settings.templates)
    if not paths and not Path("templates").is_dir() and Path(called).is_file():
        paths = [home_of(Path(called))]
    shelf = Shelf(paths, settings.root, settings.home / "cache")
    for file in shelf.errors:
        click.echo(f"left out: {file} has mistakes; see helios-wf validate {file}", err=True)
    return shelf


@contextmanager
def _compared(
    shelf: Shelf, old: str, new: str | None, since: str | None
) -> Iterator[tuple[Document, Document]]:
    """Gives the two documents that are compared."""
    from helios_wf import git
    from helios_wf.curating.history import document_at, template_of

    first = shelf.get(old)
    if new is not None:
        yield first, shelf.get(new)
        return
    path = Path(first.path).resolve()
    top = git.top(path)
    if top is None:
        raise UserError(f"{first.path} is in no git repository; --since needs one")
    version = git.Version(git.commit_of(top, since or ""), str(path.relative_to(top)))
    # whether it was there is told better by git than by the loader
    git.text_at(top, version)
    with document_at(top, version) as before:
        template_of(before)
        yield before, first


def _tell(document: Document, status: TemplateStatus, has_changed: bool) -> None:
    from helios_wf.curating.finding import title
    from helios_wf.curating.history import template_of

    called = title(template_of(document))
    if has_changed:
        click.echo(f"{called} is {status}: changed {document.path}; commit it", err=True)
    else:
        click.echo(f"{called} is {status} already", err=True)


def _row(document: Document) -> dict[str, Json]:
    from helios_wf.cli.output import shown_path
    from helios_wf.curating.history import template_of

    workflow, field = _workflow(document), template_of(document)
    return {
        "template": field.template,
        "version": field.version,
        "status": field.status.value,
        "rank": field.rank,
        "takes": [port.mask.mask for port in workflow.inputs if port.mask is not None],
        "makes": [port.dataset.dataset for port in workflow.outputs if port.dataset is not None],
        "file": shown_path(document.path),
    }


def _workflow(document: Document) -> Workflow:
    assert isinstance(document.process, Workflow)
    return document.process


def _joined(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
