"""Sizes by time: how many events make a range of so many seconds, as far as the ranges before it tell.

The first ranges are small; what they took sizes the next ones, which grow by no more than a factor at once,
as small ranges mostly show what a start costs.  What is left of a job is always cut into near-equal ranges,
so that none is much smaller than the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from helios_wf import ranges
from helios_wf.ranges import Cuts, Range

FIRST_EVENTS = 4
"""Events of the first range, where nothing is known of the time that an event takes."""

FIRST_JOBS = 4
"""So many jobs are cut at once of a file while it is not known how long events take."""

GROWTH = 8
"""So many times more events than any range before it a range may have (a job: than all before it)."""

AHEAD_S = 1.0
"""Seconds of work that a tool should have at hand beside what it works on."""

FEWEST_AHEAD = 2
"""Ranges that it has at hand at least, and at most while the first ones tell how large others are."""

WEIGHT = 0.3
"""What the last range counts against all before it, so that a change of the rate is followed."""


class Pace:
    """Seconds that an event takes, as the last ranges tell.

    Args:
        per_event_s: a first guess, or what is known.
        most_events: of the largest range so far, 0 where nothing was measured.
        events: of all ranges so far.
        wall_s: what these took, in seconds.
    """

    def __init__(
        self, per_event_s: float | None = None, most_events: int = 0, events: int = 0, wall_s: float = 0.0
    ) -> None:
        self.per_event_s = per_event_s
        self.most_events = most_events
        self.events = events
        self.wall_s = wall_s

    def learn(self, events: int, wall_s: float) -> None:
        """Takes what a range that succeeded took.

        Small ranges say less; one that is most of all that was seen says most; a guess says nothing then.
        """
        seen = wall_s / events
        if self.per_event_s is None or not self.most_events:
            self.per_event_s = seen
        self.most_events = max(self.most_events, events)
        self.events += events
        self.wall_s += wall_s
        weight = max(WEIGHT * min(1.0, 2 * events / self.most_events), events / self.events)
        self.per_event_s += weight * (seen - self.per_event_s)

    def size(self, seconds: float) -> int:
        """Returns how many events to take for so many seconds."""
        if self.per_event_s is None:
            return max(FIRST_EVENTS, 2 * self.most_events)
        size = max(1, int(seconds / max(self.per_event_s, 1e-9)))
        return min(size, max(FIRST_EVENTS, GROWTH * self.most_events)) if self.most_events else size

    def is_learning(self, seconds: float) -> bool:
        """Says whether ranges are still smaller than so many seconds, or may be: all that is cut now is."""
        if self.per_event_s is None or not self.most_events:
            return True
        return seconds > GROWTH * self.most_events * self.per_event_s

    def knows(self, seconds: float) -> bool:
        """Says whether what was measured tells how many events take so many seconds."""
        return self.events > 0 and GROWTH * self.wall_s >= seconds

    def job_size(self, seconds: float) -> int:
        """Returns how many events to take for a job of so many seconds."""
        if self.per_event_s is None:
            return FIRST_EVENTS
        size = max(1, int(seconds / max(self.per_event_s, 1e-9)))
        if not self.events or self.knows(seconds):
            return size
        return min(size, max(FIRST_EVENTS, GROWTH * self.events))


def cut_jobs(
    first: int, stop: int, seconds: float, pace: Pace, clusters: Sequence[int] = (), least: int = 1
) -> tuple[list[Range], bool]:
    """Returns the next jobs of about so many seconds, and whether they reach the end.

    Where the time that an event takes is known, they do; else they are a few, as large as it is safe.

    Args:
        first: the first event that is not cut yet; before ``stop``.
        stop: one past the last event.
        seconds: what a job should take.
        pace: of the task.
        clusters: stored boundaries of the file.
        least: events of a job at least; jobs before were over without telling anything.
    """
    size = max(least, pace.job_size(seconds))
    if pace.knows(seconds):
        return ranges.cut(first, stop, size, clusters), True
    made: list[Range] = []
    at = first
    while at < stop and len(made) < FIRST_JOBS:
        made.append(Cuts(at, stop, size, clusters).next(at))
        at = made[-1][1]
    return made, at == stop


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
        self._own = Pace(pace.per_event_s, pace.most_events, pace.events, pace.wall_s)
        self._clusters = clusters

    def next(self, at: int) -> Range:
        """Returns the range that begins at ``at``, by what is known now."""
        return Cuts(at, self._stop, self._own.size(self._seconds), self._clusters).next(at)

    @property
    def ahead(self) -> int | None:
        """How many ranges that nobody has begun may be handed out: what is cut now cannot learn any more."""
        if self._own.is_learning(self._seconds):
            return FEWEST_AHEAD
        return max(FEWEST_AHEAD, math.ceil(AHEAD_S / self._seconds))

    @property
    def is_learning(self) -> bool:
        """Whether ranges that are cut now are smaller than they should be."""
        return self._own.is_learning(self._seconds)

    def learn(self, events: int, wall_s: float) -> None:
        """Takes what a range of this job took."""
        for pace in (self._own, self._task):
            pace.learn(events, wall_s)
