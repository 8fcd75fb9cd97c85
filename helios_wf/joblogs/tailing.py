"""Reads a log as it grows, line by line, and makes lines safe for a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from helios_wf.wording import harmless

CHUNK = 1 << 20
LONGEST = 1 << 16
"""Bytes without a line break that are taken for a line."""


class Tail:
    """A file that may grow, and need not be there yet.

    Args:
        path: the file.
        lines: how many of the lines that are there at first are given; None: all.
    """

    def __init__(self, path: Path, lines: int | None = None) -> None:
        self.path = path
        self._at: int | None = None
        self._rest = b""
        self._lines = lines

    def read(self, is_over: bool = False) -> Iterator[bytes]:
        """Yields the whole lines that were written since the last call, without their line breaks.

        Args:
            is_over: nobody writes any more: what follows the last line break is a line too.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if self._at is None:
                    self._at = 0 if self._lines is None else _start(self.path, size, self._lines)
                if size < self._at:
                    self._at, self._rest = 0, b""
                file.seek(self._at)
                while data := file.read(CHUNK):
                    self._at += len(data)
                    yield from self._split(data)
        except OSError:
            pass
        if is_over and self._rest:
            yield self._rest
            self._rest = b""

    def _split(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines
        while len(self._rest) > LONGEST:
            yield self._rest[:LONGEST]
            self._rest = self._rest[LONGEST:]


def safe(line: bytes) -> str:
    """Returns a line as text that does nothing to a terminal: what cannot be shown is written as its code.

    Of what was overwritten with carriage returns the last is left, as a terminal would show it.
    """
    return harmless(line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2])


def _start(path: Path, size: int, lines: int) -> int:
    """Returns where the last so many lines of a file begin."""
    at, found = size, 0
    with path.open("rb") as file:
        while at > 0:
            first = max(0, at - CHUNK)
            file.seek(first)
            data = file.read(at - first)
            stop = len(data)
            if at == size and data.endswith(b"\n"):
                stop -= 1
            while (stop := data.rfind(b"\n", 0, stop)) >= 0:
                found += 1
                if found >= lines:
                    return first + stop + 1 if lines else size
            at = first
    return 0 if lines else size
