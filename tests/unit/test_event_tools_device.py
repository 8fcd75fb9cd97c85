"""The code for a device, NumPy in CuPy's place, gives what the code for the CPU gives, to the last bit."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helios_wf.errors import SettingsError
from helios_wf.event_tools.device import Cpu, OnDevice, device_of
from helios_wf.event_tools.histogram import Binning
from helios_wf.event_tools.sums import BLOCK

CPU, DEVICE = Cpu(), OnDevice(np)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(arrays.arrays(np.float64, st.integers(1, 200), elements=FINITE))
def test_sums_of_any_doubles_are_the_same(values: np.ndarray) -> None:
    assert DEVICE.exact_sum(values) == CPU.exact_sum(values)


@pytest.mark.parametrize("n_events", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 17])
@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1.0, 1e290])
def test_sums_of_many_blocks_are_the_same(n_events: int, scale: float) -> None:
    random = np.random.default_rng(n_events)
    values = random.normal(50, 20, n_events) * scale * 10.0 ** random.integers(-8, 8, n_events)
    values[::7] = 0.0
    assert DEVICE.exact_sum(values) == CPU.exact_sum(values)


def test_blocks_of_very_different_sizes_are_summed_side_by_side() -> None:
    values = np.concatenate([np.full(BLOCK, 1e308), np.full(BLOCK, 5e-324), np.zeros(BLOCK), np.ones(5)])
    assert DEVICE.exact_sum(values) == CPU.exact_sum(values)


def test_a_sum_that_cancels_keeps_what_is_left() -> None:
    values = np.array([1e300, 1.0, -1e300, 2.0**-1074])
    assert DEVICE.exact_sum(values) == CPU.exact_sum(values) == 2**1074 + 1


@given(arrays.arrays(np.float64, st.integers(1, 200), elements=FINITE), st.integers(1, 40))
def test_histograms_are_the_same(values: np.ndarray, bins: int) -> None:
    binning = Binning(bins, -1.0, 1.0)
    near = np.concatenate(
        [values, binning.edges, np.nextafter(binning.edges, 9), np.nextafter(binning.edges, -9)]
    )
    assert DEVICE.histogram(near, binning).tolist() == CPU.histogram(near, binning).tolist()


def test_what_is_not_finite_is_counted_apart() -> None:
    values = np.array([math.nan, 1.0, math.inf, -math.inf, math.inf, -2.0])
    for device in (CPU, DEVICE):
        finite, nans, plus, minus = device.finite(device.put(values))
        assert (finite.tolist(), nans, plus, minus) == ([1.0, -2.0], 1, 2, 1)
        assert device.limits(finite) == (-2.0, 1.0)
        assert device.above(finite, 0.5) == 1


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
def test_integers_are_counted_the_same(kind: type) -> None:
    values = np.array([3, 5, 3, 100, 3], dtype=kind)
    expected = [3, 0, 1, *[0] * 94, 1]
    assert CPU.dense_counts(values, 3).tolist() == DEVICE.dense_counts(values, 3).tolist() == expected


def test_without_cupy_auto_is_the_cpu_and_cuda_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert device_of("auto").name == "cpu"
    with pytest.raises(SettingsError, match=r"install helios-wf\[cuda\]"):
        device_of("cuda")
