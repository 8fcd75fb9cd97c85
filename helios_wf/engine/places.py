"""Where in its document the expression stands that made a job fail."""

from __future__ import annotations

from helios_wf.model import Place
from helios_wf.model.plans import Plan


def place_of(plan: Plan, task: int, expression: str) -> str:
    """Returns ``FILE:LINE:COLUMN: `` of an expression of a task; empty where no expression was at fault.

    A text that stands in several places is taken to be the first one after the beginning of the task's tool,
    else of its step; one that is not found (loading has rewritten it) to stand there.
    """
    if not expression:
        return ""
    begins = [plan.tasks[task].place]
    if (process := plan.tasks[task].process) is not None:
        begins.insert(0, process.place)
    places = plan.expressions.get(expression, ())
    behind = [place for begin in begins for place in places if _is_behind(place, begin)]
    return f"{[*behind, *places, *begins][0]}: "


def _is_behind(place: Place, begin: Place) -> bool:
    return place.file == begin.file and (place.line, place.column) >= (begin.line, begin.column)
