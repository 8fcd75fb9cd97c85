"""Engines in processes of their own, as whoever began them sees them."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import time

import msgspec
from msgspec import structs

from helios_wf import errors
from helios_wf.errors import EngineError, HeliosError
from helios_wf.interface import engine
from helios_wf.interface.engine import Trouble, Work

FOLDER = "engines"
"""Folder below the home in which each engine has a log, as long as it runs or has something in it."""

_TAIL = 2000


class EngineProcess:
    """A process with an engine; it is waited for in a thread, so that it is gone for everybody once it ends.

    ``ended`` is set then; ``begun`` when it has taken its runs, or has ended.
    """

    def __init__(self, work: Work) -> None:
        """Starts it.

        Raises:
            EngineError: it cannot be started.
        """
        folder = work.settings.home / FOLDER
        self._log = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}.log"
        self.stays = work.stays
        self.begun = threading.Event()
        self.ended = threading.Event()
        self._trouble: Trouble | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", engine.__name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    # Ctrl-C in a terminal is for the caller, which tells the engine
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            self._process.stdin.write(engine.encode(structs.replace(work, log=str(self._log))))
            self._process.stdin.flush()
        except OSError as error:
            raise EngineError(f"no engine could be started: {error}") from error
        threading.Thread(target=self._reap, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def stop(self) -> None:
        """Asks it to put back what runs, and to end."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"stop\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            # it has ended
            return

    def end(self) -> None:
        """Stops it in order, and waits until it has ended."""
        self.stop()
        self.ended.wait()

    def error(self) -> HeliosError | None:
        """Returns why it gave up, once it has ended; None where it did its work, or was told to stop."""
        if self._trouble is not None:
            return as_error(self._trouble)
        code = self._process.returncode
        if code in (None, 0):
            return None
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        tail = self._log.read_text(errors="replace")[-_TAIL:].strip() if self._log.exists() else ""
        return EngineError(
            f"the engine (process {self.pid}) {ended}; what is done is kept"
            + (f"\nits log, {self._log}, ends with:\n{tail}" if tail else "")
        )

    def _reap(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                if line == engine.BEGUN:
                    self.begun.set()
                else:
                    self._trouble = msgspec.json.decode(line, type=Trouble)
        self._process.wait()
        self.ended.set()
        self.begun.set()


def as_error(trouble: Trouble) -> HeliosError:
    """Returns the error that another process had."""
    kind = getattr(errors, trouble.error, HeliosError)
    if not (isinstance(kind, type) and issubclass(kind, HeliosError)):
        kind = HeliosError
    # the words are made already: some of these errors make theirs of what they are given
    made: HeliosError = kind.__new__(kind, trouble.message)
    return made
