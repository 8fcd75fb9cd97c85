"""Which events of which files a program was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from helios_wf import formats
from helios_wf.errors import InputError
from helios_wf.event_tools.columns import load_index


@dataclass(frozen=True)
class Piece:
    """The events ``[first, stop)`` of a file; all that follow ``first`` when ``stop`` is None.

    ``index`` spares finding the first of them by a scan, where the file is text.
    """

    path: Path
    first: int = 0
    stop: int | None = None
    index: formats.RowIndex | None = None


def piece_of(path: Path, first: int, count: int | None, row_index: Path | None = None) -> Piece:
    """Returns ``count`` events of one file, or all, from position ``first`` on.

    Positions behind the end of the file are empty.
    """
    return Piece(path, first, None if count is None else first + count, load_index(row_index))


def pieces(
    paths: Sequence[Path], table: str | None, first: int, count: int | None, row_index: Path | None = None
) -> Iterator[Piece]:
    """Yields what ``count`` events from position ``first`` on are, counted through the files.

    Positions beyond the last event are empty, as in a slice.  Files are opened to be counted only when
    events of several are asked for by position.

    Raises:
        InputError: A row index is given for several files.
    """
    if len(paths) == 1:
        yield piece_of(paths[0], first, count, row_index)
    elif row_index:
        raise InputError(f"{row_index} is the row index of one file; {len(paths)} are given")
    elif first == 0 and count is None:
        yield from map(Piece, paths)
    else:
        yield from _counted(paths, table, first, count)


def _counted(paths: Sequence[Path], table: str | None, first: int, count: int | None) -> Iterator[Piece]:
    before = 0
    for path in paths:
        n_events = formats.probe(path, table=table).n_events
        start = max(first - before, 0)
        stop = n_events if count is None else min(first + count - before, n_events)
        yield Piece(path, min(start, n_events), max(stop, min(start, n_events)))
        before += n_events
