"""Where the rows of a text file begin and end, found at the speed of memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from helios_wf.errors import FileFormatError
from helios_wf.formats.opening import BLOCK_BYTES, ByteSource
from helios_wf.model.noun import Noun

LONGEST_ROW_BYTES = 64 << 20
_STRIDE_BYTES = 512 << 10
"""Newlines are counted in pieces for which NumPy needs no fresh memory: six times as fast."""

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


class RowRule(Noun, frozen=True):
    """How rows are told apart.

    With ``quoted``, a field in double quotes may hold newlines (RFC 4180); ``blanks`` says that an empty
    line is a row too.
    """

    quoted: bool = False
    delimiter: str = ","
    blanks: bool = False


LINES = RowRule(blanks=True)
JSON_LINES = RowRule()


class Block:
    """Some whole rows of a file; its bytes are overwritten when the next block is asked for.

    ``offset`` is where they lie in the (uncompressed) file; ``has_quotes`` says that rows may hold newlines.
    """

    __slots__ = ("buffer", "has_quotes", "offset", "rule", "size")

    def __init__(self, buffer: bytearray, size: int, offset: int, rule: RowRule, has_quotes: bool) -> None:
        self.buffer = buffer
        self.size = size
        self.offset = offset
        self.rule = rule
        self.has_quotes = has_quotes

    @property
    def bytes(self) -> Bytes:
        """The bytes, not copied."""
        return np.frombuffer(self.buffer, np.uint8, self.size)

    def ends(self) -> Places:
        """Returns the places right behind each newline that ends a line (not those inside quotes)."""
        return _line_ends(self.bytes, self.rule, self.has_quotes)

    def starts(self) -> Places:
        """Returns the place where each row starts."""
        data, ends = self.bytes, self.ends()
        if self.size and (not len(ends) or ends[-1] != self.size):
            ends = np.append(ends, self.size)
        starts: Places = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
        if self.rule.blanks or not len(starts):
            return starts
        blank = (ends - starts == 1) & (data[starts] == _NEWLINE)
        blank |= (ends - starts == 2) & (data[starts] == _RETURN) & (data[ends - 1] == _NEWLINE)
        kept: Places = starts[~blank]
        return kept

    def count(self) -> int:
        """Returns the number of rows."""
        data = self.bytes
        if self.has_quotes or (not self.rule.blanks and self.buffer.find(b"\r", 0, self.size) >= 0):
            return len(self.starts())
        count = _quick_count(data, self.rule.blanks)
        return len(self.starts()) if count is None else count


def _quick_count(data: Bytes, blanks: bool) -> int | None:
    """Returns the number of lines, or None when some are empty and no rows."""
    count, before = 0, not blanks
    for start in range(0, len(data), _STRIDE_BYTES):
        newlines = data[start : start + _STRIDE_BYTES] == _NEWLINE
        if not blanks and ((before and newlines[0]) or bool((newlines[1:] & newlines[:-1]).any())):
            return None
        count += int(np.count_nonzero(newlines))
        before = bool(newlines[-1])
    return count + int(data[-1] != _NEWLINE)


def blocks(
    source: ByteSource, rule: RowRule, offset: int = 0, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Yields a file's rows in blocks, from an offset where a row starts.

    Raises:
        FileFormatError: a row is longer than 64 MiB, or the file ends inside quotes.
    """
    source.seek(offset)
    buffer, kept = bytearray(block_bytes), 0
    while True:
        filled = kept + source.fill(memoryview(buffer)[kept:])
        ended = filled < len(buffer)
        has_quotes = rule.quoted and buffer.find(b'"', 0, filled) >= 0
        size = _last_end(buffer, filled, rule, has_quotes)
        if ended:
            _check_closed(buffer, filled, rule, has_quotes, f"{source.path}: byte {offset + size}")
            size = filled
        if size:
            yield Block(buffer, size, offset, rule, has_quotes)
        if ended:
            return
        offset += size
        rest = bytes(memoryview(buffer)[size:filled])
        if not size:
            buffer = _grown(buffer, f"{source.path}: byte {offset}")
        kept = len(rest)
        buffer[:kept] = rest


def _grown(buffer: bytearray, where: str) -> bytearray:
    if len(buffer) >= LONGEST_ROW_BYTES:
        raise FileFormatError(
            f"{where}: here starts a row of more than {LONGEST_ROW_BYTES >> 20} MiB; "
            "is a double quote not closed?"
        )
    return bytearray(len(buffer) * 2)


def _check_closed(buffer: bytearray, filled: int, rule: RowRule, has_quotes: bool, where: str) -> None:
    """Checks that the file does not end inside quotes.

    Raises:
        FileFormatError: it does.
    """
    data = np.frombuffer(buffer, np.uint8, filled)
    if has_quotes and len(structural_quotes(data, ord(rule.delimiter))) % 2:
        raise FileFormatError(f"{where}: here starts a row with a double quote that is not closed; close it")


def _last_end(buffer: bytearray, filled: int, rule: RowRule, has_quotes: bool) -> int:
    if not has_quotes:
        return buffer.rfind(b"\n", 0, filled) + 1
    ends = _line_ends(np.frombuffer(buffer, np.uint8, filled), rule, has_quotes)
    return int(ends[-1]) if len(ends) else 0


def _line_ends(data: Bytes, rule: RowRule, has_quotes: bool) -> Places:
    newlines = np.flatnonzero(data == _NEWLINE)
    if has_quotes:
        quotes = structural_quotes(data, ord(rule.delimiter))
        newlines = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return newlines + 1


def structural_quotes(data: Bytes, delimiter: int) -> Places:
    """Returns the places of the quotes that open and close fields, in turn.

    Only a quote at the start of a field opens one.  When every second quote does (or is the second of a
    doubled one), all quotes are structural; otherwise they are walked one by one.
    """
    quotes = np.flatnonzero(data == _QUOTE)
    openers = quotes[0::2]
    before = data[np.maximum(openers - 1, 0)]
    sound = (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)
    if len(sound) and openers[0] == 0:
        sound[0] = True
    return quotes if bool(sound.all()) else _walked_quotes(data, quotes, delimiter)


def _walked_quotes(data: Bytes, quotes: Places, delimiter: int) -> Places:
    structural: list[int] = []
    places, skip = quotes.tolist(), -1
    for place in places:
        if place == skip:
            continue
        if len(structural) % 2 == 0:
            if place == 0 or data[place - 1] in (delimiter, _NEWLINE):
                structural.append(place)
        elif place + 1 < len(data) and data[place + 1] == _QUOTE:
            skip = place + 1
        else:
            structural.append(place)
    return np.asarray(structural, np.int64)
