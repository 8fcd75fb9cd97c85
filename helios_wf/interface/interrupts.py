"""Ctrl-C and SIGTERM: the first one stops in order, the second one at once."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helios_wf.session import Session

INTERRUPTED = 130
"""Exit code after Ctrl-C.  Source: POSIX shells, 128 + SIGINT."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPING = b"stopping: running jobs are ended and put back; once more to leave at once\n"
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupts:
    """Takes the signals as long as its block lasts.

    The second one leaves without a word: workers end with their engine, and a resume puts in order whatever
    is left.
    """

    def __init__(self) -> None:
        self._asked = False
        self._session: Session | None = None

    def __enter__(self) -> Interrupts:
        """Takes the signals."""
        self._before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Gives the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def reach(self, session: Session) -> None:
        """Passes what is asked, and what was asked already, on to a session."""
        self._session = session
        if self._asked:
            session.interrupt()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(INTERRUPTED)
        self._asked = True
        if self._session is not None:
            self._session.interrupt()
        # not through sys.stderr: the signal may have come while that was being written to
        os.write(2, _STOPPING)
