"""What an explanation is made of."""

from __future__ import annotations

from msgspec import Struct, field

from helios_wf.model import Json


class Reason(Struct, frozen=True):
    """One reason, and what is behind it.

    ``kind`` is a word for programs; ``job`` the job that it is about, ``input`` the input that is not there.
    """

    kind: str
    text: str
    job: str = ""
    input: str = ""
    because: tuple[Reason, ...] = ()


class Try(Struct, frozen=True):
    """One attempt of a job: when it was handed out, began and ended (ISO 8601), how, and what followed.

    ``counted`` says how it counts: ``charged`` to the job, ``lost`` to no fault of its own, or as neither.
    ``asked`` is what it asked for beyond the first one.
    """

    number: int
    handed_out: str
    began: str | None = None
    ended: str | None = None
    state: str = ""
    cause: str | None = None
    message: str = ""
    counted: str = ""
    asked: str = ""
    followed: str = ""


class Explanation(Struct, frozen=True):
    """Why a job, a step or a run stands where it does."""

    run: str
    name: str
    state: str
    summary: str
    """In a few words."""
    reasons: tuple[Reason, ...] = ()
    attempts: tuple[Try, ...] = ()
    facts: dict[str, Json] = field(default_factory=dict)
    """What is known besides: name and value."""
    failure: tuple[str, ...] = ()
    """What is to be said of the failure, in lines."""
    advice: tuple[str, ...] = ()
    """Commands that lead on, each with what it does."""
    jobs: dict[str, int] = field(default_factory=dict)
    """Of several jobs: how many are in which state."""
