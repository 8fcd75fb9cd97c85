"""``helios-wf validate``: what is wrong with documents, all of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import count_text
from helios_wf.config import Settings
from helios_wf.errors import HeliosError, Problem, TemplateError, UnsupportedError
from helios_wf.model import Document


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@settings_options("home", "root")
def validate(paths: tuple[str, ...], settings: Settings) -> int:
    """Check templates and tools: CWL documents, and all of those in folders.

    Prints every mistake as FILE:LINE:COLUMN: what is wrong; exit code 2 if there is one.  Templates are
    checked together too: names that clash, loops, masks that overlap (a warning).
    """
    from helios_wf.repository import check, documents_in, search_paths

    documents: list[Document] = []
    errors: dict[str, HeliosError] = {}
    for file in documents_in(search_paths(paths)):
        _load(file, settings.root, settings.home / "cache", documents, errors)
    checked = check(documents)
    for problem in (*_problems(errors), *checked.problems):
        click.echo(shown(problem))
    for warning in (*_remarks(documents), *checked.warnings):
        click.echo(f"warning: {shown(warning)}")
    wrong = len(errors) + len({p.place.file for p in checked.problems if p.place})
    total = count_text(len(documents) + len(errors), "document")
    click.echo(f"{total}: {f'{wrong} wrong' if wrong else 'all right'}", err=True)
    if (
        errors
        and all(isinstance(error, UnsupportedError) for error in errors.values())
        and not checked.problems
    ):
        return UnsupportedError.exit_code
    return TemplateError.exit_code if wrong else 0


def _load(
    file: Path, root: Path | None, cache: Path, documents: list[Document], errors: dict[str, HeliosError]
) -> None:
    from helios_wf.cwl.load import load

    try:
        documents.append(load(file, root=root, cache=cache))
    except HeliosError as error:
        errors[str(file)] = error


def _problems(errors: dict[str, HeliosError]) -> Iterable[Problem]:
    """Returns the problems of all files, those of a tool that several of them run once."""
    found: dict[str, Problem] = {}
    for file, error in errors.items():
        own = error.problems if isinstance(error, TemplateError) else [Problem(None, f"{file}: {error}")]
        found.update({str(problem): problem for problem in own})
    return found.values()


def warn(document: Document) -> None:
    """Says on stderr what is odd in a document, though it is not wrong."""
    for warning in _remarks([document]):
        click.echo(f"warning: {shown(warning)}", err=True)


def _remarks(documents: Iterable[Document]) -> Iterable[Problem]:
    """Returns what is odd in documents, that of a tool that several of them run once."""
    found = {remark: Problem(remark.place, remark.message) for one in documents for remark in one.warnings}
    return found.values()


def shown(problem: Problem) -> str:
    """Returns a problem with its file as seen from this folder, when it lies below it."""
    place = problem.place
    if place is None or not Path(place.file).is_relative_to(Path.cwd()):
        return str(problem)
    file = Path(place.file).relative_to(Path.cwd())
    return f"{file}:{place.line}:{place.column}: {problem.message}"
