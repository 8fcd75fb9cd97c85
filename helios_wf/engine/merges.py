"""Merges on their way: which groups wait, which outputs are there."""

from __future__ import annotations

from collections.abc import Iterator

from helios_wf.model.noun import Json
from helios_wf.model.plans import Path
from helios_wf.plan.merging import Scheme


class Merge:
    """One merge: a task's scheme below one path, and how many groups of each level are done."""

    def __init__(self, prefix: Path, scheme: Scheme) -> None:
        self.prefix = prefix
        self.scheme = scheme
        self._waiting = [[len(groups) for groups in levels] for levels in scheme]
        self._outputs_open = len(scheme)

    def first_jobs(self) -> Iterator[Path]:
        """Yields the paths of the jobs that read the merge's inputs."""
        for output, levels in enumerate(self.scheme):
            for group in range(len(levels[0])):
                yield (*self.prefix, output, 0, group)

    def done(self, path: Path) -> Iterator[Path]:
        """Takes that a job is done and yields the jobs that can start now (those of the level above)."""
        output, level, _ = path[len(self.prefix) :]
        self._waiting[output][level] -= 1
        if self._waiting[output][level]:
            return
        if level + 1 == len(self.scheme[output]):
            self._outputs_open -= 1
        else:
            for group in range(len(self.scheme[output][level + 1])):
                yield (*self.prefix, output, level + 1, group)

    @property
    def is_complete(self) -> bool:
        """Whether every output is there."""
        return self._outputs_open == 0

    @property
    def n_jobs(self) -> int:
        """How many jobs the merge has."""
        return sum(len(groups) for levels in self.scheme for groups in levels)

    def group(self, path: Path) -> tuple[int, int]:
        """Returns ``[first, stop)`` of what a job reads: merge inputs on level 0, jobs of the level below else."""
        output, level, group = path[len(self.prefix) :]
        first, stop = self.scheme[output][level][group]
        return first, stop

    def last_jobs(self) -> list[Path]:
        """Returns the paths of the jobs that make the outputs, in order."""
        return [(*self.prefix, output, len(levels) - 1, 0) for output, levels in enumerate(self.scheme)]


class Merges:
    """All merges of a run, by task and path."""

    def __init__(self) -> None:
        self._merges: dict[tuple[int, Path], Merge] = {}
        self._inputs: tuple[tuple[int, Path], list[Json]] | None = None

    def open(self, task: int, prefix: Path, scheme: Scheme) -> Merge:
        """Adds a merge."""
        return self._merges.setdefault((task, prefix), Merge(prefix, scheme))

    def of_job(self, task: int, path: Path) -> Merge:
        """Returns the merge that a job belongs to."""
        return self._merges[task, path[:-3]]

    def last_jobs(self, task: int, prefix: Path) -> list[Path]:
        """Returns the paths of the jobs that make a merge's outputs, in order."""
        return self._merges[task, prefix].last_jobs()

    def remember(self, task: int, prefix: Path, inputs: list[Json]) -> None:
        """Keeps the inputs of the merge that is being read, and of no other."""
        self._inputs = ((task, prefix), inputs)

    def inputs(self, task: int, prefix: Path) -> list[Json] | None:
        """Returns the inputs of a merge if they were the last to be remembered."""
        return self._inputs[1] if self._inputs and self._inputs[0] == (task, prefix) else None
