"""Synthetic events: each is a function of the seed and its number, so any range can be made alone.

Only integer operations, division and square roots are used, which IEEE 754 rounds the same way everywhere:
an event is the same to the bit on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATUSES = ("active", "inactive", "faulty")
STATUS_LIMITS = (922, 993)
"""Of 1024 events, 922 are active (90 %), 71 inactive (7 %) and 31 faulty (3 %)."""

EPOCH_NS = 1_700_000_000_000_000_000
"""Event 0 is at 2023-11-14T22:13:20Z; then one event a microsecond, with a jitter below one."""

LEAST_ENERGY = 10.0
GOLDEN = 0x9E3779B97F4A7C15
U64 = np.uint64
BLOCK = 1 << 14


class Events:
    """Columns of consecutive events; ``status`` indexes ``STATUSES``."""

    def __init__(self, count: int) -> None:
        self.event_id: NDArray[np.int64] = np.empty(count, np.int64)
        self.timestamp: NDArray[np.int64] = np.empty(count, np.int64)
        self.sensor_id: NDArray[np.int32] = np.empty(count, np.int32)
        self.energy: NDArray[np.float64] = np.empty(count, np.float64)
        self.status: NDArray[np.int8] = np.empty(count, np.int8)


def make(seed: int, first: int, count: int, sensors: int) -> Events:
    """Returns the events ``[first, first + count)`` of a seed.

    Timestamps are ns since the epoch (UTC), ascending; sensors are uniform; energies in GeV follow
    ``1 / E**3`` from 10 GeV on, recorded to 0.001 GeV (one in 64 is above 80 GeV).

    Args:
        seed: 0 to 2**64 - 1.
        first: 0 or more.
        count: 0 or more.
        sensors: 1 to 2**31 - 1.
    """
    events = Events(count)
    for start in range(0, count, BLOCK):
        _fill(events, slice(start, min(start + BLOCK, count)), seed, first + start, sensors)
    return events


def _fill(events: Events, part: slice, seed: int, first: int, sensors: int) -> None:
    number = np.arange(first, first + part.stop - part.start, dtype=np.int64)
    energy_bits, other_bits = _random_words(seed, number.view(U64))
    events.event_id[part] = number
    jitter = ((other_bits & U64(0x3FF)) * U64(1000)) >> U64(10)
    events.timestamp[part] = number * 1000 + jitter.view(np.int64) + EPOCH_NS
    events.sensor_id[part] = ((other_bits >> U64(32)) * U64(sensors)) >> U64(32)
    lot = ((other_bits >> U64(10)) & U64(0x3FF)).astype(np.int16)
    np.add(lot >= STATUS_LIMITS[0], lot >= STATUS_LIMITS[1], out=events.status[part], dtype=np.int8)
    not_zero = ((energy_bits >> U64(40)) + U64(1)).astype(np.float64) * 2.0**-24
    events.energy[part] = np.rint(LEAST_ENERGY * 1000 / np.sqrt(not_zero)) / 1000


def _random_words(seed: int, number: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Returns two random 64-bit words for each event number.

    Source: S. Vigna's splitmix64 (public domain), the finaliser of G. Steele, D. Lea and C. Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014, in David Stafford's variant 13.
    """
    start = int(_mix(np.array([seed], U64))[0])
    state = (number * U64(2) + U64(1)) * U64(GOLDEN) + U64(start)
    return _mix(state), _mix(state + U64(GOLDEN))


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    shifted = word >> U64(30)
    shifted ^= word
    shifted *= U64(0xBF58476D1CE4E5B9)
    mixed = shifted >> U64(27)
    mixed ^= shifted
    mixed *= U64(0x94D049BB133111EB)
    np.right_shift(mixed, U64(31), out=shifted)
    mixed ^= shifted
    return mixed
