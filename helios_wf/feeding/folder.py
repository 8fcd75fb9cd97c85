"""The exchange over a folder: two files that only grow, one for each direction.

    FOLDER/to_tool.jsonl      what the worker says
    FOLDER/from_tool.jsonl    what the tool says; it is there, empty, when the tool starts

For tools whose standard streams cannot be had, such as those that run on other nodes.
"""

from __future__ import annotations

import contextlib
import os

from helios_wf.feeding.channel import CHUNK, LAST_WORDS
from helios_wf.feeding.protocol import Lines, Order, broken, to_line

TO_TOOL = "to_tool.jsonl"
FROM_TOOL = "from_tool.jsonl"

_NEW = os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Folder:
    """A new folder with its two files."""

    def __init__(self, path: str) -> None:
        self.reads: int | None = None
        self.writes: int | None = None
        self.is_closed = False
        os.makedirs(path)
        self._out = os.open(f"{path}/{TO_TOOL}", os.O_WRONLY | os.O_APPEND | _NEW, 0o666)
        self._in = os.open(f"{path}/{FROM_TOOL}", os.O_RDONLY | _NEW, 0o666)
        self._lines = Lines(self.log)

    def send(self, order: Order) -> None:
        """Appends a line.

        Raises:
            OSError: the disk is full.
        """
        line = to_line(order)
        while line:
            line = line[os.write(self._out, line) :]

    def push(self) -> None:
        """Does nothing: a file takes all at once."""

    def receive(self) -> list[bytes]:
        """Returns complete lines that the tool has added.

        Raises:
            JobError: its file is another one now, or begins anew.
        """
        data = os.read(self._in, CHUNK)
        if not data:
            file = os.fstat(self._in)
            if file.st_nlink == 0 or file.st_size < os.lseek(self._in, 0, os.SEEK_CUR):
                raise broken(f"it took {FROM_TOOL} away or wrote over it; lines are to be appended to it")
        return self._lines.add(data)

    def last_words(self) -> list[bytes]:
        """Returns all lines that are left."""
        lines, size = [], 0
        while (data := os.read(self._in, CHUNK)) and size < LAST_WORDS:
            size += len(data)
            lines += self._lines.add(data)
        return lines

    def log(self, text: bytes) -> None:
        """Does nothing: all that the tool wrote stays in its file."""

    def close(self) -> None:
        """Closes the files."""
        for fd in (self._out, self._in):
            with contextlib.suppress(OSError):
                os.close(fd)
