"""Event ranges: cut, bisect, cover.  Pure arithmetic on half-open ``[first, stop)``.

``cut`` takes a size in events and returns ``round(n / size)`` near-equal ranges, at least one: their sizes
lie between 2/3 and 3/2 of what was asked, before snapping, and no tiny rest is left at the end.  A file of
less than one and a half times the size stays whole.

A boundary is snapped to the nearest cluster boundary of the file when that moves it by less than a tenth of
a range, so that no range grows or shrinks by more than a fifth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""Positions ``[first, stop)`` in one file."""

SNAP = 10
"""A boundary moves by less than one ``SNAP``-th of a range."""


def cut(first: int, stop: int, size: int, clusters: Sequence[int] = ()) -> list[Range]:
    """Returns near-equal ranges of about ``size`` events that cover ``[first, stop)``; none for no events.

    Args:
        first: the first event.
        stop: one past the last event.
        size: events per range that are wanted, at least 1.
        clusters: stored boundaries of the file, ascending, in the same positions.

    Raises:
        ValueError: the size is below 1, or the positions are not a range.
    """
    if size < 1:
        raise ValueError(f"cannot cut into ranges of {size} events; give a size of at least 1")
    _check(first, stop)
    return cut_into(first, stop, max(1, (2 * (stop - first) + size) // (2 * size)), clusters)


def cut_into(first: int, stop: int, pieces: int, clusters: Sequence[int] = ()) -> list[Range]:
    """Returns that many near-equal ranges that cover ``[first, stop)``; fewer when it has fewer events.

    Args:
        first: the first event.
        stop: one past the last event.
        pieces: how many ranges are wanted, at least 1.
        clusters: stored boundaries of the file, ascending, in the same positions.

    Raises:
        ValueError: fewer than one piece is asked for, or the positions are not a range.
    """
    if pieces < 1:
        raise ValueError(f"cannot cut into {pieces} ranges; ask for at least 1")
    _check(first, stop)
    events = stop - first
    pieces = min(pieces, events)
    bounds = [first + events * at // pieces for at in range(pieces + 1)] if pieces else []
    if clusters:
        inner = [_snapped(bound, events, pieces, clusters) for bound in bounds[1:-1]]
        bounds = [*bounds[:1], *inner, *bounds[-1:]]
    return list(pairwise(bounds))


class Cuts:
    """The near-equal ranges of ``cut``, one at a time: a million of them take no memory.

    Args:
        first: the first event.
        stop: one past the last event.
        size: events per range that are wanted, at least 1.
        clusters: stored boundaries of the file, ascending, in the same positions.
    """

    def __init__(self, first: int, stop: int, size: int, clusters: Sequence[int] = ()) -> None:
        _check(first, stop)
        self.first = first
        self.stop = stop
        self._events = stop - first
        self._pieces = min(max(1, (2 * self._events + size) // (2 * size)), max(1, self._events))
        self._clusters = clusters

    def next(self, at: int) -> Range:
        """Returns the range from ``at`` to the next boundary behind it; ``at`` is before ``stop``."""
        index = (at - self.first) * self._pieces // self._events
        while (bound := self._bound(index)) <= at:
            index += 1
        return at, bound

    @property
    def is_learning(self) -> bool:
        """Sizes in events depend on nothing that is to be learned."""
        return False

    @property
    def ahead(self) -> int | None:
        """So any number of ranges may be handed out before they are begun."""
        return None

    def learn(self, events: int, wall_s: float) -> None:
        """Passes over how long a range took."""

    def _bound(self, index: int) -> int:
        if index >= self._pieces:
            return self.stop
        bound = self.first + self._events * index // self._pieces
        if not self._clusters or index == 0:
            return bound
        return _snapped(bound, self._events, self._pieces, self._clusters)


def bisect(first: int, stop: int, at: int | None = None) -> list[Range]:
    """Returns the two halves of a range, or what lies before, at and after one suspicious event.

    With ``at`` that event stands alone, and only what is not empty is returned.

    Raises:
        ValueError: the range has fewer than two events, or ``at`` lies outside of it.
    """
    if stop - first < 2:
        raise ValueError(f"cannot bisect [{first}, {stop}); it has fewer than two events")
    if at is None:
        middle = (first + stop) // 2
        return [(first, middle), (middle, stop)]
    if not first <= at < stop:
        raise ValueError(f"event {at} is not in [{first}, {stop})")
    return [piece for piece in ((first, at), (at, at + 1), (at + 1, stop)) if piece[0] < piece[1]]


def covers(ranges: Iterable[Range], first: int, stop: int) -> bool:
    """Says whether ranges, in any order, cover every event of ``[first, stop)`` once and nothing else.

    An empty range covers nothing and makes it false.
    """
    reached = first
    for start, end in sorted(ranges):
        if start != reached or end <= start:
            return False
        reached = end
    return reached == stop


def _check(first: int, stop: int) -> None:
    if not 0 <= first <= stop:
        raise ValueError(f"[{first}, {stop}) is no range of events; want 0 <= first <= stop")


def _snapped(bound: int, events: int, pieces: int, clusters: Sequence[int]) -> int:
    """Returns the cluster boundary next to a bound when it is near enough, else the bound."""
    at = bisect_left(clusters, bound)
    near = min(clusters[max(0, at - 1) : at + 1], key=lambda boundary: abs(boundary - bound))
    return near if SNAP * pieces * abs(near - bound) < events else bound
