"""Tries that failed and were repeated: the record of a job tells only of its last, the event log of all."""

from __future__ import annotations

from helios_wf.failures import likeness
from helios_wf.report.facts import Trouble
from helios_wf.states import Cause
from helios_wf.store import Tx, log

MOST = 100
"""Kinds that are told apart."""


class Troubles:
    """Reads the tries of a run that were repeated."""

    def __init__(self, tx: Tx, run: str) -> None:
        self._kinds: dict[tuple[int, str, str], tuple[int, float]] = {}
        self._said: dict[tuple[int, str, str], str] = {}
        self.seconds = 0.0
        """What they took in all, by the engine's clock."""
        for task, seconds, note in log.repeated(tx, run):
            self._add(task, seconds, note)

    def _add(self, task: int, seconds: float, note: str) -> None:
        cause, _, message = note.partition(":")
        if cause not in Cause.__members__:
            return
        self.seconds += seconds
        key = (task, cause, likeness(message))
        if key not in self._kinds and len(self._kinds) >= MOST:
            key = (task, cause, "")
        self._said.setdefault(key, message.strip())
        n, took_s = self._kinds.get(key, (0, 0.0))
        self._kinds[key] = (n + 1, took_s + seconds)

    def all(self) -> tuple[Trouble, ...]:
        """Returns them by step, the costliest first."""
        found = [
            Trouble(task, Cause(cause), self._said[task, cause, text], n, took_s)
            for (task, cause, text), (n, took_s) in self._kinds.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.task, -one.seconds)))
