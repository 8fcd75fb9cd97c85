"""Groups of commands that are imported when they are called, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click

from helios_wf.errors import did_you_mean


class Lazy(NamedTuple):
    """A command that is not imported yet: where it is, and its line of help."""

    module: str
    function: str
    help: str


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command only to run it.

    The subclass says which those are, in the order in which people meet them.
    """

    lazy: Mapping[str, Lazy] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the commands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns a command."""
        if cmd_name not in self.lazy:
            return None
        known = self.lazy[cmd_name]
        command: click.Command = getattr(importlib.import_module(known.module), known.function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the command that the arguments call; one that is not there is met with the nearest."""
        if args and not args[0].startswith("-") and args[0] not in self.lazy and not ctx.resilient_parsing:
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], self.lazy)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, known.help) for name, known in self.lazy.items()])
