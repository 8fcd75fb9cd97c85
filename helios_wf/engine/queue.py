"""Jobs that somebody must still give out: those that are ready, and those that wait for their time."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterable

from helios_wf.engine.job import Job


class Queue:
    """Jobs that were tried before or stem from merges; all others come from the frontier."""

    def __init__(self) -> None:
        self._ready: deque[Job] = deque()
        self._delayed: list[tuple[float, int, Job]] = []

    def add(self, jobs: Iterable[Job]) -> None:
        """Takes jobs that can start now."""
        self._ready.extend(jobs)

    def delay(self, job: Job, not_before: float) -> None:
        """Takes a job that can start at a time (seconds since the epoch)."""
        heapq.heappush(self._delayed, (not_before, job.task, job))

    def take(self, limit: int) -> list[Job]:
        """Returns up to ``limit`` jobs that can start now; they are gone from here."""
        now = time.time()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def __bool__(self) -> bool:
        """Whether any job is here."""
        return bool(self._ready or self._delayed)

    @property
    def next_due(self) -> float | None:
        """When the next delayed job can start (seconds since the epoch), or None."""
        return self._delayed[0][0] if self._delayed else None

    @property
    def is_due(self) -> bool:
        """Whether a delayed job can start now."""
        return bool(self._delayed) and self._delayed[0][0] <= time.time()
