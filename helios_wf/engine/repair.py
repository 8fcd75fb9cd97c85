"""What becomes of an event range after a try of it: pure rules, without a store, a clock or a backend.

A range of more than one event that failed twice is *bisected*; what it is cut into is cut again at its first
failure; a single event that fails is confirmed once and then given up.  Of two halves the left one is tried
first: where it succeeds, the failure lies in the right one, which is cut without being tried.  So one event
that cannot be processed costs at most ``2 * log2(n) + 3`` tries in a range of ``n`` events: two for the
range, two for each cut whose left half fails and one for each cut whose right half does, one to confirm.
(Only a path with a turn to the right is longer than ``log2(n)``: left halves are never the larger ones.)

Nothing is bisected until some range of the task has succeeded, but for one probe.  Where both of the probe's
halves fail, single events from their middles are tried: a tool that fails on all of them fails on everything.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.model import RangeReport, Resources, RetryField, TolerateField
from helios_wf.states import PERMANENT, UNCHARGED, Cause, RangeState

MOST_LOST = 5
"""Tries that a job or a range may lose to its infrastructure."""

TEMPORARY_ATTEMPTS = 3
"""Tries at least, where the tool returned one of its ``temporaryFailCodes``."""

TRIES = 2
"""Tries of a range before it is bisected, and of a single event before it is given up."""

MOST_HINTS = 5
"""So many times, one inside the other, a tool is believed that it knows the event that it failed on."""

MOST_UNTOLERATED = 100
"""Events that may be given up where nothing says what is tolerated, before the task is."""

SAMPLES = 5
"""Single events of the probe that fail, none having succeeded, before the task is given up."""

MOST_UNPROVEN = 10
"""Ranges of a task that may be given up while none has succeeded."""

GROWS = frozenset({Cause.MEMORY, Cause.TIME_LIMIT})
"""Causes after which the next try asks for more, where ``grow`` says so."""


class OpenRange(NamedTuple):
    """An event range that is not settled, with its tries so far.

    ``number`` is that of the last try; ``depth`` how many cuts lie between it and the range it was at first;
    ``waits_for`` the first event of the range that is tried before it; ``cause`` that of the last failure.
    """

    first: int
    stop: int
    number: int = 0
    charged: int = 0
    lost: int = 0
    depth: int = 0
    not_before: float = 0.0
    waits_for: int | None = None
    cause: Cause | None = None

    @property
    def size(self) -> int:
        """How many events it has."""
        return self.stop - self.first

    def __str__(self) -> str:
        return f"[{self.first}, {self.stop})"


class Next(StrEnum):
    """What follows from a try."""

    DONE = "DONE"
    """nothing: it succeeded"""
    BACK = "BACK"
    """it was put back, uncounted"""
    LOST = "LOST"
    """tried again; the infrastructure lost it"""
    AGAIN = "AGAIN"
    """tried again; it failed"""
    CUT = "CUT"
    """tried no more as a whole, but in pieces"""
    FATAL = "FATAL"
    """given up"""


class Settled(NamedTuple):
    """A try that was reported: the range with its tries counted, its state now, and the report."""

    one: OpenRange
    to: RangeState
    report: RangeReport


class Moved(NamedTuple):
    """A range that changed without a try: its state now."""

    one: OpenRange
    to: RangeState


class Changes(NamedTuple):
    """What the store must be told, in this order."""

    settled: list[Settled]
    moved: list[Moved]
    made: list[OpenRange]

    def add(self, more: Changes) -> None:
        """Appends further changes."""
        self.settled.extend(more.settled)
        self.moved.extend(more.moved)
        self.made.extend(more.made)


def judge(one: OpenRange, report: RangeReport, retry: RetryField, bisects: bool) -> Next:
    """Returns what follows from a report of the last try of a range.

    Args:
        one: the range, before this try was counted.
        report: of that try.
        retry: what the template allows.
        bisects: whether the range may be cut at all.
    """
    cause = report.cause
    if cause is None:
        return Next.DONE
    if cause is Cause.CANCELLED:
        return Next.BACK
    if cause in UNCHARGED:
        return Next.LOST
    cuts = bisects and one.size > 1
    final = report.permanent or cause in PERMANENT
    if not final and one.charged + 1 < most_tries(one, report, retry, cuts):
        return Next.AGAIN
    return Next.CUT if cuts else Next.FATAL


def most_tries(one: OpenRange, report: RangeReport, retry: RetryField, cuts: bool) -> int:
    """Returns how often a range may fail before it is cut or given up."""
    if report.temporary:
        return max(retry.attempts, TEMPORARY_ATTEMPTS)
    if not retry.bisect or (retry.grow > 1 and report.cause in GROWS):
        return retry.attempts
    return 1 if cuts and one.depth else min(TRIES, retry.attempts)


def backoff(before: int) -> float:
    """Returns seconds: 0.2, 0.4, 0.8 ... up to a minute, with a quarter of jitter so that equals spread."""
    return min(0.2 * 2.0 ** min(before, 20), 60.0) * random.uniform(0.75, 1.25)


def grow(resources: Resources, factor: float) -> Resources:
    """Returns resources with memory and time multiplied."""
    if factor == 1:
        return resources
    time_s = resources.time_s
    return replace(
        resources, ram_mb=resources.ram_mb * factor, time_s=None if time_s is None else time_s * factor
    )


class Health:
    """What the ranges of one task have shown so far.

    ``most_lost`` events may be given up where the task tolerates that (None: not known yet how many).
    """

    def __init__(self, tolerate: TolerateField | None = None) -> None:
        self.tolerates = tolerate is not None and tolerate.events is not None
        self.most_lost: int | None = None
        self.is_proven = False
        self.probe: object = None
        self.lost_events = 0
        self.given_up = 0
        self.samples: set[tuple[object, int]] = set()
        self._most_untolerated = MOST_UNTOLERATED if tolerate is None else None

    def give_up(self, one: OpenRange) -> None:
        """Takes that a range was given up."""
        self.lost_events += one.size
        self.given_up += 1

    def sampled(self, job: object, one: OpenRange) -> None:
        """Takes that a single event of the probe failed."""
        if not self.is_proven:
            self.samples.add((job, one.first))

    @property
    def verdict(self) -> str | None:
        """Why the task is to be given up, or None."""
        if not self.is_proven and len(self.samples) >= SAMPLES:
            return (
                f"nothing of it succeeded, and {len(self.samples)} single events from different places "
                "failed: that is the tool, not the events"
            )
        if not self.is_proven and self.given_up >= MOST_UNPROVEN:
            return f"its first {self.given_up} event ranges failed for good and none succeeded"
        if self.tolerates and self.most_lost is not None and self.lost_events > self.most_lost:
            return f"{self.lost_events} events are lost for good and {self.most_lost} may be"
        most = self._most_untolerated
        if most is not None and self.lost_events > most and self.given_up > 1:
            return f"{self.lost_events} events failed for good, which is too many to look for more"
        return None
