"""The command line.  Each command is a module that is imported when it is called, so ``--help`` is quick."""

from __future__ import annotations

import os
import sys

import click

from helios_wf import __version__
from helios_wf.command_groups import Lazy, LazyGroup
from helios_wf.errors import HeliosError

COMMANDS = {
    "run": Lazy("helios_wf.cli.run", "run", "Run a template or any CWL document."),
    "resume": Lazy("helios_wf.cli.run", "resume", "Go on with a run that was stopped."),
    "retry": Lazy("helios_wf.cli.retry", "retry", "Try again what failed of a run."),
    "pause": Lazy("helios_wf.cli.runs", "pause", "Start nothing new in a run until it is resumed."),
    "cancel": Lazy("helios_wf.cli.runs", "cancel", "End a run."),
    "plan": Lazy(
        "helios_wf.cli.plan", "plan", "Show the tasks, jobs and event ranges that a run would have."
    ),
    "match": Lazy(
        "helios_wf.cli.match", "match", "Say which templates take a dataset of a name, and why others do not."
    ),
    "validate": Lazy("helios_wf.cli.validate", "validate", "Check templates and tools."),
    "fmt": Lazy("helios_wf.cli.fmt", "fmt", "Bring CWL documents into one layout."),
    "template": Lazy(
        "helios_wf.cli.template", "template", "List, compare, activate, archive and begin templates."
    ),
    "dataset": Lazy(
        "helios_wf.cli.dataset", "dataset", "Add, list, show, close, delete and verify datasets."
    ),
    "runs": Lazy("helios_wf.cli.runs", "runs", "List runs."),
    "status": Lazy("helios_wf.cli.runs", "status", "Show where a run stands, also while it runs."),
    "explain": Lazy(
        "helios_wf.cli.explain",
        "explain",
        "Say why a job waits, failed, was run again, reused, skipped or cancelled.",
    ),
    "logs": Lazy("helios_wf.cli.logs", "logs", "Show what jobs wrote to stdout and stderr."),
    "ranges": Lazy("helios_wf.cli.ranges", "ranges", "Show the event ranges of a run, and why some failed."),
    "rerun": Lazy("helios_wf.cli.rerun", "rerun", "Run one job again, here, in a fresh folder."),
    "report": Lazy("helios_wf.cli.report", "report", "Tell what a run was, as a page that needs no network."),
    "diff": Lazy("helios_wf.cli.diff", "diff", "Show what differs between two runs."),
    "export": Lazy("helios_wf.cli.export", "export", "Write down what a run was, as an RO-Crate."),
    "clean": Lazy("helios_wf.cli.runs", "clean", "Remove the work folders of settled runs."),
    "backend": Lazy("helios_wf.cli.backend", "backend", "Say which backends there are, and try one."),
    "completion": Lazy(
        "helios_wf.cli.completion", "completion", "Print what a shell needs to complete commands."
    ),
}
"""Command name: where it is, and its line of help; in the order of work: run, prepare, look, keep house."""


class _Commands(LazyGroup):
    lazy = COMMANDS


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="helios-wf", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="HELIOS_DEBUG", help="Show a traceback with an error.")
def cli(debug: bool) -> None:
    """Run CWL workflows over datasets of event files, with bookkeeping down to the event."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0, 1 a run failed, 2 a mistake of the caller, 33 unsupported CWL."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(arguments, prog_name="helios-wf", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has gone; what is left to be written at the end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except (HeliosError, OSError) as error:
        if "--debug" in arguments or os.environ.get("HELIOS_DEBUG"):
            raise
        click.echo(f"helios-wf: {_said(error)}", err=True)
        sys.exit(error.exit_code if isinstance(error, HeliosError) else 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _said(error: HeliosError | OSError) -> str:
    """Returns what an error says, without its number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)
