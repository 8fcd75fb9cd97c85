"""What becomes of an earlier engine's attempts while the backend cannot tell of them."""

from __future__ import annotations

from collections.abc import Iterable

from helios_wf.backend import Life
from helios_wf.engine.adoption import Adoption
from helios_wf.testing import FakeBackend


class TellingBackend(FakeBackend):
    """Says of attempts what it was told to say, and notes what was cancelled."""

    def __init__(self, **lives: Life) -> None:
        super().__init__()
        self.lives = lives
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        self.asked = list(handles)
        return {handle: self.lives[handle] for handle in self.asked if handle in self.lives}

    def cancel(self, handles: Iterable[str]) -> None:
        self.cancelled += handles


def test_what_the_backend_does_not_know_of_is_gone() -> None:
    backend = TellingBackend(alive=Life.ALIVE, gone=Life.GONE)
    assert Adoption(backend).adopt(["alive", "gone", "never-heard-of"]) == ["gone", "never-heard-of"]


def test_an_attempt_that_cannot_be_told_of_is_asked_for_until_it_can() -> None:
    backend = TellingBackend(a=Life.UNKNOWN, b=Life.UNKNOWN, c=Life.ALIVE)
    adoption = Adoption(backend, ask_s=0)
    assert adoption.adopt("abc") == []
    assert adoption.gone() == []
    assert backend.asked == ["a", "b"]
    backend.lives["a"], backend.lives["b"] = Life.GONE, Life.ALIVE
    assert adoption.gone() == ["a"]
    assert adoption.gone() == []
    assert backend.cancelled == []


def test_the_backend_is_not_asked_at_every_tick() -> None:
    backend = TellingBackend(a=Life.UNKNOWN)
    adoption = Adoption(backend, ask_s=1000)
    adoption.adopt("a")
    backend.lives["a"] = Life.GONE
    assert adoption.gone() == []


def test_an_attempt_that_nobody_can_tell_of_is_given_up_and_cancelled_at_last() -> None:
    backend = TellingBackend(a=Life.UNKNOWN)
    adoption = Adoption(backend, ask_s=0, patience_s=0)
    assert adoption.adopt("a") == []
    assert adoption.gone() == ["a"]
    assert backend.cancelled == ["a"]
    assert adoption.gone() == []
