"""Exact sums of doubles: the same total for any partition and order, rounded once at the end.

A block of doubles is cut into slices whose sums are exact in double arithmetic, because every element of
a slice is a multiple of one unit and the slice's total stays below 2**53 units.  The few slice sums are
added as Python integers in units of 2**-1074, the smallest double.

Source: S. M. Rump, T. Ogita and S. Oishi, "Accurate floating-point summation part I: faithful rounding",
SIAM J. Sci. Comput. 31 (2008) 189-224, algorithm 3.2 (ExtractVector).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from helios_wf.event_tools.exact import UNIT_EXPONENT, in_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BITS = 14
BLOCK = 1 << BLOCK_BITS
"""Elements of one block: three arrays of it fit a second-level cache."""

LARGEST_EXPONENT = 1000
"""Blocks with a magnitude from 2**1000 on are summed element by element: their slices would overflow."""

LEAST_EXPONENT = -1000
"""Blocks of magnitudes below 2**-1000 likewise: their slices would be subnormal."""


def exact_sum(values: NDArray[np.float64]) -> int:
    """Returns the exact sum of finite doubles, in units of 2**-1074.

    Args:
        values: one-dimensional, every element finite.
    """
    scratch = np.empty((2, min(BLOCK, len(values))))
    return sum(_block_sum(values[start : start + BLOCK], scratch) for start in range(0, len(values), BLOCK))


def exact_sum_of_integers(values: NDArray[np.int64] | NDArray[np.uint64]) -> int:
    """Returns the exact sum of 64-bit integers, in units of 2**-1074; at most 2**31 values."""
    low = int((values & values.dtype.type(0xFFFFFFFF)).sum())
    high = int((values >> values.dtype.type(32)).sum())
    return ((high << 32) + low) << -UNIT_EXPONENT


def _block_sum(block: NDArray[np.float64], scratch: NDArray[np.float64]) -> int:
    largest = max(float(block.max()), -float(block.min()))
    exponent = math.frexp(largest)[1]
    if not LEAST_EXPONENT < exponent < LARGEST_EXPONENT:
        return _sum_one_by_one(block)
    total, rest = 0, block
    remainder, slice_ = scratch[0, : len(block)], scratch[1, : len(block)]
    while largest != 0.0 and exponent > LEAST_EXPONENT:
        sigma = math.ldexp(1.0, exponent + BLOCK_BITS + 1)
        np.add(rest, sigma, out=slice_)
        np.subtract(slice_, sigma, out=slice_)
        total += in_units(float(slice_.sum()))
        rest = np.subtract(rest, slice_, out=remainder)
        largest = max(float(rest.max()), -float(rest.min()))
        exponent = math.frexp(largest)[1]
    return total if largest == 0.0 else total + _sum_one_by_one(rest)


def _sum_one_by_one(values: NDArray[np.float64]) -> int:
    return sum(map(in_units, values[values != 0].tolist()))
