"""A pretended tool over event ranges, and a book that is driven with it until all is settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from helios_wf.engine.range_book import Book
from helios_wf.engine.repair import Changes, Health, OpenRange
from helios_wf.model import RangeReport, RetryField, TolerateField
from helios_wf.ranges import Cuts, Range
from helios_wf.states import Cause, RangeState

Tool = Callable[[OpenRange], Cause | None]

TOLERANT = TolerateField(events=1.0)
"""A tolerance that is never passed: nobody says how many events there are."""


def fails_on(bad: Collection[int], cause: Cause = Cause.EXIT) -> Tool:
    """Returns a tool that fails on every range with one of these events."""
    ordered = sorted(bad)
    return lambda one: cause if any(one.first <= event < one.stop for event in ordered) else None


class Ledger:
    """What a store would know of one job: the state of each range, checked at each change."""

    def __init__(self) -> None:
        self.states: dict[Range, RangeState] = {}
        self.runs = 0
        self.committed: Counter[Range] = Counter()

    def write(self, changes: Changes) -> None:
        for one, to, _ in changes.settled:
            self.states[one.first, one.stop] = to
            self.committed[one.first, one.stop] += to is RangeState.DONE
        for one, to in changes.moved:
            assert (one.first, one.stop) in self.states
            self.states[one.first, one.stop] = to
        for one in changes.made:
            assert (one.first, one.stop) not in self.states, f"{one} was made twice"
            self.states[one.first, one.stop] = RangeState.READY

    def of(self, *states: RangeState) -> list[Range]:
        return sorted(one for one, state in self.states.items() if state in states)

    def events(self, *states: RangeState) -> list[int]:
        return [event for one in self.of(*states) for event in range(*one)]


def book_of(
    n: int,
    size: int | None = None,
    retry: RetryField | None = None,
    health: Health | None = None,
    key: object = "job",
    first: int = 0,
) -> Book:
    """Returns a book of one job of ``n`` events, cut into ranges of ``size``."""
    cutting = Cuts(first, first + n, size or n)
    return Book(key, first, first + n, cutting, retry or RetryField(), health or Health(TOLERANT))


def play(
    book: Book, tool: Tool, at_once: int = 1, ledger: Ledger | None = None, at_event: bool = False
) -> Ledger:
    """Tries ranges, ``at_once`` in hand, until nothing is left or the task is given up."""
    ledger = ledger or Ledger()
    now = 0.0
    for _ in range(1_000_000):
        book.begin()
        taken = book.take(at_once, now)
        if not taken:
            due = book.due_later
            if due is None or book.health.verdict:
                return ledger
            now = max(now, due)
            continue
        for one in taken:
            ledger.states[one.first, one.stop] = RangeState.LEASED
        for one in taken:
            ledger.runs += 1
            cause = tool(one)
            report = RangeReport(one.first, one.stop, one.number, cause)
            changes = book.settle(report, now)
            assert changes is not None
            ledger.write(changes)
            if book.health.verdict:
                return ledger
    raise AssertionError("the book does not end")
