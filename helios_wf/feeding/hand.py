"""The event ranges that an attempt has in hand, and what it says of them while it runs."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from helios_wf.model import EventRange, Feeding, JobSpec, RangeNews, RangeReport
from helios_wf.processes import Interrupt

AHEAD_S = 1.0
"""Seconds of work that an attempt wants to have in hand."""

MOST_AHEAD = 1000
"""Ranges that it wants at most, however short they are."""

FIRST_AHEAD = 2
"""Ranges that it wants while it does not know how long one takes."""

TOLD_EVERY_S = 0.05
"""Seconds between two pieces of news of an attempt whose ranges are short."""

_WEIGHT = 0.2


class Feeder(Interrupt, Protocol):
    """Where ranges come from, and where news of them goes."""

    def fed(self) -> tuple[Sequence[EventRange], bool]:
        """Takes the ranges that came since the last call, and says whether further ones may come."""

    def tell(self, news: RangeNews, pid: int = 0) -> None:
        """Sends news; ``pid`` is the process that works from now on, if that changed."""


class Hand:
    """What an attempt holds, in order, and what it has not said yet."""

    def __init__(self, spec: JobSpec, feeding: Feeding, feeder: Feeder | None, worker: str) -> None:
        self.interrupted = False
        self._spec = spec
        self._feeder = feeder
        self._worker = worker
        self._host = os.uname().nodename
        self._waiting = deque(feeding.ranges)
        self._more = feeding.more and feeder is not None
        self._begun: list[str] = []
        self._ended: list[RangeReport] = []
        self._processed: dict[str, int] = {}
        self._mean_s: float | None = None
        self._told_at = 0.0
        self._asked = 0

    def take(self) -> EventRange | None:
        """Returns the next range, waiting for it if need be; None when there will be none."""
        return self._waiting.popleft() if self.wait() else None

    def wait(self) -> bool:
        """Waits until a range is in hand; false when there will be none, or the attempt must end."""
        self.take_in()
        while not self._waiting and self._more:
            self.tell()
            if self.hear():
                return False
        return bool(self._waiting)

    def take_now(self) -> EventRange | None:
        """Returns the next range, if one is in hand."""
        return self._waiting.popleft() if self._waiting else None

    @property
    def next_id(self) -> str | None:
        """The id of the next range, if one is in hand."""
        return self._waiting[0].id if self._waiting else None

    @property
    def fd(self) -> int | None:
        """Becomes readable when the feeder has something to say; None without one."""
        return None if self._feeder is None else self._feeder.fd

    @property
    def is_last(self) -> bool:
        """Whether no range is in hand and none will come."""
        return not self._waiting and not self._more

    def give_back(self, ranges: Sequence[EventRange]) -> None:
        """Takes ranges in hand again that were taken but are not done."""
        self._waiting.extendleft(reversed(ranges))

    def hear(self) -> bool:
        """Takes in what the feeder has to say, waiting for it; returns whether the attempt must end."""
        assert self._feeder is not None
        self.interrupted = self._feeder.hear() or self.interrupted
        self.take_in()
        return self.interrupted

    def take_in(self) -> None:
        """Takes into hand what was fed while a tool was watched."""
        if self._feeder is not None:
            ranges, more = self._feeder.fed()
            self._waiting.extend(ranges)
            self._more = self._more and more
            # what is still lacking is asked for once more
            self._asked = 0 if ranges else self._asked

    def begin(self, one: EventRange) -> None:
        """Takes note that a tool works on a range."""
        self._begun.append(one.id)

    def progress(self, one: EventRange, processed: int) -> None:
        """Takes note of how many events of a range are done."""
        self._processed[one.id] = processed

    def end(self, report: RangeReport) -> None:
        """Takes note of what became of a range."""
        self._ended.append(report)
        self._processed.pop(EventRange(report.first, report.stop, report.number).id, None)
        mean = self._mean_s
        self._mean_s = report.wall_s if mean is None else mean + _WEIGHT * (report.wall_s - mean)

    def due_s(self) -> float | None:
        """Returns the seconds until there is something to tell; None when there is nothing."""
        if self._feeder is None:
            return None
        if not (self._begun or self._ended or self._processed or self._wants() > self._asked):
            return None
        return max(0.0, self._told_at + TOLD_EVERY_S - time.monotonic())

    def tell_if_due(self) -> None:
        """Sends what there is to say, unless something was said a moment ago."""
        if self.due_s() == 0:
            self.tell()

    def tell(self, pid: int = 0) -> None:
        """Sends what there is to say, if anybody listens; otherwise it is kept for the report."""
        if self._feeder is None:
            return
        self._asked = self._wants()
        news = RangeNews(
            run=self._spec.run,
            key=self._spec.key,
            attempt=self._spec.attempt,
            begun=tuple(self._begun),
            ranges=tuple(self._ended),
            processed=self._processed,
            wants=self._asked,
            host=self._host,
            worker=self._worker,
        )
        self._begun, self._ended, self._processed = [], [], {}
        self._told_at = time.monotonic()
        self._feeder.tell(news, pid)

    def untold(self) -> tuple[RangeReport, ...]:
        """Returns what became of ranges that no news told of."""
        return tuple(self._ended)

    def _wants(self) -> int:
        """Returns how many further ranges would be useful: none while half of what it wants is there."""
        if not self._more:
            return 0
        wanted = FIRST_AHEAD
        if self._mean_s is not None:
            wanted = max(1, min(MOST_AHEAD, round(AHEAD_S / max(self._mean_s, 1e-6))))
        return wanted - len(self._waiting) if len(self._waiting) <= wanted // 2 else 0
