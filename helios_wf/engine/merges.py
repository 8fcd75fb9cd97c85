"""Merges on their way: which groups wait, which outputs are there, and what that is to a flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.engine.job import Job
from helios_wf.errors import EventFileError, JobError
from helios_wf.model import Layout, MergeField
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Task
from helios_wf.plan.merging import Scheme, scheme
from helios_wf.states import Cause, JobState
from helios_wf.store import Tx, shapes

if TYPE_CHECKING:
    from helios_wf.engine.flow import Flow

OWN_INDICES = 3
"""A merge's jobs have three indices of their own behind the merge's path: output, level, group."""


_UNKNOWN = Job(-1, ())


class Merge:
    """One merge: its scheme below one path, and how many groups of each level are done."""

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
            return
        for group in range(len(self.scheme[output][level + 1])):
            yield (*self.prefix, output, level + 1, group)

    def jobs(self) -> Iterator[Path]:
        """Yields the paths of all its jobs, in order."""
        for output, levels in enumerate(self.scheme):
            for level, groups in enumerate(levels):
                for group in range(len(groups)):
                    yield (*self.prefix, output, level, group)

    @property
    def is_complete(self) -> bool:
        """Whether every output is there."""
        return self._outputs_open == 0

    @property
    def n_jobs(self) -> int:
        """How many jobs the merge has."""
        return sum(len(groups) for levels in self.scheme for groups in levels)

    def group(self, path: Path) -> tuple[int, int]:
        """Returns ``[first, stop)`` of what a job reads: inputs on level 0, else jobs of the level below."""
        output, level, group = path[len(self.prefix) :]
        first, stop = self.scheme[output][level][group]
        return first, stop

    def last_jobs(self) -> list[Path]:
        """Returns the paths of the jobs that make the outputs, in order."""
        return [(*self.prefix, output, len(levels) - 1, 0) for output, levels in enumerate(self.scheme)]


class Merges:
    """All merges of a run, by task and path; and what an earlier engine knew of them."""

    def __init__(self, layout_of: Callable[[str, str | None], Layout]) -> None:
        self._layout_of = layout_of
        self._merges: dict[tuple[int, Path], Merge] = {}
        self._schemes: dict[tuple[int, Path], Scheme] = {}
        self._known: dict[tuple[int, Path], Job | None] = {}
        self._elsewhere: set[tuple[int, Path]] = set()
        self._inputs: tuple[tuple[int, Path], list[Json]] | None = None

    def restore_scheme(self, task: int, prefix: Path, scheme: Scheme) -> None:
        """Takes the scheme of a merge that an earlier engine opened."""
        self._schemes[task, prefix] = scheme

    def restore_job(self, job: Job, state: JobState, is_over: bool) -> None:
        """Takes a merge's job that an earlier engine settled, put back, or gave out (it will be settled).

        Nothing waits any more for one that is over.
        """
        self._known[job.task, job.path] = None if is_over else job
        if state is not JobState.READY and not is_over:
            self._elsewhere.add((job.task, job.path))

    def stored(self) -> list[tuple[int, Path]]:
        """Returns the merges, by task and path, that an earlier engine opened and this one did not yet."""
        return list(self._schemes)

    def is_over(self, task: int, prefix: Path) -> bool:
        """Says whether all jobs that make the outputs of a stored merge are over."""
        last = Merge(prefix, self._schemes[task, prefix]).last_jobs()
        return all(self._known.get((task, path), _UNKNOWN) is None for path in last)

    def open(
        self, task: Task, prefix: Path, inputs: Callable[[], list[Json]], given: Scheme | None = None
    ) -> Merge:
        """Returns a new merge; its scheme is the one given, the one stored, or follows from its inputs."""
        key = (task.number, prefix)
        assert task.merge is not None
        groups = given or self._schemes.pop(key, None)
        if groups is None:
            self._inputs = (key, inputs())
            groups = self._scheme(task.merge, self._inputs[1])
        self._merges[key] = Merge(prefix, groups)
        return self._merges[key]

    def of_job(self, task: int, path: Path) -> Merge:
        """Returns the merge that a job belongs to."""
        return self._merges[task, path[:-OWN_INDICES]]

    def find(self, task: int, prefix: Path) -> Merge | None:
        """Returns a merge by its task and path, None where it was not opened yet."""
        return self._merges.get((task, prefix))

    def last_jobs(self, task: int, prefix: Path) -> list[Path]:
        """Returns the paths of the jobs that make a merge's outputs, in order."""
        return self._merges[task, prefix].last_jobs()

    def advance(self, task: int, merge: Merge, begun: Iterator[Path]) -> Iterator[Job]:
        """Yields the jobs of these paths that are to run; behind those done already, the ones that follow."""
        pending = list(begun)
        for path in pending:
            known = self._known.pop((task, path), Job(task, path))
            if known is None:
                pending.extend(merge.done(path))
            elif (task, path) not in self._elsewhere:
                yield known

    def slice(self, task: Task, path: Path, inputs: Callable[[], list[Json]]) -> list[Json]:
        """Returns the part of a merge's inputs that a job of level 0 reads."""
        key = (task.number, path[:-OWN_INDICES])
        if self._inputs is None or self._inputs[0] != key:
            self._inputs = (key, inputs())
        first, stop = self._merges[key].group(path)
        return self._inputs[1][first:stop]

    def below(self, task: int, path: Path) -> list[Path] | None:
        """Returns the jobs of the level below that a job reads, None on level 0."""
        output, level, _ = path[-OWN_INDICES:]
        if level == 0:
            return None
        first, stop = self.of_job(task, path).group(path)
        return [(*path[:-OWN_INDICES], output, level - 1, group) for group in range(first, stop)]

    def _scheme(self, field: MergeField, inputs: list[Json]) -> Scheme:
        weights: list[int] | None = None
        if field.target_size is not None:
            weights = [int(one.get("size") or 0) for one in inputs]
        elif field.target_events is not None:
            weights = [self._events(one) for one in inputs]
        return scheme(len(inputs), field.max_inputs, weights, field.target_size or field.target_events)

    def _events(self, one: Json) -> int:
        try:
            return self._layout_of(one["path"], None).n_events
        except EventFileError as error:
            raise JobError(Cause.BAD_INPUT, f"targetEvents cannot count events: {error}") from error


