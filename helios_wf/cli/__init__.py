"""The command line.  Each command is a module that is imported when it is called, so ``--help`` is quick."""

from __future__ import annotations

import importlib
import os
import sys

import click

from helios_wf import __version__
from helios_wf.errors import HeliosError

COMMANDS = {
    "run": ("helios_wf.cli.run", "Run a template or any CWL document."),
    "resume": ("helios_wf.cli.run", "Go on with a run that was stopped."),
    "plan": ("helios_wf.cli.plan", "Show the tasks, jobs and event ranges that a run would have."),
    "match": ("helios_wf.cli.match", "Say which templates take a dataset of a name, and why others do not."),
    "validate": ("helios_wf.cli.validate", "Check templates and tools."),
    "dataset": ("helios_wf.cli.dataset", "Add, list, show, close and verify datasets."),
    "runs": ("helios_wf.cli.runs", "List runs."),
    "status": ("helios_wf.cli.runs", "Show where a run stands, also while it runs."),
    "pause": ("helios_wf.cli.runs", "Start nothing new in a run until it is resumed."),
    "cancel": ("helios_wf.cli.runs", "End a run."),
    "clean": ("helios_wf.cli.runs", "Remove the work folders of settled runs."),
}
"""Command name: the module that holds it (as a function of that name), and its line of help."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the commands in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="helios-wf", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="HELIOS_DEBUG", help="Show a traceback with an error.")
def cli(debug: bool) -> None:
    """Run CWL workflows over datasets of event files, with bookkeeping down to the event."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0, 1 a run failed, 2 a mistake of the caller, 33 unsupported CWL."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(arguments, prog_name="helios-wf", standalone_mode=False)
    except HeliosError as error:
        if "--debug" in arguments or os.environ.get("HELIOS_DEBUG"):
            raise
        click.echo(f"helios-wf: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
