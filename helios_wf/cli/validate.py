"""``helios-wf validate``: what is wrong with documents, all of it, and what could be better."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from helios_wf.cli.options import settings_options
from helios_wf.config import Settings
from helios_wf.errors import Problem

FORMATS = ("text", "json", "sarif", "junit", "github")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Lines for people, one JSON value, or what CI systems read.",
)
@click.option("--changed", metavar="REF", help="Only what changed since a git revision, and what uses it.")
@click.option("--run-cases", is_flag=True, help="Run the cases of templates too, here and in plain cwltool.")
@click.option("--strict", is_flag=True, help="Warnings make the exit code 1 too.")
@settings_options("home", "root", "ignore")
def validate(
    paths: tuple[str, ...],
    output: str,
    changed: str | None,
    run_cases: bool,
    strict: bool,
    settings: Settings,
) -> int:
    """Check templates and tools: CWL documents, and all of those in folders.

    Prints every finding as FILE:LINE:COLUMN: SEVERITY CODE: what is wrong.  Templates are checked together
    too, and with the cases beside them.  Exit code 0: nothing is wrong; 1: something is; 2: a path or an
    option is wrong.
    """
    from helios_wf.cwl.load import expect

    cache = settings.home / "cache"
    for path in paths[:1]:
        expect(path, root=settings.root, cache=cache)
    from helios_wf.lint import Severity, Wanted, examine, reports
    from helios_wf.lint.rules import known_codes

    wanted = Wanted(settings.root, cache, known_codes(settings.ignore), changed, run_cases)
    examined = examine(paths, wanted)
    click.echo(reports.FORMATS[output](examined), nl=False)
    click.echo(reports.summary(examined), err=True)
    return int(any(strict or one.rule.severity is Severity.ERROR for one in examined.findings))


def warn(remarks: Iterable[Problem]) -> None:
    """Says on stderr what is odd in a document, though it is not wrong."""
    for remark in remarks:
        click.echo(f"warning: {shown(remark)}", err=True)


def shown(problem: Problem) -> str:
    """Returns a problem with its file as seen from this folder, when it lies below it."""
    place = problem.place
    if place is None or not Path(place.file).is_relative_to(Path.cwd()):
        return str(problem)
    file = Path(place.file).relative_to(Path.cwd())
    return f"{file}:{place.line}:{place.column}: {problem.message}"
