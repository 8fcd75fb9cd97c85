"""What waits for jobs that failed, in a run that went on without them: outputs, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.failures import job_name, several
from helios_wf.states import JobState
from helios_wf.wording import count_text

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow

MOST_NAMED = 5
"""Outputs, or steps, that one text names."""


class Waiting:
    """What of a run waits for what failed of it.

    Attributes:
        outputs: the names of outputs that are not there, or lack more than may be lost.
        steps: the numbers of tasks of which the same is true.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._failed = _failed(flow)
        frontier, given_up = flow.frontier, flow.tally.given_up.keys()
        self._sources = {
            one.output.name: one.source
            for one in flow.plan.outputs
            if not frontier.has(one.source) or frontier.upstream([one.source]) & given_up
        }
        self.outputs = list(self._sources)
        self.steps = [
            task.number
            for task in flow.plan.tasks
            if not frontier.is_complete(task.number) or task.number in given_up
        ]

    @property
    def why(self) -> list[str]:
        """What failed, and what waits for it, in words: a line for each."""
        return [*self._failures(), *self._waiters()]

    def _failures(self) -> list[str]:
        given_up = self._flow.tally.given_up
        lines = [f"step {self._name(task)!r} was given up: {reason}" for task, reason in given_up.items()]
        tally = self._flow.tally
        for task, counts in enumerate(tally.counts):
            if count := counts[JobState.FAILED] - tally.lost[task]:
                lines.append(f"{count_text(count, 'job')} of step {self._name(task)!r} failed")
        return lines

    def _waiters(self) -> list[str]:
        """Returns which outputs and steps wait for what, those that wait for the same together."""
        if self._flow.is_failing:
            return []
        waiters: dict[frozenset[int], tuple[list[str], list[str]]] = {}
        frontier = self._flow.frontier
        for name, source in self._sources.items():
            found = frozenset(frontier.upstream([source]) & self._failed.keys())
            waiters.setdefault(found, ([], []))[0].append(name)
        for task in self.steps:
            found = frozenset(frontier.upstream(task=task) & self._failed.keys())
            if found and task not in self._failed:
                waiters.setdefault(found, ([], []))[1].append(self._name(task))
        return [
            f"{_listed('output', outputs, steps)} {self._named(found)}"
            for found, (outputs, steps) in waiters.items()
        ]

    def _named(self, tasks: frozenset[int]) -> str:
        return " and ".join(self._failed[task] for task in sorted(tasks)) or "what failed"

    def _name(self, task: int) -> str:
        return self._flow.plan.tasks[task].name


def _failed(flow: Flow) -> dict[int, str]:
    """Returns for each task that failed what of it did, in words."""
    found: dict[int, list[str]] = {}
    for task, path in [*flow.left, *flow.failed]:
        found.setdefault(task, []).append(paths.to_text(path))
    named = {}
    for task, texts in found.items():
        name = flow.plan.tasks[task].name
        named[task] = several(name, texts) if len(texts) > 1 else job_name(name, texts[0])
    return named | {task: f"step {flow.plan.tasks[task].name!r}" for task in flow.tally.given_up}


def _listed(word: str, outputs: Sequence[str], steps: Sequence[str]) -> str:
    """Returns ``outputs 'a', 'b' and step 'c' wait for``."""
    parts = [
        f"{noun}{'s' * (len(names) > 1)} {_quoted(names)}"
        for noun, names in ((word, outputs), ("step", steps))
        if names
    ]
    return f"{' and '.join(parts)} {'waits' if len(outputs) + len(steps) == 1 else 'wait'} for"


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(repr, names[:MOST_NAMED])) + more
