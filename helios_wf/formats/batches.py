"""Batches of events on their way: a schema and an iterator of record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_EVENTS = 65_536


class Batches:
    """An iterator of record batches that all have ``schema``; close it when it is left early."""

    def __init__(
        self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], close: Callable[[], None] | None = None
    ) -> None:
        self.schema = schema
        self._batches = iter(batches)
        self._close = close

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file that is read; closing twice does nothing."""
        close, self._close = self._close, None
        if close:
            close()

    def read_all(self) -> pa.Table:
        """Returns all that is left as one table, in memory."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self), self.schema)


def rebatched(batches: Iterable[pa.RecordBatch], n_events: int) -> Iterator[pa.RecordBatch]:
    """Yields the same events in batches of exactly ``n_events``, the last one shorter."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        while batch.num_rows:
            taken = batch.slice(0, n_events - held)
            batch = batch.slice(taken.num_rows)
            waiting.append(taken)
            held += taken.num_rows
            if held == n_events:
                yield _joined(waiting)
                waiting, held = [], 0
    if held:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Returns batches as one with buffers of its own: those of a slice would be written as they are."""
    import pyarrow as pa

    return pa.concat_batches([*batches, batches[0].slice(0, 0)])


def trimmed(
    batches: Iterable[tuple[int, pa.RecordBatch]], first: int, stop: int, batch_events: int
) -> Iterator[pa.RecordBatch]:
    """Yields the events ``[first, stop)`` of batches given with the position of their first event."""
    for position, batch in batches:
        low, high = max(first - position, 0), min(stop - position, batch.num_rows)
        for start in range(low, high, batch_events):
            yield batch.slice(start, min(batch_events, high - start))
        if position + batch.num_rows >= stop:
            return
