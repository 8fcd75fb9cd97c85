"""What an engine at work answers when another process asks it to explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from helios_wf.engine.losses import MOST_NAMED, called
from helios_wf.model import Noun

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow


class Answer(Noun, frozen=True):
    """What an engine says when it is asked to explain.

    ``halted`` is why it starts nothing new in the run (empty: it does); ``room`` how many more jobs its
    backend would take; ``waiting`` says of attempts why they have not begun.
    """

    halted: str = ""
    room: int = 0
    waiting: dict[str, str] = field(default_factory=dict)


def why_failing(flow: Flow) -> str:
    """Returns why nothing new is started in a run that fails; empty where something is."""
    if not flow.is_failing:
        return ""
    given_up = [
        f"step {flow.plan.tasks[task].name!r} was given up: {why}"
        for task, why in flow.tally.given_up.items()
    ]
    failed = [called(flow.plan, *one) for one in flow.failed[:MOST_NAMED]]
    more = f" and {len(flow.failed) - MOST_NAMED} more" if len(flow.failed) > MOST_NAMED else ""
    words = given_up + ([f"{', '.join(failed)}{more} failed for good"] if failed else [])
    rest = "what runs is ended" if flow.on_error == "kill" else "what runs ends"
    return f"{'; '.join(words)}: {rest}, and nothing new is started (--on-error {flow.on_error})"
