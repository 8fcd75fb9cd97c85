"""Opens files of events with the columns that a program was told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from helios_wf import formats
from helios_wf.errors import EventFileError, FileUnreadableError, InputError, did_you_mean

if TYPE_CHECKING:
    from helios_wf.event_tools.pieces import Piece
    from helios_wf.formats.batches import Batches


def opened(
    piece: Piece,
    table: str | None,
    columns: Mapping[str, str],
    filter_: str | None = None,
    counted: Iterable[str] = (),
) -> Batches:
    """Returns the events of a piece with some columns.

    Args:
        piece: which events of which file.
        table: its table of events, where it has several.
        columns: what each column is for, which names its option, to its name.
        filter_: condition that events must pass.
        counted: columns wanted as dictionaries where they are text.

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
            index=piece.index,
            dictionaries=list(counted),
        )
    except EventFileError:
        with formats.read(piece.path, 0, 0, table=table) as reader:
            check_present(piece.path, reader.schema.names, columns)
        raise


def check_present(path: Path, present: Iterable[str], columns: Mapping[str, str]) -> None:
    """Raises an InputError that lists every column that is missing, and those that are there.

    Args:
        path: the file.
        present: the columns that it has.
        columns: as for ``opened``.
    """
    known = list(present)
    missing = {what: name for what, name in columns.items() if name not in known}
    if missing:
        lines = [
            f"{path}: no column {name!r} (--{what}-column){did_you_mean(name, known)}"
            for what, name in missing.items()
        ]
        raise InputError("\n".join([*lines, f"its columns are: {', '.join(known)}"]))


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
