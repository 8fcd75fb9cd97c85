"""For authors of resident tools: event ranges as they come, one process for all of them.

    from helios_wf.event_stream import event_ranges

    for events in event_ranges():
        with events:
            kept = process(events.path, events.first, events.stop, events.outdir)
            events.n_out = kept

An exception within ``with`` is told as the failure of that range, and the loop goes on; without ``with`` it
ends the tool, and whoever runs it starts it again for the other ranges.  Only the standard library is needed,
so this file can be copied next to a tool.  The lines that are exchanged: docs/event-streams.md.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO

PROGRESS_S = 0.2
"""Seconds between two lines about the progress of a range."""

_LOOKS_S = (0.002, 0.1)


class RangeError(Exception):
    """The failure of an event range, with what is known of it.

    Args:
        message: what failed.
        at_event: the position in the file of the event that is to blame.
        code: an exit code, as if the tool had been run for this range alone.
        permanent: whether another try cannot mend it; None: as the tool's lists of exit codes say.
    """

    def __init__(
        self,
        message: str,
        *,
        at_event: int | None = None,
        code: int | None = None,
        permanent: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.at_event = at_event
        self.code = code
        self.permanent = permanent


class Events:
    """One event range: positions ``[first, stop)`` of the file ``path``, counted from 0.

    Outputs go to the folder ``outdir`` under the names that the tool's CWL description looks for; or
    ``outputs`` is set to the output object, with paths relative to that folder.
    """

    def __init__(self, given: dict[str, Any], stream: Stream | None = None) -> None:
        self.name: str = given["range"]
        self.first: int = given["first"]
        self.stop: int = given["stop"]
        self.path: str | None = given.get("path")
        self.outdir: str = given["outdir"]
        self.n_out: int | None = None
        """how many events were written, if that is to be known"""
        self.outputs: dict[str, Any] | None = None
        self._stream = stream
        self._told_at = 0.0
        self._is_answered = False

    def __len__(self) -> int:
        return self.stop - self.first

    def progress(self, processed: int) -> None:
        """Tells how many events of the range are done; to be called as often as one likes."""
        if self._stream is not None and time.monotonic() - self._told_at >= PROGRESS_S:
            self._told_at = time.monotonic()
            self._stream.say({"type": "progress", "range": self.name, "processed": processed})

    def done(self) -> None:
        """Tells that the outputs are written.  The end of ``with``, and the next range, do so too."""
        answer: dict[str, Any] = {"type": "done", "range": self.name}
        if self.outputs is not None:
            answer["outputs"] = self.outputs
        if self.n_out is not None:
            answer["n_out"] = self.n_out
        self._answer(answer)

    def fail(self, error: RangeError) -> None:
        """Tells that the range could not be done."""
        answer: dict[str, Any] = {"type": "error", "range": self.name, "message": str(error)}
        if error.permanent is not None:
            answer["class"] = "permanent" if error.permanent else "temporary"
        given = {"code": error.code, "at_event": error.at_event}
        self._answer(answer | {key: value for key, value in given.items() if value is not None})

    def _answer(self, answer: dict[str, Any]) -> None:
        if not self._is_answered:
            self._is_answered = True
            if self._stream is not None:
                self._stream.say(answer)

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self.done()
            return False
        if self._stream is None or not isinstance(error, Exception):
            return False
        if not isinstance(error, RangeError):
            traceback.print_exception(error)
            error = RangeError(f"{type(error).__name__}: {error}")
        self.fail(error)
        return True


class Stream:
    """Lines to and from whoever runs the tool: standard streams, or the two files of a folder."""

    def __init__(self, folder: str | None) -> None:
        self._is_file = folder is not None
        self._rest = b""
        if folder is None:
            self._in: BinaryIO = os.fdopen(os.dup(0), "rb", buffering=0)
            self._out = os.dup(1)
            # what the tool prints goes to the log, and cannot come between the lines
            sys.stdout.flush()
            os.dup2(2, 1)
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(line_buffering=True)
        else:
            self._in = open(os.path.join(folder, "to_tool.jsonl"), "rb", buffering=0)  # noqa: PTH118, PTH123, SIM115
            self._out = os.open(os.path.join(folder, "from_tool.jsonl"), os.O_WRONLY | os.O_APPEND)  # noqa: PTH118

    def say(self, answer: dict[str, Any]) -> None:
        """Says one line."""
        line = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._out, line) :]

    def hear(self) -> dict[str, Any]:
        """Waits for a line and returns it.

        Raises:
            EOFError: whoever ran the tool is gone.
        """
        wait_s = _LOOKS_S[0]
        while b"\n" not in self._rest:
            data = self._in.read(1 << 16)
            if not data and not self._is_file:
                raise EOFError("standard input has ended before the last event range")
            if not data:
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LOOKS_S[1])
            self._rest += data or b""
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said


def event_ranges(folder: str | None = None, *, ahead: int = 1) -> Iterator[Events]:
    """Yields event ranges until there are no more.

    Args:
        folder: the folder of the exchange, for a tool that is not fed through its standard streams.
        ahead: how many ranges to have at hand while one is worked on, so that the tool need not wait.
    """
    stream = Stream(folder)
    waiting: deque[Events] = deque()
    stream.say({"type": "ready", "capacity": 1})
    stream.say({"type": "get", "n": 1 + ahead})
    while True:
        said = {} if waiting else stream.hear()
        if said.get("type") == "no_more":
            break
        waiting.extend(Events(given, stream) for given in said.get("ranges", ()))
        if waiting:
            events = waiting.popleft()
            yield events
            events.done()
            stream.say({"type": "get", "n": 1})
    stream.say({"type": "bye"})


def whole(path: str | None, first: int, stop: int, outdir: str = ".") -> Events:
    """Returns a range that nobody is told of, for a tool that is run for it alone."""
    return Events({"range": f"{first}-{stop}", "first": first, "stop": stop, "path": path, "outdir": outdir})
