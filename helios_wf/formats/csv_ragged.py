"""Rows of a CSV file that have too few or too many fields, found by counting delimiters."""

from __future__ import annotations

import numpy as np

from helios_wf.formats.csv_head import read_head
from helios_wf.formats.csv_read import rule_of
from helios_wf.formats.names import FORMATS
from helios_wf.formats.opening import ByteSource
from helios_wf.formats.row_faults import file_line
from helios_wf.formats.rows import Block, Places, blocks, structural_quotes

_STRIDE_BYTES = 512 << 10


def first_ragged_row(path: str, format: str) -> str | None:
    """Returns which row first has another number of fields than the header; None where none is found.

    A quick look, at about the speed of counting rows: rows that are too long may hide as many that are too
    short within 4 MiB, and compressed files are not looked at.

    Args:
        path: the file.
        format: ``csv`` or ``tsv``.

    Raises:
        EventFileError: the file cannot be used at all.
    """
    rule = rule_of(FORMATS[format])
    head = read_head(path, rule)
    wanted = len(head.names) - 1
    with ByteSource(path) as source:
        if source.compressed:
            return None
        for block in blocks(source, rule, head.offset):
            if _count(block) != wanted * block.count():
                return _told(path, block, wanted)
    return None


def _count(block: Block) -> int:
    """Returns the number of delimiters that part fields."""
    if block.has_quotes:
        return len(_delimiters(block))
    data, delimiter = block.bytes, ord(block.rule.delimiter)
    strides = range(0, len(data), _STRIDE_BYTES)
    return sum(int(np.count_nonzero(data[start : start + _STRIDE_BYTES] == delimiter)) for start in strides)


def _delimiters(block: Block) -> Places:
    """Returns the places of the delimiters that part fields."""
    delimiter = ord(block.rule.delimiter)
    places: Places = np.flatnonzero(block.bytes == delimiter)
    if block.has_quotes:
        quotes = structural_quotes(block.bytes, delimiter)
        places = places[np.searchsorted(quotes, places) % 2 == 0]
    return places


def _told(path: str, block: Block, wanted: int) -> str | None:
    starts = block.starts()
    bounds = np.append(starts, block.size)
    found = np.diff(np.searchsorted(_delimiters(block), bounds))
    ragged = np.flatnonzero(found != wanted)
    if not len(ragged):
        return None
    first = int(ragged[0])
    start, stop = int(bounds[first]), int(bounds[first + 1])
    row = bytes(block.buffer[start:stop]).decode("utf-8", "replace").strip("\r\n")
    line = file_line(path, block.offset + start)
    return f"line {line} has {int(found[first]) + 1} fields, the header has {wanted + 1}: {row!r:.120}"
