"""The engine of runs that Python began, in a process of its own: ``python -m helios_wf.interface.engine``.

So the caller may have threads, an event loop, or a notebook that wants to stay awake.  What is to be done
comes as one line of JSON on standard input, which then stays open as long as somebody waits for it: ``stop``,
or its end, puts back what runs, as Ctrl-C does for ``helios-wf run``.  One that stays goes on when its caller
has gone. On standard output it says when it has taken its runs, and as a line of JSON what went wrong with
itself.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from helios_wf.config import Settings
from helios_wf.engine.loop import Engine
from helios_wf.engine.retrying import Wish
from helios_wf.errors import HeliosError
from helios_wf.interface.interrupts import Interrupts
from helios_wf.layouts import Layouts
from helios_wf.model import Layout, Noun
from helios_wf.session import Session
from helios_wf.store import Store

BEGUN = b"begun\n"
"""What it says once it has taken its runs."""


class Work(Noun, frozen=True):
    """What an engine is to do."""

    settings: Settings
    ids: tuple[str, ...]
    wish: Wish | None = None
    stays: bool = False
    """Whether it goes on without its caller."""
    log: str = ""
    """Where its standard error goes; it is removed when nothing was written."""
    layouts: tuple[tuple[str, str | None, Layout], ...] = ()
    """What is known already of files that are in no dataset."""


class Trouble(Noun, frozen=True):
    """Why an engine gave up: the name of an error of ``errors``, and what it says."""

    error: str
    message: str


def encode(value: Noun) -> bytes:
    """Returns a line of JSON."""
    return msgspec.json.encode(value, enc_hook=str) + b"\n"


def decode(line: bytes) -> Work:
    """Returns the work that a line tells.

    Raises:
        msgspec.DecodeError: it tells none.
    """
    return msgspec.json.decode(line, type=Work, dec_hook=_path)


def _path(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


def main() -> int:
    """Does what standard input says, and returns the exit code."""
    orders, answers = _own_streams()
    work = decode(orders.readline())
    code = _drive(work, orders, answers)
    if os.fstat(2).st_size == 0:
        Path(work.log).unlink(missing_ok=True)
    return code


def _drive(work: Work, orders: BinaryIO, answers: BinaryIO) -> int:
    try:
        with Interrupts() as interrupts:
            store = Store.open(work.settings.store, work.settings.home)
            session = Session(store, work.settings, _Teller(answers), Layouts(work.layouts))
            interrupts.reach(session)
            threading.Thread(target=_listen, args=(orders, session, work.stays), daemon=True).start()
            session.drive(work.ids, work.wish)
    except (HeliosError, OSError) as error:
        _say(answers, encode(Trouble(type(error).__name__, str(error))))
        return 1
    return 0


class _Teller:
    """Says after the first tick of the engine that it has begun."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers: BinaryIO | None = answers

    def __call__(self, engine: Engine) -> None:
        if self._answers is not None:
            _say(self._answers, BEGUN)
            self._answers = None


def _say(answers: BinaryIO, line: bytes) -> None:
    # whoever asked may be gone
    with suppress(BrokenPipeError):
        answers.write(line)


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Returns standard input and output as streams that no other process gets."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return orders, answers


def _listen(orders: BinaryIO, session: Session, stays: bool) -> None:
    for line in orders:
        if line.strip() == b"stop":
            session.interrupt()
            return
    if not stays:
        session.interrupt()


if __name__ == "__main__":
    sys.exit(main())
