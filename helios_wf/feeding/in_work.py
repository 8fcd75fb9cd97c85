"""The ranges that a resident tool holds: it works on the first few, and the others wait for it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from helios_wf.feeding.hand import Hand
from helios_wf.feeding.started import Started
from helios_wf.model import EventRange
from helios_wf.processes import cpu_s


@dataclass(slots=True)
class Work:
    """A range that a tool works on: since when (of both clocks), and what it has used."""

    one: EventRange
    begun_at: float | None = None
    started_at: float = 0.0
    log_start: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


class InWork:
    """Ranges in the order in which they were given; ``capacity`` are worked on at the same time."""

    def __init__(self, tool: Started, hand: Hand) -> None:
        self.capacity = 1
        self._tool, self._hand = tool, hand
        self._held: dict[str, Work] = {}
        self._log_marks = (0, 0)
        self._cpu_s = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether the tool holds no range."""
        return not self._held

    def holds(self, ids: Collection[str]) -> bool:
        """Returns whether it holds one of these."""
        return not self._held.keys().isdisjoint(ids)

    def find(self, id_: str) -> EventRange | None:
        """Returns a range that it holds."""
        work = self._held.get(id_)
        return None if work is None else work.one

    def add(self, one: EventRange) -> None:
        """Takes note that the tool is given a range."""
        self._held[one.id] = Work(one)

    def begun(self) -> Iterator[tuple[EventRange, float]]:
        """Yields the ranges that it works on, and since when."""
        for work in self._first():
            if work.begun_at is not None:
                yield work.one, work.begun_at

    def _first(self) -> Iterator[Work]:
        return islice(self._held.values(), self.capacity)

    def begin(self) -> None:
        """Counts the first few as worked on, as many as the tool works on at the same time.

        To be called before the tool is given those that were added.
        """
        self._share_cpu(cpu_s(self._tool.process.pid))
        self._begin(self._tool.log_size)

    def _begin(self, log_start: int) -> None:
        for work in self._first():
            if work.begun_at is None:
                work.begun_at, work.started_at = time.monotonic(), time.time()
                work.log_start = log_start
                self._hand.begin(work.one)

    def about_to_read(self) -> None:
        """Takes note of the size of the tool's log before its next lines are read."""
        self._log_marks = (self._log_marks[1], self._tool.log_size)

    def end(self, one: EventRange) -> Work:
        """Lets go of a range that was answered, and counts the next as worked on."""
        self._share_cpu(cpu_s(self._tool.process.pid))
        work = self._held.pop(one.id)
        if work.begun_at is None:
            work.started_at = time.time()
        else:
            work.wall_s = time.monotonic() - work.begun_at
        # the tool began with the next before this answer was read, and after the lines before it were
        self._begin(self._log_marks[0])
        return work

    def drop(self, cpu_s: float) -> list[Work]:
        """Lets go of all, as the tool has ended, having used so much processor time."""
        self._share_cpu(cpu_s)
        left, self._held = list(self._held.values()), {}
        for work in left:
            if work.begun_at is not None:
                work.wall_s = time.monotonic() - work.begun_at
        return left

    def _share_cpu(self, now: float) -> None:
        """Shares what was used since the last call among the ranges that are worked on."""
        working = [work for work in self._first() if work.begun_at is not None]
        for work in working:
            work.cpu_s += max(0.0, now - self._cpu_s) / len(working)
        self._cpu_s = max(now, self._cpu_s)
