"""The bins of time of a run."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, MutableSequence

N_BINS = 240


class Clock:
    """Cuts the time of a run into equal bins; what lies outside counts in the first or last."""

    def __init__(self, start: float, stop: float, n: int = N_BINS) -> None:
        self.start = start
        self.n = n
        self.width_s = max(stop - start, 1e-3) / n

    def offset(self, at: float) -> float:
        """Returns the seconds since the run's beginning."""
        return at - self.start

    def bin(self, at: float) -> int:
        """Returns the bin of an instant."""
        return min(max(int((at - self.start) / self.width_s), 0), self.n - 1)

    def zeros(self) -> array[float]:
        """Returns a number for each bin."""
        return array("d", bytes(8 * self.n))

    def shares(self, at: float, seconds: float) -> Iterator[tuple[int, float]]:
        """Yields the bins that a span of time lies in, and what share of each it fills."""
        first = max((at - self.start) / self.width_s, 0.0)
        stop = min((at + seconds - self.start) / self.width_s, float(self.n))
        for index in range(int(first), self.n):
            if index >= stop:
                return
            yield index, min(stop, index + 1.0) - max(first, float(index))

    def spread(self, into: MutableSequence[float], at: float, seconds: float, amount: float) -> None:
        """Adds an amount to the bins that a span of time lies in, evenly."""
        shares = list(self.shares(at, seconds))
        total = sum(share for _, share in shares)
        if total <= 0:
            into[self.bin(at)] += amount
            return
        for index, share in shares:
            into[index] += amount * share / total
