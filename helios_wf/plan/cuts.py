"""What a split step says of the shape of its outputs, and of how its tool is told event ranges."""

from __future__ import annotations

from helios_wf.model import Step, Tool, Way
from helios_wf.model.plans import Fed


def lists_parts(step: Step) -> bool:
    """Says whether each job of a split step makes a list of parts: a tool does, which can be told ranges."""
    return step.split is not None and isinstance(step.run, Tool) and step.merge is None


def fed(step: Step) -> Fed:
    """Returns how the tool of a split step is told its ranges."""
    assert step.split is not None
    events = step.run.events if isinstance(step.run, Tool) else None
    way, switch = Way.PROCESS, None
    if events is not None:
        way = Way.RESIDENT if events.resident else Way.FOLDER
        switch = events.resident or events.folder
    return Fed(way, step.split.first, step.split.count, step.split.input, switch)


def levels_before_cut(step: Step, levels: int) -> int:
    """Returns how many of a step's scatter levels lie outside its range domain.

    In a nested cross product it stands right behind the last level that gives the file or a bound of what is
    cut, so that the other dimensions keep their shape; else innermost, so that events keep their order.
    """
    if step.split is None or step.scatter_method != "nested_crossproduct" or len(step.scatter) == 1:
        return levels
    read = (step.split.input, step.split.first, step.split.count)
    return max((at + 1 for at, port in enumerate(step.scatter) if port in read), default=levels)
