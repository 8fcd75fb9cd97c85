"""One thing that a rule finds in a document."""

from __future__ import annotations

from helios_wf.errors import Problem
from helios_wf.lint.rules import RULES, Rule
from helios_wf.model import Noun, Place


class Finding(Noun, frozen=True):
    """What a rule found, and where; without a place where it is about no single document."""

    code: str
    place: Place | None
    message: str

    @property
    def rule(self) -> Rule:
        """The rule."""
        return RULES[self.code]


def of(code: str, problem: Problem) -> Finding:
    """Returns a problem as a finding of a rule."""
    return Finding(code, problem.place, problem.message)


def position(finding: Finding) -> tuple[str, int, int, str, str]:
    """Returns what findings are sorted by: where they are, then what."""
    place = finding.place
    where = (place.file, place.line, place.column) if place else ("", 0, 0)
    return (*where, finding.code, finding.message)
