"""Sizes by time: how many events make a range of so many seconds, as far as the ranges before it tell.

The first ranges are small; what they took sizes the next ones, which grow by no more than a factor at once,
as small ranges mostly show what a start costs.  What is left of a job is always cut into near-equal ranges,
so that none is much smaller than the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.ranges import Cuts, Range

FIRST_EVENTS = 4
"""Events of the first range, where nothing is known of the time that an event takes."""

GROWTH = 8
"""So many times more events than any range before it a range may have."""

WEIGHT = 0.3
"""What the last range counts against all before it, so that a change of the rate is followed."""


class Pace:
    """Seconds that an event takes, as the last ranges tell; ``most_events`` is the largest range so far."""

    def __init__(self, per_event_s: float | None = None, most_events: int = 0) -> None:
        self.per_event_s = per_event_s
        self.most_events = most_events

    def learn(self, events: int, wall_s: float) -> None:
        """Takes what a range that succeeded took; small ranges say less."""
        self.most_events = max(self.most_events, events)
        seen = wall_s / events
        weight = WEIGHT * min(1.0, 2 * events / self.most_events)
        self.per_event_s = (
            seen if self.per_event_s is None else self.per_event_s + weight * (seen - self.per_event_s)
        )

    def size(self, seconds: float) -> int:
        """Returns how many events to take for so many seconds."""
        if self.per_event_s is None:
            return max(FIRST_EVENTS, 2 * self.most_events)
        size = max(1, int(seconds / max(self.per_event_s, 1e-9)))
        return min(size, max(FIRST_EVENTS, GROWTH * self.most_events)) if self.most_events else size


class Timed:
    """Cuts one job into ranges of about so many seconds.

    Args:
        stop: one past the last event of the job.
        seconds: what a range should take.
        pace: of the task; it learns from all its jobs, and each job follows its own rate from there.
        clusters: stored boundaries of the file.
    """

    def __init__(self, stop: int, seconds: float, pace: Pace, clusters: Sequence[int] = ()) -> None:
        self._stop = stop
        self._seconds = seconds
        self._task = pace
        self._own = Pace(pace.per_event_s, pace.most_events)
        self._clusters = clusters

    def next(self, at: int) -> Range:
        """Returns the range that begins at ``at``, by what is known now."""
        return Cuts(at, self._stop, self._own.size(self._seconds), self._clusters).next(at)

    def learn(self, events: int, wall_s: float) -> None:
        """Takes what a range of this job took."""
        for pace in (self._own, self._task):
            pace.learn(events, wall_s)
