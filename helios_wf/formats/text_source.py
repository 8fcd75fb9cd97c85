"""Reading ranges of rows from text files: skip at the speed of memory, then parse blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from helios_wf.formats.opening import BLOCK_BYTES, ByteSource
from helios_wf.formats.row_index import RowIndex
from helios_wf.formats.rows import Block, RowRule, blocks

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Wanted

_SMALLEST_BLOCK = 64 << 10


class TextRows:
    """The rows of a text file: where they start (``offset``), how they are cut, how long they are about."""

    def __init__(
        self,
        path: str,
        format: str,
        rule: RowRule,
        *,
        offset: int = 0,
        row_bytes: float,
        index: RowIndex | None,
    ) -> None:
        self.path = path
        self.format = format
        self.rule = rule
        self.offset = offset
        self.row_bytes = max(row_bytes, 1.0)
        self.source = ByteSource(path)
        if index is not None:
            index.check(path, self.source.size)
        self._index = index

    def index(self) -> RowIndex:
        """Returns the row index, made by a scan of the whole file unless it was given."""
        if self._index is None:
            self._index = index_rows(self.source, self.format, self.rule, self.offset)
        return self._index

    def tables(
        self, wanted: Wanted, parse: Callable[[memoryview, Block, int], pa.Table]
    ) -> Iterator[pa.RecordBatch]:
        """Yields the wanted rows.

        ``parse`` gets the bytes of some whole rows, their block and where in it they start; it returns a
        table with a row for each.
        """
        stop = float("inf") if wanted.stop is None else wanted.stop
        row, offset = (0, self.offset) if self._index is None else self._index.before(wanted.first)
        for block in blocks(self.source, self.rule, offset, self._block_bytes(wanted, wanted.first - row)):
            if row >= stop:
                return
            low, high, row = self._cut(block, row, wanted.first, stop)
            if high <= low:
                continue
            table = parse(memoryview(block.buffer)[low:high], block, low)
            row += table.num_rows
            yield from table.to_batches(max_chunksize=wanted.batch_events)

    def _block_bytes(self, wanted: Wanted, skipped: int) -> int:
        rows = wanted.batch_events
        if wanted.stop is not None:
            rows = min(rows, skipped + wanted.stop - wanted.first)
        return int(min(BLOCK_BYTES, max(_SMALLEST_BLOCK, rows * self.row_bytes * 1.1)))

    def _cut(self, block: Block, row: int, first: int, stop: float) -> tuple[int, int, int]:
        """Returns the bytes of a block that hold wanted rows, and the number of the first row in them.

        When none is wanted, the number is that of the row after the block.
        """
        skip, want = first - row, stop - max(row, first)
        if skip > 0:
            count = block.count()
            if count <= skip:
                return 0, 0, row + count
        elif want * self.row_bytes > 4 * block.size:
            return 0, block.size, row
        starts = block.starts()
        low = int(starts[skip]) if skip > 0 else 0
        last = max(skip, 0) + want
        high = int(starts[int(last)]) if last < len(starts) else block.size
        return low, high, max(row, first)


def index_rows(source: ByteSource, format: str, rule: RowRule, offset: int) -> RowIndex:
    """Returns the index of the rows from a byte offset (behind a header) to the end of a file."""
    rows, offsets, n_events = [0], [offset], 0
    for block in blocks(source, rule, offset):
        if block.offset != offsets[-1]:
            rows.append(n_events)
            offsets.append(block.offset)
        n_events += block.count()
    seekable = not source.compressed
    return RowIndex(
        format=format,
        size=source.size,
        n_events=n_events,
        rows=tuple(rows) if seekable else (0,),
        offsets=tuple(offsets) if seekable else (offset,),
    )
