"""What commands print: tables for people, one JSON value for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from helios_wf.model import Json

Cell: TypeAlias = str | int | float | None


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option ``--format table|json``, as ``output``."""
    option = click.option(
        "--format",
        "output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="A table for people, or one JSON value.",
    )
    return option(command)


def table(rows: Iterable[Sequence[Cell]], headers: Sequence[str]) -> str:
    """Returns rows as aligned text under their headers; numbers stand right, with thousands apart."""
    kept = [list(row) for row in rows]
    cells = [[_text(cell) for cell in row] for row in kept]
    right = [
        bool(kept) and all(isinstance(row[column], int | float | None) for row in kept)
        for column in range(len(headers))
    ]
    lines = [[header.upper() for header in headers], *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def emit(value: Json, output: str = "table") -> None:
    """Prints a JSON value: as one JSON value, or as a table (of a list of objects) or list (of an object)."""
    if output == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=True))
    elif isinstance(value, dict):
        click.echo(pairs(value))
    elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        headers = list(dict.fromkeys(key for entry in value for key in entry))
        click.echo(table([[_cell(entry.get(header)) for header in headers] for entry in value], headers))
    elif value != []:
        click.echo(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True))


def pairs(fields: dict[str, Json]) -> str:
    """Returns named values, one to a line, aligned."""
    width = max((len(name) for name in fields), default=0)
    return "\n".join(f"{name.ljust(width)}  {_text(_cell(value))}".rstrip() for name, value in fields.items())


def shown_path(path: str) -> str:
    """Returns a path as seen from this folder, where it lies below it."""
    given = Path(path)
    return str(given.relative_to(Path.cwd())) if given.is_relative_to(Path.cwd()) else path


def _cell(value: Json) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return str(cell)
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:g}"
