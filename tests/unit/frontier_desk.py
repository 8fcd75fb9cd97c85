"""A frontier with values and no engine: jobs become ready as others are said to be done."""

from __future__ import annotations

from typing import Any

from plain_cwl import layout_of

from helios_wf.engine.frontier import Frontier
from helios_wf.engine.values import Values
from helios_wf.model.plans import Path, Plan


class Outputs:
    """The outputs of complete jobs, in memory; counts how often one was read."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, Path], dict[str, Any] | None] = {}
        self.reads = 0

    def of(self, task: int, path: Path) -> dict[str, Any] | None:
        self.reads += 1
        return self.known[task, path]

    def n_parts(self, task: int, path: Path) -> int:
        (parts, *_) = (self.known[task, path] or {"skipped": [None]}).values()
        return len(parts)

    def load_below(self, task: int, path: Path) -> None:
        pass

    def merged(self, task: int, path: Path) -> list[dict[str, Any] | None]:
        return [self.known[task, path]]


class Desk:
    """A frontier with values; domains are opened as soon as they can be."""

    def __init__(self, plan: Plan, **inputs: Any) -> None:
        self.plan = plan
        self.frontier = Frontier(plan)
        self.outputs = Outputs()
        self.values = Values(plan, inputs, self.frontier, self.outputs, layout_of)

    def ready(self, limit: int = 1000) -> list[tuple[str, Path]]:
        """Returns the jobs that can start now; each is returned once."""
        while opened := list(self.frontier.domains(1000)):
            for number, path in opened:
                size, ranges = self.values.shape(self.plan.domains[number], path)
                if ranges is not None:
                    self.values.ranges[number, path] = ranges
                self.frontier.open(number, path, size)
        return [(self.plan.tasks[task].name, path) for task, path in self.frontier.jobs(limit)]

    def done(self, name: str, path: Path, **outputs: Any) -> None:
        """Completes a job."""
        (task,) = (task.number for task in self.plan.tasks if task.name == name)
        listed = self.plan.tasks[task].fed is not None
        self.outputs.known[task, path] = {k: [v] for k, v in outputs.items()} if listed else outputs
        self.frontier.complete(task, path)
