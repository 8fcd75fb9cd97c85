"""Attempts of an earlier engine: which go on, which are gone, and which the backend cannot tell of yet."""

from __future__ import annotations

import time
from collections.abc import Iterable

from helios_wf.backend import Backend, Life

ASK_S = 2.0
"""How often a backend is asked again."""

PATIENCE_S = 900.0
"""An attempt that the backend could not tell of for so long counts as gone."""


class Adoption:
    """Asks a backend what became of attempts, and again for as long as it cannot tell."""

    def __init__(self, backend: Backend, ask_s: float = ASK_S, patience_s: float = PATIENCE_S) -> None:
        self._backend = backend
        self._ask_s = ask_s
        self._patience_s = patience_s
        self._unknown: dict[str, float] = {}
        self._asked = 0.0

    def adopt(self, handles: Iterable[str]) -> list[str]:
        """Returns which attempts are gone; those that it cannot tell of are asked for again by ``gone``."""
        asked = list(handles)
        lives = self._backend.adopt(asked)
        until = time.monotonic() + self._patience_s
        self._asked = time.monotonic()
        self._unknown |= dict.fromkeys([one for one in asked if lives.get(one) is Life.UNKNOWN], until)
        return [one for one in asked if lives.get(one, Life.GONE) is Life.GONE]

    def gone(self) -> list[str]:
        """Returns which of the attempts that could not be told of turned out to be gone, each once."""
        now = time.monotonic()
        if not self._unknown or now - self._asked < self._ask_s:
            return []
        self._asked = now
        lives = self._backend.adopt(list(self._unknown))
        late = [one for one, until in self._unknown.items() if now > until]
        gone = [one for one in self._unknown if lives.get(one, Life.GONE) is Life.GONE or one in late]
        known = {one for one, life in lives.items() if life is not Life.UNKNOWN}
        self._unknown = {
            one: until for one, until in self._unknown.items() if one not in known and one not in gone
        }
        self._backend.cancel(late)
        return gone
