"""The head of a CSV file: the names of its columns, and a sample of its rows."""

from __future__ import annotations

import csv

from helios_wf.errors import FileFormatError, NoEventsError
from helios_wf.formats.opening import ByteSource
from helios_wf.formats.rows import RowRule, blocks
from helios_wf.model.noun import Noun

HEAD_BYTES = 1 << 20
"""So much of a file is looked at for its column types."""

_BOM = b"\xef\xbb\xbf"


class CsvHead(Noun, frozen=True):
    """What the first rows of a file tell.

    Data start at byte ``offset``; ``sample`` are whole rows from there on, ``complete`` when they are all.
    """

    names: tuple[str, ...]
    offset: int
    sample: bytes
    n_sample: int
    complete: bool

    @property
    def row_bytes(self) -> float:
        """About so many bytes a row has."""
        return len(self.sample) / self.n_sample if self.n_sample else 1.0


def read_head(path: str, rule: RowRule) -> CsvHead:
    """Returns the head of a CSV file.

    Raises:
        NoEventsError: the file is empty.
        FileFormatError: the first line is no header, or is no UTF-8.
    """
    with ByteSource(path) as source:
        block = next(blocks(source, rule, block_bytes=HEAD_BYTES), None)
        starts = block.starts().tolist() if block else []
        if block is None or not starts:
            raise NoEventsError(
                f"{path}: is empty; a CSV file has at least a header line with its column names"
            )
        complete = block.size < HEAD_BYTES and source.fill(memoryview(bytearray(1))) == 0
    offset = starts[1] if len(starts) > 1 else block.size
    data = bytes(block.buffer[: block.size])
    return CsvHead(
        names=_names(path, data[starts[0] : offset], rule),
        offset=offset,
        sample=data[offset:],
        n_sample=len(starts) - 1,
        complete=complete,
    )


def _names(path: str, line: bytes, rule: RowRule) -> tuple[str, ...]:
    try:
        text = line.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise FileFormatError(f"{path}: line 1 is not UTF-8 text; CSV files are read as UTF-8") from None
    if "\0" in text:
        raise FileFormatError(
            f"{path}: line 1 has a zero byte: a binary file; a CSV file starts with a header line"
        )
    fields = next(csv.reader(text.splitlines(keepends=True), delimiter=rule.delimiter), [])
    if fields and all(_is_number(field) for field in fields):
        raise FileFormatError(
            f"{path}: line 1 has only numbers ({text.strip():.60}); a CSV file needs a header line with the "
            "names of its columns"
        )
    names = [field or f"column_{place}" for place, field in enumerate(fields, 1)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise FileFormatError(
            f"{path}: line 1 names the column {min(twice)!r} twice; column names must differ"
        )
    return tuple(names)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
