"""Which events of which files a program was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from helios_wf import formats


class Piece(NamedTuple):
    """The events ``[first, stop)`` of a file; all that follow ``first`` when ``stop`` is None."""

    path: Path
    first: int
    stop: int | None


def pieces(paths: Sequence[Path], table: str | None, first: int, count: int | None) -> Iterator[Piece]:
    """Yields what ``count`` events from position ``first`` on are, counted through the files.

    Positions beyond the last event are empty, as in a slice.  Files are opened to be counted only when
    events of several are asked for by position.
    """
    if first == 0 and count is None:
        yield from (Piece(path, 0, None) for path in paths)
    elif len(paths) == 1:
        yield Piece(paths[0], first, None if count is None else first + count)
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
