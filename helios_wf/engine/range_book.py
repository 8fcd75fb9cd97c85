"""The event ranges of one job: which are handed out, which come next, what a report makes of them (pure).

A book holds what is not settled, and where the uncut tail of the job begins; what is settled leaves it, so a
million ranges take no memory.  Each verb returns the changes that the store must be told.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable

from helios_wf import ranges
from helios_wf.engine.pacing import Timed
from helios_wf.engine.repair import (
    GROWS,
    MOST_HINTS,
    MOST_LOST,
    Changes,
    Health,
    Moved,
    Next,
    OpenRange,
    Settled,
    backoff,
    judge,
)
from helios_wf.model import RangeReport, RetryField
from helios_wf.ranges import Cuts
from helios_wf.states import RangeState

Try = tuple[int, int, int]
"""What names a try of a range: first, stop, number."""


class Book:
    """The ranges of one job that are not settled.

    Args:
        key: what names the job among those of its task.
        first: the first event of the job.
        stop: one past its last event.
        cutting: where ranges end.
        retry: what the template allows.
        health: of the job's task.
        bisects: whether ranges may be cut again.
    """

    def __init__(
        self,
        key: object,
        first: int,
        stop: int,
        cutting: Cuts | Timed,
        retry: RetryField,
        health: Health,
        bisects: bool = True,
    ) -> None:
        self.key = key
        self.first = first
        self.stop = stop
        self.tail = first
        self.health = health
        self.held: dict[Try, OpenRange] = {}
        self.done_events = 0
        self.lost_events = 0
        self.undecided: list[OpenRange] = []
        self._losses = 0
        self._begun: set[Try] = set()
        self._cutting = cutting
        self._retry = retry
        self._bisects = bisects and retry.bisect
        self._ready: list[tuple[bool, int, OpenRange]] = []
        self._delayed: list[tuple[float, int, OpenRange]] = []
        self._waiting: dict[int, list[OpenRange]] = {}
        self._greater: list[OpenRange] = []

    # -- what stands ---------------------------------------------------------------------------------------

    @property
    def has_pieces(self) -> bool:
        """Whether any range of which there is a record is not settled."""
        return bool(self.held or self.undecided or self._is_trying)

    @property
    def _is_trying(self) -> bool:
        return bool(self._ready or self._delayed or self._waiting or self._greater)

    @property
    def is_settled(self) -> bool:
        """Whether all events are accounted for."""
        return self.tail == self.stop and not self.has_pieces

    @property
    def is_doomed(self) -> bool:
        """Whether the job cannot end well any more: it has lost events, and nothing tolerates that."""
        return self.lost_events > 0 and not self.health.tolerates

    @property
    def next_due(self) -> float | None:
        """When there is something to be tried (seconds since the epoch, 0: now), or None: not by itself."""
        if self._ready or self._takes_tail:
            return 0.0
        return self._delayed[0][0] if self._delayed else None

    @property
    def due_later(self) -> float | None:
        """As ``next_due``, with what this attempt cannot do, but the next one."""
        return 0.0 if self._greater else self.next_due

    @property
    def is_learning(self) -> bool:
        """Whether ranges that are cut now are not yet as large as they should be."""
        return self._cutting.is_learning

    @property
    def room(self) -> float:
        """How many tries may be handed out besides those that nobody has begun."""
        ahead = self._cutting.ahead
        return math.inf if ahead is None else max(0, ahead + len(self._begun) - len(self.held))

    @property
    def grown(self) -> int:
        """How often, for the range that needs most, memory or time was not enough."""
        return max((one.charged for one in self._greater), default=0)

    @property
    def _takes_tail(self) -> bool:
        """Whether new ranges are begun: not in a lost job, nor after a failure that may be the tool's."""
        if self.tail == self.stop or self.is_doomed:
            return False
        troubled = self.undecided or self._is_trying
        return self.health.is_proven or not (troubled or any(one.charged for one in self.held.values()))

    # -- handing out ---------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Begins an attempt; returns how often memory or time was not enough for what it will try."""
        grown = self.grown
        greater, self._greater = self._greater, []
        for one in greater:
            self._make_ready(one)
        return grown

    def take(self, limit: int, now: float) -> list[OpenRange]:
        """Hands out up to ``limit`` tries, which are held until they are reported or put back."""
        while self._delayed and self._delayed[0][0] <= now:
            self._make_ready(heapq.heappop(self._delayed)[2])
        taken: list[OpenRange] = []
        while len(taken) < limit and (one := self._next()) is not None:
            one = one._replace(number=one.number + 1, not_before=0.0)
            self.held[one.first, one.stop, one.number] = one
            taken.append(one)
        return taken

    def _next(self) -> OpenRange | None:
        if self._ready:
            return heapq.heappop(self._ready)[2]
        if not self._takes_tail:
            return None
        first, self.tail = self._cutting.next(self.tail)
        return OpenRange(first, self.tail)

    def begun(self, ids: Collection[str]) -> list[OpenRange]:
        """Takes that tools began tries, by their ids; returns those that are held."""
        tries = [one for one in map(_try, ids) if one in self.held]
        self._begun.update(tries)
        return [self.held[one] for one in tries]

    def put_back(self, lost: bool) -> None:
        """Takes back what is held and was not reported; with ``lost``, what was begun counts as lost."""
        for key, one in self.held.items():
            back = one._replace(lost=one.lost + (lost and key in self._begun))
            self._make_ready(back)
            self._losses = max(self._losses, back.lost)
        self.held.clear()
        self._begun.clear()

    # -- settling ------------------------------------------------------------------------------------------

    def settle(self, report: RangeReport, now: float) -> Changes | None:
        """Takes a report; None when it is of no try that is handed out (late, twice, or never held)."""
        one = self.held.pop((report.first, report.stop, report.number), None)
        if one is None:
            return None
        self._begun.discard((report.first, report.stop, report.number))
        changes = Changes([], [], [])
        follows = judge(one, report, self._retry, self._bisects)
        counted = one._replace(
            charged=one.charged + (follows in (Next.AGAIN, Next.CUT, Next.FATAL)),
            lost=one.lost + (follows is Next.LOST),
            cause=report.cause,
        )
        if follows is Next.DONE:
            changes.settled.append(Settled(counted, RangeState.DONE, report))
            self._cutting.learn(one.size, report.wall_s)
            self._succeed(counted, changes)
        elif follows in (Next.BACK, Next.LOST, Next.AGAIN):
            self._try_again(counted, follows, report, now, changes)
        else:
            self._fail(counted, follows, report, changes)
        self._look_at_probe(changes)
        return changes

    def decide(self) -> Changes:
        """Cuts what waited for that, now that a range of the task has succeeded or it needs another probe."""
        changes = Changes([], [], [])
        if self.health.is_proven:
            undecided, self.undecided = self.undecided, []
            for one in undecided:
                self._cut(one, changes)
            for at in [at for at, group in self._waiting.items() if group[0].first < at]:
                self._release(at, changes)
        elif self.health.probe is None and self.undecided:
            self.health.probe = self.key
            self._cut(self.undecided.pop(0), changes)
        return changes

    def _succeed(self, one: OpenRange, changes: Changes) -> None:
        self.done_events += one.size
        was_proven, self.health.is_proven = self.health.is_proven, True
        group = self._waiting.get(one.first, [])
        if len(group) == 1 and group[0].first == one.stop and group[0].size > 1:
            # what failed as a whole and did not fail in its left half fails in the right one
            del self._waiting[one.first]
            self._cut(group[0], changes)
        else:
            self._release(one.first, changes)
        if not was_proven:
            changes.add(self.decide())

    def _try_again(
        self, one: OpenRange, follows: Next, report: RangeReport, now: float, changes: Changes
    ) -> None:
        wait_s = 0.0
        if follows is Next.AGAIN:
            wait_s = 0.0 if one.depth else backoff(one.charged - 1)
            self._failed_once(one, changes)
        elif follows is Next.LOST:
            wait_s = backoff(one.lost - 1)
            self._losses = max(self._losses, one.lost)
        one = one._replace(not_before=now + wait_s if wait_s else 0.0)
        changes.settled.append(Settled(one, RangeState.READY, report))
        if self._retry.grow > 1 and one.cause in GROWS:
            self._greater.append(one)
        elif wait_s:
            heapq.heappush(self._delayed, (one.not_before, one.first, one))
        else:
            self._make_ready(one)

    def _fail(self, one: OpenRange, follows: Next, report: RangeReport, changes: Changes) -> None:
        if follows is Next.FATAL:
            changes.settled.append(Settled(one, RangeState.FATAL, report))
            self.lost_events += one.size
            self.health.give_up(one)
            self._failed_once(one, changes)
        elif self.health.is_proven or (self.health.probe is None and not one.depth):
            self.health.probe = self.health.probe or self.key
            changes.settled.append(Settled(one, RangeState.SPLIT, report))
            self._failed_once(one, changes)
            self._make_pieces(one, report.at_event, changes)
        else:
            changes.settled.append(Settled(one, RangeState.FAILED, report))
            self.undecided.append(one)
            self._failed_once(one, changes)

    def _failed_once(self, one: OpenRange, changes: Changes) -> None:
        """Draws from a failure what it says of others: the other half is innocent until it is tried."""
        if one.size == 1 and one.depth and not self.health.is_proven:
            self.health.sampled(self.key, one)
        group = self._waiting.get(one.first, [])
        if group and group[0].first < one.first and not self.health.is_proven:
            del self._waiting[one.first]
            for neighbour in group:
                self._sample(neighbour, changes)
        else:
            self._release(one.first, changes)

    def _look_at_probe(self, changes: Changes) -> None:
        """Tries single events where all pieces of the probe have failed and nothing ever succeeded."""
        if self.health.is_proven or self.health.probe != self.key:
            return
        tried = [one for *_, one in [*self._ready, *self._delayed]] + list(self.held.values())
        if self._waiting or self._greater or any(not one.charged for one in tried):
            return
        pieces = [one for one in self.undecided if one.depth]
        self.undecided = [one for one in self.undecided if not one.depth]
        for one in pieces:
            self._sample(one, changes)
        if not pieces and not tried:
            # all of it was given up: another range may say whether the tool works at all
            self.health.probe = None
            changes.add(self.decide())

    # -- cutting -------------------------------------------------------------------------------------------

    def _cut(self, one: OpenRange, changes: Changes) -> None:
        """Cuts a range in two that is not handed out."""
        changes.moved.append(Moved(one, RangeState.SPLIT))
        self._make_halves(one, changes)

    def _make_pieces(self, one: OpenRange, at_event: int | None, changes: Changes) -> None:
        if at_event is not None and one.first <= at_event < one.stop and one.depth < MOST_HINTS:
            for first, stop in ranges.bisect(one.first, one.stop, at_event):
                self._make(OpenRange(first, stop, depth=one.depth + 1), changes)
        else:
            self._make_halves(one, changes)

    def _make_halves(self, one: OpenRange, changes: Changes) -> None:
        halves = ranges.bisect(one.first, one.stop)
        left, right = (OpenRange(first, stop, depth=one.depth + 1) for first, stop in halves)
        self._make(left, changes)
        self._make(right._replace(waits_for=left.first), changes)

    def _sample(self, one: OpenRange, changes: Changes) -> None:
        """Cuts a range so that its middle event is tried alone, before what lies around it."""
        if one.size == 1:
            self._make_ready(one._replace(waits_for=None))
            changes.moved.append(Moved(one._replace(waits_for=None), RangeState.READY))
            return
        changes.moved.append(Moved(one, RangeState.SPLIT))
        at = (one.first + one.stop) // 2
        for first, stop in ranges.bisect(one.first, one.stop, at):
            waits_for = None if first == at else at
            self._make(OpenRange(first, stop, depth=one.depth + 1, waits_for=waits_for), changes)

    def _make(self, one: OpenRange, changes: Changes) -> None:
        changes.made.append(one)
        self._make_ready(one)

    def _make_ready(self, one: OpenRange) -> None:
        if one.waits_for is None:
            heapq.heappush(self._ready, (one.charged > 0, one.first, one))
        else:
            self._waiting.setdefault(one.waits_for, []).append(one)

    def _release(self, first: int, changes: Changes) -> None:
        for one in self._waiting.pop(first, ()):
            free = one._replace(waits_for=None)
            changes.moved.append(Moved(free, RangeState.READY))
            self._make_ready(free)

    # -- the store -----------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[tuple[OpenRange, RangeState]], tail: int) -> None:
        """Takes what the store knows of the job: ranges that are not settled, and where its tail begins."""
        self.tail = tail
        for one, state in rows:
            if state in (RangeState.LEASED, RangeState.RUNNING):
                self.held[one.first, one.stop, one.number] = one
                if state is RangeState.RUNNING:
                    self._begun.add((one.first, one.stop, one.number))
            elif state is RangeState.FAILED:
                self.undecided.append(one)
            elif self._retry.grow > 1 and one.cause in GROWS:
                self._greater.append(one)
            elif one.not_before and one.waits_for is None:
                heapq.heappush(self._delayed, (one.not_before, one.first, one))
            else:
                self._make_ready(one)
            self._losses = max(self._losses, one.lost)

    @property
    def is_worn(self) -> bool:
        """Whether the infrastructure lost one of its ranges too often."""
        return self._losses >= MOST_LOST


def _try(name: str) -> Try:
    """Returns the try that ``first-stop.number`` names."""
    span, _, number = name.partition(".")
    first, _, stop = span.partition("-")
    return int(first), int(stop), int(number)
