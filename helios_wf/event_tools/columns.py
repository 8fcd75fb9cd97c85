"""Opens files of events with the columns that a program was told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helios_wf import formats
from helios_wf.errors import EventFileError, FileUnreadableError, InputError, nearest

if TYPE_CHECKING:
    from helios_wf.event_tools.pieces import Piece
    from helios_wf.formats.batches import Batches


CONSTANTS = frozenset({"gain", "offset"})
"""Columns that no option names."""

MOST_LISTED = 40
"""So many columns of a file are listed in a message."""


def opened(
    piece: Piece,
    table: str | None,
    columns: Mapping[str, str],
    filter_: str | None = None,
    types: Mapping[str, str] | None = None,
    counted: Iterable[str] = (),
    can_be_left_out: bool = False,
    xp: Any = None,
) -> Batches:
    """Returns the events of a piece with some columns.

    Args:
        piece: which events of which file.
        table: its table of events, where it has several.
        columns: what each column is for, which names its option, to its name.
        filter_: condition that events must pass.
        types: of columns of text files, over those that their first rows suggest.
        counted: columns wanted as dictionaries where they are text.
        can_be_left_out: as for ``check_present``.
        xp: a module to compute the filter with, as for ``formats.read``.

    Raises:
        EventFileError: The file cannot be used.
        InputError: Columns are missing; the message names all of them, and those that there are.
    """
    wanted = list(dict.fromkeys(columns.values()))
    try:
        return formats.read(
            piece.path,
            piece.first,
            piece.stop,
            columns=wanted,
            filter=filter_,
            table=table,
            types=types,
            index=piece.index,
            dictionaries=list(counted),
            xp=xp,
        )
    except EventFileError:
        with formats.read(piece.path, 0, 0, table=table) as reader:
            check_present(piece.path, reader.schema.names, columns, can_be_left_out)
        raise


def check_present(
    path: Path, present: Iterable[str], columns: Mapping[str, str], can_be_left_out: bool = False
) -> None:
    """Raises an InputError that names every column that is missing, and says once which are there.

    Args:
        path: the file.
        present: the columns that it has.
        columns: as for ``opened``.
        can_be_left_out: whether the program does without columns that ``--without`` names.
    """
    known = list(present)
    missing = {what: name for what, name in columns.items() if name not in known}
    if not missing:
        return
    listed = ", ".join(known[:MOST_LISTED])
    more = f" and {len(known) - MOST_LISTED} more (helios-events info)" if len(known) > MOST_LISTED else ""
    lines = [
        f"{path}: no column {', '.join(_missing(what, name, known) for what, name in missing.items())}",
        f"its columns are: {listed}{more}",
    ]
    if can_be_left_out:
        lines.append(f"name them with these options, or leave parts out: --without {','.join(missing)}")
    raise InputError("\n".join(lines))


def _missing(what: str, name: str, known: list[str]) -> str:
    """Returns a missing column with the option that names it, and the column that may be meant."""
    near = nearest(name, known)
    hints = [] if what in CONSTANTS else [f"--{what}-column"]
    hints += [f"did you mean {near!r}?"] if near else []
    return f"{name!r} ({'; '.join(hints)})" if hints else repr(name)


def load_index(path: Path | None) -> formats.RowIndex | None:
    """Returns the row index in a file that ``helios-events info --row-index`` wrote; None for None.

    Raises:
        EventFileError: The file cannot be read, or holds something else.
    """
    if path is None:
        return None
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FileUnreadableError(f"{path} cannot be read: {error.strerror}") from error
    return formats.RowIndex.from_json(text)
