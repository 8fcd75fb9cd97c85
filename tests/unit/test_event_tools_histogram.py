"""Bins hold what their edges say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import SettingsError
from helios_wf.event_tools.histogram import Binning


def by_the_rule(binning: Binning, values: list[float]) -> list[int]:
    """Counts one value at a time, as the rule in the docstring reads."""
    counts = [0] * (binning.bins + 2)
    width = (Fraction(binning.high) - Fraction(binning.low)) / binning.bins
    edges = [float(Fraction(binning.low) + i * width) for i in range(binning.bins + 1)]
    for value in values:
        counts[sum(edge <= value for edge in edges)] += 1
    return counts


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-3, 3), max_size=40),
    st.integers(1, 30),
    st.sampled_from([(0.0, 1.0), (-1.0, 2.0), (0.1, 0.7), (-1e300, 1e300), (0.0, 5e-322), (1e9, 1e9 + 1e-3)]),
)
def test_every_value_is_counted_where_the_rule_says(
    values: list[float], bins: int, limits: tuple[float, float]
):
    binning = Binning(bins, *limits)
    values = values + binning.edges.tolist()
    assert binning.count(np.array(values)).tolist() == by_the_rule(binning, values)


@given(st.integers(1, 500), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_value_on_an_edge_is_in_the_bin_above_and_its_lower_neighbour_in_the_one_below(
    bins: int, low: float, span: float
):
    binning = Binning(bins, low, low + span)
    on = binning.count(binning.edges)
    below = binning.count(np.nextafter(binning.edges, -np.inf))
    assert on.tolist() == [0] + [1] * (bins + 1)
    assert below.tolist() == [1] * (bins + 1) + [0]


def test_values_far_outside_are_underflow_and_overflow():
    counts = Binning(3, 0, 3).count(np.array([-1e308, -5e-324, 0.0, -0.0, 3.0, 1e308]))
    assert counts.tolist() == [2, 2, 0, 0, 2]


@pytest.mark.parametrize(
    ("bins", "low", "high", "message"),
    [
        (0, 0, 1, "1 to 1000000 bins, not 0"),
        (10, 1, 1, "from a lower to a higher number, not from 1 to 1"),
        (10, 0, float("inf"), "not from 0 to inf"),
        (10, 0, float("nan"), "not from 0 to nan"),
        (10, 1e300, 1e300 * (1 + 2e-16), "narrower than doubles can tell apart"),
    ],
)
def test_bins_without_a_width_are_refused(bins: int, low: float, high: float, message: str):
    with pytest.raises(SettingsError, match=message):
        Binning(bins, low, high)
