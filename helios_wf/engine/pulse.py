"""The heartbeat of an engine: from a thread of its own, so that it goes on while the engine is busy."""

from __future__ import annotations

import contextlib
import threading

from helios_wf.errors import RunTakenError, StoreError
from helios_wf.store import Store, runs

HEARTBEAT_S = 5.0


class Pulse:
    """Says every few seconds that the engine of some runs lives, also while it moves or counts large files.

    A store that cannot be written for a while is tried again; a run that another engine took is let go of:
    the engine itself learns of that at its next write.
    """

    def __init__(self, store: Store, every_s: float = HEARTBEAT_S) -> None:
        self._store = store
        self._every_s = every_s
        self._epochs: dict[str, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def hold(self, run: str, epoch: int) -> None:
        """Beats for a run from now on."""
        self._epochs[run] = epoch

    def leave(self, run: str) -> None:
        """Beats for a run no more."""
        self._epochs.pop(run, None)

    def __enter__(self) -> Pulse:
        """Starts to beat."""
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        """Ends it."""
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._every_s):
            for run, epoch in list(self._epochs.items()):
                try:
                    with contextlib.suppress(StoreError), self._store.write() as tx:
                        runs.heartbeat(tx, run, epoch)
                except RunTakenError:
                    self.leave(run)