# -- in a flow ---------------------------------------------------------------------------------------------


def open_merge(flow: Flow, tx: Tx, task: Task, prefix: Path, scheme: Scheme | None = None) -> None:
    """Fixes the groups of a merge whose inputs are there (or of one that is skipped) and starts it."""
    merge = start_merge(flow, task, prefix, scheme)
    shapes.put(tx, flow.run, -1 - task.number, paths.to_text(prefix), merge.scheme)


def start_merge(flow: Flow, task: Task, prefix: Path, scheme: Scheme | None = None) -> Merge:
    """Starts a merge whose inputs are there, with the scheme given or one that is stored or made."""
    merge = flow.merges.open(task, prefix, lambda: flow.values.merge_inputs(task, prefix), scheme)
    flow.tally.merge(task.number, merge.n_jobs)
    _advance(flow, task.number, merge, merge.first_jobs())
    return merge


def complete_in_merge(flow: Flow, task: int, path: Path) -> None:
    """Takes that a job of a merge is done: others may start, or the merge is complete."""
    merge = flow.merges.of_job(task, path)
    _advance(flow, task, merge, merge.done(path))


def _advance(flow: Flow, task: int, merge: Merge, begun: Iterator[Path]) -> None:
    flow.queue.add(flow.merges.advance(task, merge, begun))
    if merge.is_complete:
        flow.frontier.complete(task, merge.prefix)


def merge_inputs(flow: Flow, task: Task, path: Path) -> dict[str, Json]:
    """Returns what one job of a merge reads: a slice of the inputs, or outputs of the level below."""
    assert task.merge is not None
    below = flow.merges.below(task.number, path)
    if below is None:
        prefix = path[:-OWN_INDICES]
        inputs = flow.merges.slice(task, path, lambda: flow.values.merge_inputs(task, prefix))
        return {task.merge.input: inputs}
    (port,) = task.outputs
    return {task.merge.input: flow.outputs.listed(task.number, below, port)}
