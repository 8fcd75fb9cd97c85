"""``helios-wf fmt``: one layout for CWL documents."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from helios_wf.errors import HeliosError


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if something would be changed.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would be changed.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Bring CWL documents into one layout: indentation, spaces, blank lines.

    PATH is a document, a folder of documents, or - for standard input (the result goes to stdout).  Comments,
    quotes and the order of keys stay; what a document says is never changed.
    """
    from helios_wf.cwl.formatting import formatted

    changed = wrong = 0
    for name, text in _texts(paths):
        try:
            laid_out = formatted(text, name)
        except HeliosError as error:
            click.echo(str(error), err=True)
            wrong += 1
            continue
        if name == "-" and not (check or diff):
            click.echo(laid_out, nl=False)
        elif laid_out != text:
            changed += 1
            _act(name, text, laid_out, check, diff)
    return 2 if wrong else int(bool(changed and (check or diff)))


def _texts(paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    from helios_wf.repository import documents_in, search_paths

    for path in paths:
        if path == "-":
            yield path, sys.stdin.buffer.read().decode()
        else:
            for file in documents_in(search_paths([path])):
                yield str(file), file.read_bytes().decode()


def _act(name: str, text: str, laid_out: str, check: bool, diff: bool) -> None:
    if diff:
        lines = difflib.unified_diff(
            text.splitlines(keepends=True), laid_out.splitlines(keepends=True), name, f"{name} (formatted)"
        )
        click.echo("".join(lines), nl=False)
    if check:
        click.echo(f"would change {name}", err=True)
    if not (check or diff):
        _replace(Path(name), laid_out)
        click.echo(f"changed {name}", err=True)


def _replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all; its mode stays, and a link stays a link."""
    real = path.resolve()
    beside = real.with_name(f".{real.name}.{os.getpid()}")
    beside.write_bytes(text.encode())
    beside.chmod(real.stat().st_mode & 0o7777)
    beside.replace(real)
