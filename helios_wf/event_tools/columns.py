"""Checks that the columns a program was told of are there, before it reads any event."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helios_wf import formats
from helios_wf.errors import InputError, did_you_mean


def check_present(path: Path, table: str | None, columns: Mapping[str, str]) -> None:
    """Raises an error that lists every column that a file lacks.

    Args:
        path: the file.
        table: its table of events, where it has several.
        columns: what each column is for, which names its option, to its name.

    Raises:
        InputError: A column is missing; the message says which there are.
    """
    with formats.read(path, 0, 0, table=table) as reader:
        present = list(reader.schema.names)
    missing = {what: name for what, name in columns.items() if name not in present}
    if missing:
        lines = [
            f"{path} has no column {name!r} (--{what}-column){did_you_mean(name, present)}"
            for what, name in missing.items()
        ]
        raise InputError("\n".join([*lines, f"its columns are: {', '.join(present)}"]))
