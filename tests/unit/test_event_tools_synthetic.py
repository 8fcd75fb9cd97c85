"""Synthetic events depend on the seed and their number alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.event_tools import synthetic

COLUMNS = ("event_id", "timestamp", "sensor_id", "energy", "status")


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**52), st.integers(0, 300), st.integers(0, 300))
def test_a_range_made_alone_is_the_same_as_within_a_larger_one(seed: int, first: int, skip: int, count: int):
    whole = synthetic.make(seed, first, skip + count, 64)
    alone = synthetic.make(seed, first + skip, count, 64)
    for column in COLUMNS:
        assert getattr(alone, column).tobytes() == getattr(whole, column)[skip:].tobytes()


def test_ranges_across_the_blocks_of_the_generator_are_the_same_too():
    whole = synthetic.make(5, 0, 3 * synthetic.BLOCK, 64)
    alone = synthetic.make(5, synthetic.BLOCK - 1, 2 * synthetic.BLOCK, 64)
    assert (alone.energy == whole.energy[synthetic.BLOCK - 1 : -1][: len(alone.energy)]).all()


def test_the_events_of_a_seed_never_change():
    events = synthetic.make(1, 10, 3, 64)
    assert events.event_id.tolist() == [10, 11, 12]
    assert events.timestamp.tolist() == [1700000000000010651, 1700000000000011903, 1700000000000012990]
    assert events.sensor_id.tolist() == [22, 42, 58]
    assert events.energy.tolist() == [23.536, 10.761, 41.55]
    assert events.status.tolist() == [0, 1, 0]


def test_events_are_spread_as_documented():
    events = synthetic.make(2, 0, 200_000, 16)
    assert (np.diff(events.timestamp) > 0).all()
    shares = np.bincount(events.status, minlength=3) / 200_000
    assert np.allclose(shares, [922 / 1024, 71 / 1024, 31 / 1024], atol=0.003)
    assert np.bincount(events.sensor_id, minlength=16).min() > 12_000
    assert events.sensor_id.max() == 15
    assert events.energy.min() >= 10
    assert abs((events.energy > 80).mean() - 1 / 64) < 0.001


def test_two_seeds_share_no_events():
    one, other = synthetic.make(1, 0, 1000, 64), synthetic.make(2, 0, 1000, 64)
    assert (one.energy == other.energy).mean() < 0.01
