"""The event programs that ``cwl_tools/`` call: ``helios-events generate|info|stats|select|calibrate|merge``.

Each command is a module of the same name, imported when it is called, so ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys

import click

from helios_wf import __version__
from helios_wf.command_groups import Lazy, LazyGroup
from helios_wf.errors import HeliosError
from helios_wf.event_tools.failures import failure_of

COMMANDS = {
    "generate": Lazy(
        "helios_wf.event_tools.generate", "command", "Make synthetic events, any range of them alone."
    ),
    "info": Lazy("helios_wf.event_tools.info", "command", "Show what files of events hold."),
    "stats": Lazy(
        "helios_wf.event_tools.stats", "command", "Count events, status and sensors, and sum up energies."
    ),
    "select": Lazy(
        "helios_wf.event_tools.select",
        "command",
        "Keep the events that pass a filter, and some of their columns.",
    ),
    "calibrate": Lazy(
        "helios_wf.event_tools.calibrate", "command", "Correct energies with the constants of their sensors."
    ),
    "merge": Lazy(
        "helios_wf.event_tools.merge",
        "command",
        "Join files of events, or partial statistics, in the order given.",
    ),
}
"""Command name: where it is, and its line of help."""


class _Commands(LazyGroup):
    lazy = COMMANDS


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="helios-events", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="HELIOS_DEBUG", help="Show a traceback with an error.")
def cli(debug: bool) -> None:
    """Make, look at, select, sum up and join files of events, whole or by range."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a program and exits: 0, 1 when it failed, 2 for a mistake of the caller."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        cli.main(arguments, prog_name="helios-events", standalone_mode=False)
    except HeliosError as error:
        if "--debug" in arguments or os.environ.get("HELIOS_DEBUG"):
            raise
        _fail(*failure_of(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        _fail(*failure_of(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _fail(message: str, code: int) -> None:
    click.echo(f"helios-events: {message}", err=True)
    sys.exit(code)
