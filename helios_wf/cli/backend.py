"""``helios-wf backend check`` and ``list``."""

from __future__ import annotations

import click

from helios_wf.cli.options import settings_options
from helios_wf.cli.output import emit, format_option, table
from helios_wf.command_groups import Lazy, LazyGroup
from helios_wf.config import Settings
from helios_wf.model.noun import Json


class _Commands(LazyGroup):
    lazy = {  # noqa: RUF012
        "check": Lazy("helios_wf.cli.backend", "check", "Try a backend step by step."),
        "list": Lazy("helios_wf.cli.backend", "list_installed", "List the backends that are installed."),
    }


@click.group(cls=_Commands)
def backend() -> None:
    """Say which backends there are, and try one."""


@click.command()
@click.argument("name")
@click.option("--patience", default=120.0, show_default=True, help="Seconds to wait for the small job.")
@format_option
@settings_options("home", "jobs")
def check(name: str, patience: float, output: str, settings: Settings) -> int:
    """Try a backend step by step, and say what to do where something is wrong.

    NAME is that of a backend, with a profile perhaps (slurm:long).  At the end one small job is run.
    """
    from helios_wf.backend import find_backend, settings_for
    from helios_wf.trial import examine

    given = settings_for(name, str(settings.home), settings.jobs, settings.backends)
    findings = []
    for finding in examine(find_backend(name), given, patience):
        findings.append(finding)
        if output == "table":
            mark = {True: "ok  ", False: "FAIL", None: "note"}[finding.is_good]
            click.echo(f"{mark}  {finding.what}: {finding.found}")
            if finding.is_good is False:
                click.echo(f"      {finding.advice}")
    if output == "json":
        emit([_json(one.what, one.is_good, one.found, one.advice) for one in findings], "json")
    return 1 if any(one.is_good is False for one in findings) else 0


def _json(what: str, is_good: bool | None, found: str, advice: str) -> dict[str, Json]:
    return {"what": what, "good": is_good, "found": found, "advice": advice if is_good is False else ""}


@click.command("list")
@format_option
def list_installed(output: str) -> None:
    """List the backends that are installed, with what brought them."""
    from helios_wf.backend import installed

    rows: list[dict[str, Json]] = [
        {"name": point.name, "from": point.dist.name if point.dist else "", "object": point.value}
        for point in installed()
    ]
    if output == "json":
        emit(rows, "json")
    else:
        click.echo(
            table([(row["name"], row["from"], row["object"]) for row in rows], ("name", "from", "object"))
        )
