"""Sums of doubles are exact for any partition, and rounded once."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.event_tools import exact, sums

finite = st.floats(allow_nan=False, allow_infinity=False)
doubles = st.lists(finite, max_size=60)


def rounded(units: int) -> float | None:
    return exact.quotient(units, 1)


@given(doubles)
def test_a_sum_equals_the_sum_of_the_fractions(values: list[float]):
    units = sums.exact_sum(np.array(values, np.float64))
    assert Fraction(units, 2**1074) == sum(map(Fraction, values))


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=60))
def test_a_sum_rounds_as_fsum_does(values: list[float]):
    assert rounded(sums.exact_sum(np.array(values, np.float64))) == math.fsum(values)


@given(doubles, st.integers(0, 60))
def test_where_values_are_cut_does_not_show(values: list[float], cut: int):
    array = np.array(values, np.float64)
    assert sums.exact_sum(array) == sums.exact_sum(array[:cut]) + sums.exact_sum(array[cut:])


def test_long_arrays_of_mixed_magnitudes_are_exact():
    random = np.random.default_rng(3)
    values = np.ldexp(random.uniform(-1, 1, 100_000), random.integers(-60, 60, 100_000))
    assert rounded(sums.exact_sum(values)) == math.fsum(values)


def test_a_small_value_among_large_ones_that_cancel_is_not_lost():
    assert rounded(sums.exact_sum(np.array([1e300, 5e-324, -1e300]))) == 5e-324


def test_a_sum_beyond_all_doubles_is_kept_and_its_mean_is_a_double():
    largest = np.finfo(np.float64).max
    units = sums.exact_sum(np.full(4, -largest))
    assert rounded(units) is None
    assert exact.quotient(units, 4) == -largest


def test_no_values_sum_to_zero():
    assert sums.exact_sum(np.array([], np.float64)) == 0


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_integers_sum_exactly_beyond_64_bits(values: list[int]):
    assert sums.exact_sum_of_integers(np.array(values, np.int64)) == sum(values) << 1074


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_unsigned_integers_sum_exactly_beyond_64_bits(values: list[int]):
    assert sums.exact_sum_of_integers(np.array(values, np.uint64)) == sum(values) << 1074


@given(st.integers(-(2**1200), 2**1200))
def test_a_sum_comes_back_from_its_text(units: int):
    assert exact.from_text(exact.to_text(units)) == units


def test_equal_sums_have_one_text():
    assert exact.to_text(exact.in_units(0.75)) == "3p-2"
    assert exact.to_text(exact.in_units(-0.0)) == "0p0"


@pytest.mark.parametrize("text", ["", "1", "1p", "p3", "1p-2000", "1p999999999"])
def test_a_text_that_is_no_sum_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        exact.from_text(text)
