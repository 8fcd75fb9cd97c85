"""Adds up the statistics of record batches, many events at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from helios_wf.errors import InputError
from helios_wf.event_tools import exact, sums
from helios_wf.event_tools.device import Array, Cpu, Device
from helios_wf.event_tools.histogram import Binning
from helios_wf.event_tools.partial import Counts, Energy, Partial, Question, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

CPU = Cpu()

MOST_DENSE = 1 << 16
"""Integers that lie within so many numbers are counted in a table, others one value at a time."""

NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)


class ValueTally:
    """Counts the values of one column."""

    def __init__(self, device: Device = CPU) -> None:
        self._device = device
        self._counts: dict[str, int] = {}
        self._nulls = 0

    def add(self, column: pa.Array) -> None:
        """Adds the values of an array of integers, text, booleans or a dictionary of these."""
        self._nulls += column.null_count
        if column.null_count:
            column = column.drop_null()
        if not len(column):
            return
        if pa.types.is_integer(column.type):
            values = column.to_numpy(zero_copy_only=False)
            low, high = int(values.min()), int(values.max())
            if high - low < MOST_DENSE:
                self._add_dense(values, low)
                return
        self._add_sparse(column)

    def result(self) -> Counts:
        """Returns what was counted."""
        return counted(self._counts, self._nulls)

    def _add_dense(self, values: NDArray[np.int64], low: int) -> None:
        counts = self._device.dense_counts(values, low)
        for index in np.flatnonzero(counts):
            self._count(str(low + int(index)), int(counts[index]))

    def _add_sparse(self, column: pa.Array) -> None:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        counts = np.bincount(column.indices.to_numpy(), minlength=len(column.dictionary))
        for value, count in zip(column.dictionary.to_pylist(), counts.tolist(), strict=True):
            self._count(_text(value), count)

    def _count(self, value: str | None, count: int) -> None:
        if value is None:
            self._nulls += count
        elif count:
            self._counts[value] = self._counts.get(value, 0) + count


class EnergyTally:
    """Adds up a column of numbers."""

    def __init__(self, threshold: float, binning: Binning, device: Device = CPU) -> None:
        self._device = device
        self._threshold, self._binning = threshold, binning
        self._bins = np.zeros(binning.bins + 2, np.int64)
        self._units = self._finite = self._above = 0
        self._nulls = self._nans = self._plus = self._minus = 0
        self._limits: tuple[float, float] | None = None

    def add(self, column: pa.Array) -> None:
        """Adds an array of numbers; integers beyond 2**53 are summed exactly and binned as doubles."""
        self._nulls += column.null_count
        if column.null_count:
            column = column.drop_null()
        if not len(column):
            return
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        numbers = column.to_numpy(zero_copy_only=False)
        values = self._take_finite(self._device.put(numbers.astype(np.float64, copy=False)))
        if not len(values):
            return
        if numbers.dtype.kind in "iu":
            self._units += sums.exact_sum_of_integers(numbers.astype(f"{numbers.dtype.kind}8", copy=False))
        else:
            self._units += self._device.exact_sum(values)
        self._finite += len(values)
        self._above += self._device.above(values, self._threshold)
        self._bins += self._device.histogram(values, self._binning)

    def result(self) -> Energy:
        """Returns what was added up."""
        low, high = self._limits or (None, None)
        return Energy(
            finite=self._finite,
            nulls=self._nulls,
            nans=self._nans,
            plus_infinities=self._plus,
            minus_infinities=self._minus,
            sum=exact.quotient(self._units, 1),
            exact_sum=exact.to_text(self._units),
            mean=exact.quotient(self._units, self._finite),
            minimum=low,
            maximum=high,
            above_threshold=self._above,
            underflow=int(self._bins[0]),
            histogram=tuple(self._bins[1:-1].tolist()),
            overflow=int(self._bins[-1]),
        )

    def _take_finite(self, values: Array) -> Array:
        """Returns the finite values, after counting the others and widening the limits."""
        if not len(values):
            return values
        low, high = self._device.limits(values)
        if not (np.isfinite(low) and np.isfinite(high)):
            finite, nans, plus, minus = self._device.finite(values)
            self._nans, self._plus, self._minus = self._nans + nans, self._plus + plus, self._minus + minus
            return self._take_finite(finite)
        low, high = low + 0.0, high + 0.0  # makes -0.0 and 0.0 one value
        known = self._limits or (low, high)
        self._limits = min(known[0], low), max(known[1], high)
        return values


class Tally:
    """Adds up the statistics that a question asks for."""

    def __init__(self, question: Question, schema: pa.Schema, device: Device = CPU) -> None:
        """Checks that the columns of the question are of types that can be counted and added.

        Raises:
            InputError: One is not.
        """
        _check_types(question, schema)
        self._question, self._n_events = question, 0
        self._status = ValueTally(device) if question.status_column is not None else None
        self._sensors = ValueTally(device) if question.sensor_column is not None else None
        binning = Binning(question.bins, question.low, question.high)
        self._energy = (
            EnergyTally(question.threshold, binning, device) if question.energy_column is not None else None
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds the events of a batch that has the question's columns."""
        self._n_events += batch.num_rows
        if self._status is not None:
            self._status.add(_plain(batch, self._question.status_column))
        if self._sensors is not None:
            self._sensors.add(_plain(batch, self._question.sensor_column))
        if self._energy is not None:
            self._energy.add(_plain(batch, self._question.energy_column))

    def result(self) -> Partial:
        """Returns the statistics of all events added so far."""
        return Partial(
            question=self._question,
            n_events=self._n_events,
            status=self._status.result() if self._status else None,
            sensors=self._sensors.result() if self._sensors else None,
            energy=self._energy.result() if self._energy else None,
        )


def gathered(batches: Iterable[pa.RecordBatch], at_once: int) -> Iterator[pa.RecordBatch]:
    """Yields the same events in batches of at least ``at_once``, the last one apart; 0: as they come."""
    held: list[pa.RecordBatch] = []
    n_events = 0
    for batch in batches:
        held.append(batch)
        n_events += batch.num_rows
        if n_events >= at_once:
            yield from _joined(held)
            held, n_events = [], 0
    yield from _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    if len(batches) < 2:
        return batches
    joined: list[pa.RecordBatch] = (
        pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()
    )
    return joined


def _check_types(question: Question, schema: pa.Schema) -> None:
    for name in (question.status_column, question.sensor_column):
        if name is not None and pa.types.is_nested(kind := schema.field(name).type):
            raise InputError(f"column {name!r} has type {kind}; one value per event is wanted to be counted")
    if (name := question.energy_column) is not None:
        kind = schema.field(name).type
        if not any(test(kind) for test in NUMBERS):
            raise InputError(
                f"column {name!r} has type {kind}; one number per event is wanted to be added up"
            )


def _plain(batch: pa.RecordBatch, name: str | None) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _text(value: object) -> str | None:
    """Returns a value as a key of counts: JSON's words for booleans, text as it is; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value).lower() if isinstance(value, bool) else str(value)
