"""Options that several event programs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

EVENT_NUMBER = click.IntRange(min=0)


def event_range(command: F) -> F:
    """Adds ``--first-event`` and ``--n-events``: which events, by position."""
    command = click.option(
        "--n-events", type=EVENT_NUMBER, metavar="N", help="How many events; all that follow if not given."
    )(command)
    return click.option(
        "--first-event",
        type=EVENT_NUMBER,
        default=0,
        metavar="N",
        show_default=True,
        help="Position of the first event, from 0; over several files, they are counted through.",
    )(command)


def stream(command: F) -> F:
    """Adds ``--stream``: event ranges come on standard input."""
    return click.option(
        "--stream",
        is_flag=True,
        help="Take ranges of events from standard input, one after another, as helios-wf tells them.",
    )(command)


def table(command: F) -> F:
    """Adds ``--table``: which table of a file that holds several."""
    return click.option("--table", metavar="NAME", help="The table of events, where a file holds several.")(
        command
    )


def device(command: F) -> F:
    """Adds ``--device``: where numbers are crunched."""
    return click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "auto"]),
        default="cpu",
        show_default=True,
        help="Where numbers are crunched; cuda wants CuPy, auto takes it where it can be had.",
    )(command)


def types(command: F) -> F:
    """Adds ``--type``: the types of columns of text files, over those that their first rows suggest."""
    return click.option(
        "--type",
        "types",
        multiple=True,
        metavar="COLUMN=TYPE",
        callback=_types,
        help="Type of a column of a text file, such as run=string or energy=double; may be repeated.",
    )(command)


def _types(_context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Returns types by column; a column's name may hold ``=``."""
    pairs = [text.rpartition("=") for text in given]
    for text, (name, _, kind) in zip(given, pairs, strict=True):
        if not name or not kind:
            raise click.BadParameter(f"{text!r} is no COLUMN=TYPE, such as energy=double", param=option)
    return {name: kind for name, _, kind in pairs}


def row_index(command: F) -> F:
    """Adds ``--row-index``: where the rows of a text file start."""
    return click.option(
        "--row-index",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Where rows of a text file start, made by info --row-index; spares a scan to the first event.",
    )(command)


def files(name: str = "files", required: bool = True) -> Callable[[F], F]:
    """Adds the files of events as arguments."""
    return click.argument(
        name, nargs=-1, required=required, type=click.Path(path_type=Path), metavar="FILE..."
    )


def output(command: F) -> F:
    """Adds ``--output`` for a file whose format its name says."""
    return click.option(
        "--output",
        "-o",
        required=True,
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="File to write; its name says the format.",
    )(command)


def column(option: str, default: str, what: str) -> Callable[[F], F]:
    """Adds ``--OPTION-column`` for the name of a column."""
    return click.option(
        f"--{option}-column", default=default, show_default=True, metavar="NAME", help=f"Column of {what}."
    )
