"""Where numbers are crunched: on the CPU with NumPy, or on an NVIDIA device with CuPy.

Both give the same counts, limits and exact sums, to the last bit: counts are integers, and a slice of a block
(see ``sums``) has the same sum in whatever order it is added.  CuPy has NumPy's functions under the same
names, so the code for a device runs with NumPy in CuPy's place, too; the tests do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from helios_wf.errors import SettingsError
from helios_wf.event_tools import sums
from helios_wf.event_tools.exact import in_units
from helios_wf.event_tools.sums import BLOCK, BLOCK_BITS, LARGEST_EXPONENT, LEAST_EXPONENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helios_wf.event_tools.histogram import Binning

Choice: TypeAlias = Literal["cpu", "cuda", "auto"]

Array: TypeAlias = Any
"""An array where the numbers are crunched: NumPy's, or CuPy's."""


class Device(Protocol):
    """What the statistics need."""

    name: str
    at_once: int
    """How many events it should be given at a time; 0: as they come."""
    xp: Any
    """The module whose arrays it uses, where that is not NumPy; else None."""

    def put(self, values: NDArray[Any]) -> Array:
        """Returns values where they are crunched."""

    def limits(self, values: Array) -> tuple[float, float]:
        """Returns the least and the greatest of some doubles; NaN where one is NaN."""

    def finite(self, values: Array) -> tuple[Array, int, int, int]:
        """Returns the finite ones of some doubles, and how many are NaN, infinity and minus infinity."""

    def above(self, values: Array, threshold: float) -> int:
        """Returns how many doubles are greater."""

    def exact_sum(self, values: Array) -> int:
        """Returns the sum of finite doubles in units of 2**-1074."""

    def histogram(self, values: Array, binning: Binning) -> NDArray[np.int64]:
        """Returns the counts of finite doubles in bins, below and above them, as ``Binning.count`` does."""

    def dense_counts(self, values: NDArray[Any], low: int) -> NDArray[np.int64]:
        """Returns how often each integer from ``low`` on occurs."""


class Cpu:
    """NumPy, in blocks that fit the caches."""

    name = "cpu"
    at_once = 0
    xp = None

    def put(self, values: NDArray[Any]) -> Array:
        """Returns the values as they are."""
        return values

    def limits(self, values: Array) -> tuple[float, float]:
        """Returns the least and the greatest; NaN where one is NaN."""
        return float(values.min()), float(values.max())

    def finite(self, values: Array) -> tuple[Array, int, int, int]:
        """Returns the finite ones, and how many are NaN, infinity and minus infinity."""
        return _finite(np, values)

    def above(self, values: Array, threshold: float) -> int:
        """Returns how many are greater."""
        return int(np.count_nonzero(values > threshold))

    def exact_sum(self, values: Array) -> int:
        """Returns the sum in units of 2**-1074."""
        return sums.exact_sum(values)

    def histogram(self, values: Array, binning: Binning) -> NDArray[np.int64]:
        """Returns the counts in bins, below and above them."""
        return binning.count(values)

    def dense_counts(self, values: NDArray[Any], low: int) -> NDArray[np.int64]:
        """Returns how often each integer from ``low`` on occurs."""
        return np.bincount(values if low == 0 else values - values.dtype.type(low))


class OnDevice:
    """CuPy, or another module with NumPy's functions; whole arrays at once."""

    name = "cuda"
    at_once = 1 << 22

    def __init__(self, xp: Any) -> None:
        self.xp = self._xp = xp
        self._edges: tuple[Binning, Array] | None = None

    def put(self, values: NDArray[Any]) -> Array:
        """Copies the values to the device."""
        return self._xp.asarray(values)

    def limits(self, values: Array) -> tuple[float, float]:
        """Returns the least and the greatest; NaN where one is NaN."""
        return float(values.min()), float(values.max())

    def finite(self, values: Array) -> tuple[Array, int, int, int]:
        """Returns the finite ones, and how many are NaN, infinity and minus infinity."""
        return _finite(self._xp, values)

    def above(self, values: Array, threshold: float) -> int:
        """Returns how many are greater."""
        return int(self._xp.count_nonzero(values > threshold))

    def exact_sum(self, values: Array) -> int:
        """Returns the sum in units of 2**-1074: all blocks side by side, one slice of each after another."""
        xp = self._xp
        rows = -(-len(values) // BLOCK)
        rest = xp.zeros(rows * BLOCK)
        rest[: len(values)] = values
        rest = rest.reshape(rows, BLOCK)
        total = 0
        while True:
            exponents = self._exponents(rest)
            hard = (exponents <= LEAST_EXPONENT) | (exponents >= LARGEST_EXPONENT)
            if bool(hard.any()):
                total += sum(sums.exact_sum(row) for row in self._host(rest[hard]))
                rest, exponents = rest[~hard], exponents[~hard]
            if not len(rest) or not bool(rest.any()):
                return total
            sigma = xp.ldexp(xp.ones(len(rest)), exponents + (BLOCK_BITS + 1))[:, None]
            slices = (rest + sigma) - sigma
            total += sum(map(in_units, self._host(slices.sum(axis=1)).tolist()))
            rest = rest - slices

    def _exponents(self, rows: Array) -> Array:
        """Returns the exponent of the largest magnitude of each row; 0 for a row of zeros."""
        return self._xp.frexp(self._xp.abs(rows).max(axis=1))[1]

    def histogram(self, values: Array, binning: Binning) -> NDArray[np.int64]:
        """Returns the counts in bins, below and above them."""
        if self._edges is None or self._edges[0] is not binning:
            self._edges = binning, self._xp.asarray(binning.edges)
        slots = self._xp.searchsorted(self._edges[1], values, side="right")
        return self._host(self._xp.bincount(slots, minlength=binning.bins + 2)).astype(np.int64)

    def dense_counts(self, values: NDArray[Any], low: int) -> NDArray[np.int64]:
        """Returns how often each integer from ``low`` on occurs."""
        shifted = self.put(values) - values.dtype.type(low)
        return self._host(self._xp.bincount(shifted.astype(self._xp.int64))).astype(np.int64)

    def _host(self, values: Array) -> NDArray[Any]:
        """Returns values as an array of NumPy."""
        return values if isinstance(values, np.ndarray) else self._xp.asnumpy(values)


def device_of(choice: Choice) -> Device:
    """Returns the device of that name; ``auto``: CUDA where it can be had, else the CPU.

    Raises:
        SettingsError: ``cuda`` cannot be had; the message says what is missing.
    """
    if choice == "cpu":
        return Cpu()
    try:
        return OnDevice(_cupy())
    except SettingsError:
        if choice == "auto":
            return Cpu()
        raise


def _cupy() -> Any:
    try:
        import cupy
    except ImportError as error:
        raise SettingsError(
            f"--device cuda needs CuPy, which cannot be imported ({error}); install helios-wf[cuda], or take "
            "--device cpu"
        ) from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise SettingsError(f"--device cuda: CUDA does not answer ({error}); take --device cpu") from None
    if not count:
        raise SettingsError("--device cuda: no device can be seen (CUDA_VISIBLE_DEVICES?); take --device cpu")
    return cupy


def _finite(xp: Any, values: Array) -> tuple[Array, int, int, int]:
    nans, plus, minus = xp.isnan(values), values == xp.inf, values == -xp.inf
    counts = (int(xp.count_nonzero(mask)) for mask in (nans, plus, minus))
    return values[xp.isfinite(values)], *counts
