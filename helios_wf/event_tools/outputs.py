"""What an event program writes: never one of the files that it reads, and never half."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from helios_wf.errors import InputError


def check_apart(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Makes sure that no output is an input or another output, under whatever name; None is no file.

    Raises:
        InputError: one is; nothing was opened for writing.
    """
    taken = {known: path for path in inputs if path is not None and (known := _identity(path))}
    written: dict[object, Path] = {}
    for output in filter(None, outputs):
        known = _identity(output)
        if known in taken:
            raise InputError(_said(output, taken[known], "one of the files to read"))
        key = known or os.path.realpath(output)
        if key in written:
            raise InputError(_said(output, written[key], "an output already"))
        written[key] = output


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file, which is left as it was should that fail.

    Raises:
        OSError: it cannot be written.
    """
    from helios_wf.formats import whole_file

    with whole_file(path) as place:
        Path(place).write_bytes(content)


def _identity(path: Path) -> tuple[int, int] | None:
    """Returns what a regular file is known by, whatever its name; None for what is none, or not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if path.is_file() else None


def _said(output: Path, other: Path, what: str) -> str:
    same = "" if output == other else f"the same file as {other}: "
    return f"{output}: is {same}{what}; give the output another name"
