"""The way of the lines between a worker and one process of a tool."""

from __future__ import annotations

import contextlib
import os
from typing import Protocol

from helios_wf.feeding.protocol import Lines, Order, to_line

CHUNK = 1 << 16
"""Bytes that are read at once: time limits are looked at between two chunks of a flood."""

LAST_WORDS = 1 << 26
"""Bytes that are still read of a tool that has ended."""


class Channel(Protocol):
    """Lines to a tool and back.  What is no line of the exchange goes to a log."""

    reads: int | None
    """becomes readable when the tool has said something; None: that must be looked for"""
    writes: int | None
    """becomes writable when the tool takes more of what waits for it"""
    is_closed: bool
    """whether the tool cannot say anything more"""

    def send(self, order: Order) -> None:
        """Sends a line, or as much of it as the tool takes now."""

    def push(self) -> None:
        """Sends more of what waits."""

    def receive(self) -> list[bytes]:
        """Returns complete lines that the tool has said, without waiting."""

    def last_words(self) -> list[bytes]:
        """Returns all lines that are left of a tool that has ended."""

    def log(self, text: bytes) -> None:
        """Keeps something that the tool printed."""

    def close(self) -> None:
        """Closes what is open."""


class Pipes:
    """The standard input and output of a process."""

    def __init__(self, stdin: int, stdout: int, log: str) -> None:
        self.reads: int | None = stdout
        self.writes: int | None = None
        self.is_closed = False
        self._stdin, self._stdout = stdin, stdout
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._lines = Lines(self.log)
        self._unsent = b""
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)

    def send(self, order: Order) -> None:
        """Sends a line, or as much of it as the pipe takes now."""
        self._unsent += to_line(order)
        self.push()

    def push(self) -> None:
        """Sends more of what waits."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            # it reads no more; how it ends tells the rest
            self._unsent = b""
        self.writes = self._stdin if self._unsent else None

    def receive(self) -> list[bytes]:
        """Returns complete lines that the tool has said, without waiting."""
        return self._lines.add(self._read())

    def last_words(self) -> list[bytes]:
        """Returns all lines that are left; a daemon that holds the pipe open is not waited for."""
        lines, size = [], 0
        while not self.is_closed and size < LAST_WORDS:
            data = self._read()
            if not data:
                break
            size += len(data)
            lines += self._lines.add(data)
        return lines

    def _read(self) -> bytes:
        try:
            data = os.read(self._stdout, CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self.is_closed, self.reads = True, None
        return data

    def log(self, text: bytes) -> None:
        """Appends to the log; where the disk is full, the tool has to do without."""
        with contextlib.suppress(OSError):
            os.write(self._log, text)

    def close(self) -> None:
        """Closes pipes and log."""
        for fd in (self._stdin, self._stdout, self._log):
            with contextlib.suppress(OSError):
                os.close(fd)
