"""How a quantity is spread, in memory that does not grow with the number of values.

Values are counted in bins that grow geometrically, so that a quantile is known within 1 %.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch", PVLDB 12 (2019) 2195, section 2.
"""

from __future__ import annotations

import math

from helios_wf.report.facts import Numbers

ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_SCALE = 1 / math.log(GAMMA)


class Spread:
    """Takes values that are not negative, one after another."""

    def __init__(self) -> None:
        self.n = 0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self._bins: dict[int, int] = {}
        self._zeros = 0

    def add(self, value: float) -> None:
        """Takes a value."""
        self.n += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        if value > 0:
            index = math.ceil(math.log(value) * _SCALE)
            self._bins[index] = self._bins.get(index, 0) + 1
        else:
            self._zeros += 1

    def quantile(self, share: float) -> float:
        """Returns the value below which that share of all lies, within 1 %."""
        rank = share * (self.n - 1)
        seen = self._zeros
        if rank < seen:
            return max(0.0, self.least)
        for index in sorted(self._bins):
            seen += self._bins[index]
            if rank < seen:
                middle = 2 * math.exp(index / _SCALE) / (1 + GAMMA)
                return min(max(middle, self.least), self.most)
        return self.most

    def numbers(self) -> Numbers | None:
        """Returns what was found; None of no values."""
        if not self.n:
            return None
        return Numbers(self.n, self.total, self.least, self.quantile(0.5), self.quantile(0.95), self.most)
