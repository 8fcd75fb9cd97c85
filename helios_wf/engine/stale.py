"""What must be made anew when outputs of some jobs change: pure bookkeeping over a plan."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from helios_wf.engine.needs import Need, Node, needs_of
from helios_wf.model.plans import Path, Plan

Fixed = Mapping[int, int]
"""Indices of a path by position; any index stands where none is given."""


class Stale:
    """The jobs and the shapes that follow, directly or not, from outputs of jobs that change.

    Args:
        plan: the plan.
        changed: the jobs, by task and path, whose outputs change; they are not among what follows from them.
    """

    def __init__(self, plan: Plan, changed: Iterable[tuple[int, Path]]) -> None:
        self._chains = {Node("task", task.number): task.chain for task in plan.tasks}
        self._chains |= {Node("domain", domain.number): domain.chain for domain in plan.domains}
        self._readers: dict[Node, list[tuple[Node, Need]]] = {node: [] for node in self._chains}
        for node in self._chains:
            for need in needs_of(plan, node):
                self._readers[need.node].append((node, need))
        self._patterns: dict[Node, dict[tuple[int, ...], set[Path]]] = {node: {} for node in self._chains}
        self._queue: deque[tuple[Node, Fixed]] = deque(
            (Node("task", task), dict(enumerate(path))) for task, path in changed
        )
        while self._queue:
            self._follow(*self._queue.popleft())

    def covers(self, node: Node, path: Path) -> bool:
        """Says whether a task's job, or the indices of a domain, at a path must be made anew."""
        return any(
            tuple([path[position] for position in positions]) in known
            for positions, known in self._patterns[node].items()
        )

    def _follow(self, node: Node, fixed: Fixed) -> None:
        """Takes that what a node gives at some paths changes."""
        for reader, need in self._readers[node]:
            self._add(
                reader,
                {need.positions[at]: index for at, index in fixed.items() if at < len(need.positions)},
            )
        if node.kind == "domain":
            for member, chain in self._chains.items():
                if node.number in chain:
                    self._add(member, fixed)

    def _add(self, node: Node, fixed: Fixed) -> None:
        positions = tuple(sorted(fixed))
        known = self._patterns[node].setdefault(positions, set())
        path = tuple([fixed[position] for position in positions])
        if path not in known:
            known.add(path)
            self._queue.append((node, fixed))
