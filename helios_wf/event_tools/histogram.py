"""A histogram of equal bins whose edges are exact: the same counts on every machine and for any partition.

Edge ``i`` of ``bins`` is ``low + i * (high - low) / bins``, computed with rational numbers and rounded once
to the nearest double.  A value ``x`` is in bin ``i`` when ``edge[i] <= x < edge[i + 1]``; it is underflow
below the first edge and overflow from the last edge on.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from helios_wf.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BINS = 1_000_000
DOUBT = 1e-6
"""How near to an edge, in bins, a scaled value is looked up instead of trusted: far above its rounding."""

BLOCK = 1 << 14


class Binning:
    """Equal bins from ``low`` to ``high``."""

    def __init__(self, bins: int, low: float, high: float) -> None:
        """Checks the limits and computes the edges.

        Raises:
            SettingsError: There are no bins, too many, or bins without a width.
        """
        if not 1 <= bins <= MOST_BINS:
            raise SettingsError(f"a histogram has 1 to {MOST_BINS} bins, not {bins}")
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise SettingsError(f"a histogram goes from a lower to a higher number, not from {low} to {high}")
        start, width = Fraction(low), (Fraction(high) - Fraction(low)) / bins
        self.bins, self.low, self.high = bins, low, high
        self.edges = np.array([float(start + i * width) for i in range(bins + 1)])
        if not (np.diff(self.edges) > 0).all():
            raise SettingsError(f"{bins} bins from {low} to {high} are narrower than doubles can tell apart")
        self._scale = 1 / float(width) if width > Fraction(1, 2**1000) else math.inf
        self._reliable = _is_well_conditioned(bins, low, high, self._scale)

    def count(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns counts of finite values: ``[underflow, bin 0, ..., bin n-1, overflow]``."""
        counts = np.zeros(self.bins + 2, np.int64)
        for start in range(0, len(values), BLOCK):
            counts += np.bincount(self._slots(values[start : start + BLOCK]), minlength=self.bins + 2)
        return counts

    def _slots(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        if not self._reliable:
            return np.searchsorted(self.edges, values, side="right")
        with np.errstate(over="ignore"):
            scaled = (values - self.low) * self._scale
        scaled += 1
        np.clip(scaled, 0.5, self.bins + 1.5, out=scaled)
        slots = scaled.astype(np.intp)
        doubtful = np.abs(scaled - np.rint(scaled)) < DOUBT
        if doubtful.any():
            slots[doubtful] = np.searchsorted(self.edges, values[doubtful], side="right")
        return slots


def _is_well_conditioned(bins: int, low: float, high: float, scale: float) -> bool:
    """Tells whether ``(x - low) * scale`` near an edge errs by far less than ``DOUBT`` bins."""
    ulp = math.ulp(max(abs(low), abs(high)))
    return math.isfinite(scale) and math.isfinite(high - low) and (ulp * scale + bins * 2**-50) < DOUBT / 8
