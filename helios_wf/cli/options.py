"""Options that commands share: those that become ``Settings``.

@click.command()
@settings_options("home", "store", "jobs")
def run(settings: Settings) -> None: ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, get_args

import click

from helios_wf.config import ENGINES, NO_ENGINE, Keep, OnError, Reuse, Settings

CHECKED = 3
"""Jobs of each task that ``--check-compiler`` compares where it does not say how many."""


class OnlyWithEquals(click.Option):
    """An option whose value may be left out, since it stands behind ``=``: what follows it is its own."""

    def __init__(self, *args: Any, flag_value: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.without = flag_value


class CommandWithEquals(click.Command):
    """A command that has such options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes the arguments, each option that says no value with the one that it then has."""
        values = {
            name: f"{name}={option.without}"
            for option in self.params
            if isinstance(option, OnlyWithEquals)
            for name in option.opts
        }
        stop = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [values.get(each, each) for each in args[:stop]] + args[stop:])


def _container_options(command: Callable[..., Any]) -> Callable[..., Any]:
    named = click.option(
        "--container-engine",
        type=click.Choice(ENGINES),
        help="What runs containers; hints then count too [default: the first that answers].",
    )
    without = click.option("--no-container", is_flag=True, help="Run tools without their containers.")
    decorated: Callable[..., Any] = named(without(command))
    return decorated


def _reuse_options(command: Callable[..., Any]) -> Callable[..., Any]:
    named = click.option(
        "--reuse",
        type=click.Choice(get_args(Reuse)),
        help="What shows that input files are those of an earlier run [default: stat].",
    )
    without = click.option("--no-reuse", is_flag=True, help="Run every job, also what was done before.")
    decorated: Callable[..., Any] = named(without(command))
    return decorated


SETTING_OPTIONS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "home": click.option("--home", metavar="FOLDER", help="Folder of store and runs [default: .helios]."),
    "store": click.option("--store", metavar="URL", help="Store; default: a SQLite file in the home folder."),
    "backend": click.option(
        "--backend", metavar="NAME", help="Where jobs run; several as NAME,NAME [default: local]."
    ),
    "jobs": click.option("--jobs", "-j", metavar="N", help="Jobs at once [default: the backend's choice]."),
    "keep": click.option(
        "--keep", type=click.Choice(get_args(Keep)), help="Work folders that stay [default: failed]."
    ),
    "on_error": click.option(
        "--on-error",
        type=click.Choice(get_args(OnError)),
        help="When a job failed: start nothing new, go on without it, or end all at once [default: stop].",
    ),
    "templates": click.option(
        "--templates", metavar="PATH", multiple=True, help="Folder or file of templates; may be repeated."
    ),
    "ignore": click.option(
        "--ignore", metavar="CODE", multiple=True, help="Leave out a rule, such as HW103; may be repeated."
    ),
    "root": click.option(
        "--root", metavar="FOLDER", help="Read documents below it only [default: its project]."
    ),
    "outdir": click.option("--outdir", metavar="FOLDER", help="Where outputs go [default: this folder]."),
    "container_engine": _container_options,
    "reuse": _reuse_options,
    "check_compiler": click.option(
        "--check-compiler",
        cls=OnlyWithEquals,
        metavar="[=K]",
        flag_value=str(CHECKED),
        help=f"Compare the first K jobs of each task with what cwltool would run [K: {CHECKED}].",
    ),
}
"""Setting: the option that gives it."""


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the argument RUN: the id of a run or its beginning; None: the latest."""
    argument = click.argument("run", metavar="[RUN]", required=False, shell_complete=_complete_run)
    decorated: Callable[..., Any] = argument(command)
    return decorated


def job_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the argument JOB: of a job, a step or a run (``addresses``); None: the latest run."""
    argument = click.argument("job", metavar="[JOB]", required=False, shell_complete=_complete_job)
    decorated: Callable[..., Any] = argument(command)
    return decorated


def _complete_job(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from helios_wf.cli.completion import jobs_beginning

    return jobs_beginning(incomplete)


def _complete_run(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from helios_wf.cli.completion import runs_beginning

    return runs_beginning(incomplete)


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that gives a command those options and, as ``settings``, the settings they make.

    Args:
        names: Keys of ``SETTING_OPTIONS``; none: ``home`` and ``store``, which every command takes.
    """
    wanted = names or ("home", "store")

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_settings(*args: Any, **options: Any) -> Any:
            given = {name: options.pop(name) for name in wanted}
            if options.pop("no_container", False):
                if given["container_engine"] not in (None, NO_ENGINE):
                    raise click.UsageError("--no-container and --container-engine exclude each other")
                given["container_engine"] = NO_ENGINE
            if options.pop("no_reuse", False):
                if given["reuse"] not in (None, "none"):
                    raise click.UsageError("--no-reuse and --reuse exclude each other")
                given["reuse"] = "none"
            return command(*args, settings=Settings.load(**given), **options)

        decorated: Callable[..., Any] = with_settings
        for name in reversed(wanted):
            decorated = SETTING_OPTIONS[name](decorated)
        return decorated

    return decorate
