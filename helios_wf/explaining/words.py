"""An explanation in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from helios_wf.explaining.nouns import Explanation, Reason, Try
from helios_wf.states import JobState
from helios_wf.wording import harmless


def told(explanation: Explanation) -> str:
    """Returns an explanation as lines of text."""
    lead = f"{explanation.name} is {explanation.state}"
    lines = [f"{lead}: {explanation.summary}" if explanation.summary else lead]
    lines += _reasons(explanation.reasons, "  ")
    lines += explanation.failure
    if explanation.attempts:
        lines.append("  attempts:")
        lines += [f"    {_attempt(one)}" for one in explanation.attempts]
    width = max(map(len, explanation.facts), default=0)
    lines += [f"  {name.ljust(width)}  {value}" for name, value in explanation.facts.items()]
    return harmless("\n".join([*lines, *(f"  {line}" for line in explanation.advice)]))


def _reasons(reasons: Iterable[Reason], margin: str) -> Iterator[str]:
    for reason in reasons:
        yield margin + reason.text.replace("\n", f"\n{margin}  ")
        yield from _reasons(reason.because, margin + "  ")


def _attempt(one: Try) -> str:
    asked = f", with {one.asked}" if one.asked else ""
    words = [f"{one.number}: handed out {one.handed_out[:19]}{asked}"]
    if one.ended is None:
        words.append(f"began {one.began[11:19]}, runs" if one.began else "has not begun")
    else:
        how = f"{one.cause}: {one.message}" if one.cause else (one.message or one.state)
        if one.state == JobState.READY and not one.cause:
            how = "in order"
        counted = {"charged": " (counts as a failure)", "lost": " (no fault of the job)"}.get(one.counted, "")
        words.append(f"ended {one.ended[11:19]}: {how}{counted}")
    return "; ".join([*words, *([f"followed by {one.followed}"] if one.followed else [])])
