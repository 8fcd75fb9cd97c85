"""What a source is worth at an index path, from the run's inputs, stored shapes and the outputs of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from helios_wf.cwl.dataflow import array, dot_length, link
from helios_wf.engine.cutting import Ranges, ranges_of
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.lost import LOST, Lost
from helios_wf.model import Layout, SplitField
from helios_wf.model.noun import Json
from helios_wf.model.packed import LONG, pack
from helios_wf.model.plans import (
    At,
    Constant,
    Defaulted,
    Domain,
    Element,
    Gathered,
    Guarded,
    JobOutput,
    Linked,
    MergeOutput,
    Path,
    Plan,
    RangeBound,
    RunInput,
    Source,
    Task,
)
from helios_wf.plan.algebra import tasks_of
from helios_wf.states import RangeState

VOID = 3
"""Where the state of an event range that failed stands in it."""


def has_ranges(field: SplitField) -> bool:
    """Says whether jobs are cut into ranges."""
    return field.events_per_range is not None or field.seconds_per_range is not None


class Outputs(Protocol):
    """Where the outputs of settled jobs are read."""

    def of(self, task: int, path: Path) -> dict[str, Json] | None:
        """Returns the outputs of a job, or None when it was skipped."""

    def n_parts(self, task: int, path: Path) -> int:
        """Returns how many parts a job of a task that is fed ranges has made."""

    def load_below(self, task: int, path: Path) -> None:
        """Takes that the outputs of jobs at or below a path are read next, one after the other."""

    def merged(self, task: int, path: Path) -> list[dict[str, Json] | None]:
        """Returns the outputs of a merge's last jobs, in order."""


class Values:
    """Evaluates sources; knows no SQL and no clock."""

    def __init__(
        self,
        plan: Plan,
        inputs: dict[str, Json],
        frontier: Frontier,
        outputs: Outputs,
        layout_of: Callable[[str, str | None], Layout],
        index_of: Callable[[str], Json] = lambda path: None,
    ) -> None:
        self.plan = plan
        self.inputs = inputs
        self.ranges: dict[tuple[int, Path], Ranges] = {}
        self.lost = Lost(plan)
        self._frontier = frontier
        self._outputs = outputs
        self._layout_of = layout_of
        self._index_of = index_of
        self._arrays: dict[int, tuple[Path, list[Json]]] = {}

    def value(self, source: Source, path: Path) -> Json:
        """Returns what a source is worth at a path; everything that it reads must be complete."""
        match source:
            case RunInput(name):
                return self.inputs.get(name)
            case Constant(value):
                return value
            case JobOutput(task, port):
                reader = self.plan.tasks[task]
                if self.lost.holds(task, path):
                    return LOST if reader.fed is None else [LOST]
                outputs = self._outputs.of(task, path[: len(reader.chain)])
                if outputs is None:
                    return None if reader.fed is None else [None]
                return outputs.get(port)
            case MergeOutput(task, port, many):
                if self.lost.holds(task, path):
                    return LOST
                merged = self._outputs.merged(task, path[: len(self.plan.tasks[task].chain)])
                values = [None if outputs is None else outputs.get(port) for outputs in merged]
                return values if many else values[0]
            case Gathered():
                return self._gathered(source, path)
            case Element(inside, position, depth):
                return self._array(inside, path[:depth])[path[position]]
            case At(inside, positions):
                return self.value(inside, _chosen(path, positions))
            case Linked(sources, link_merge, pick_value):
                values = [value for one in sources if (value := self.value(one, path)) is not LOST]
                return link(values, link_merge, pick_value) if values else LOST
            case Defaulted(inside, default):
                value = self.value(inside, path)
                return default if value is None else value
            case RangeBound(domain, position, which):
                return self._range_bound(domain, path[: position + 1], which)
            case Guarded(inside, task):
                if self.lost.holds(task, path):
                    return LOST
                skipped = self._outputs.of(task, path[: len(self.plan.tasks[task].chain)]) is None
                return None if skipped else self.value(inside, path)

    def output(self, source: Source) -> Json:
        """Returns what an output of the run is worth; null where the one job that makes it is lost."""
        value = self.value(source, ())
        return None if value is LOST else value

    def _range_bound(self, domain: int, path: Path, which: str) -> Json:
        ranges = self.ranges[domain, path[:-1]]
        first, stop = ranges[path[-1]][:2]
        if first is None or stop is None:
            return None
        if which == "index":
            cut = self.plan.domains[domain].cut
            is_whole = len(ranges) == 1 and not (cut and has_ranges(cut.field))
            file = self.value(cut.file, path[:-1]) if cut and cut.file and not is_whole else None
            return self._index_of(file["path"]) if file else None
        return first if which == "first" else stop - first

    def size(self, domain: int, path: Path) -> int:
        """Returns how many indices a domain has below a path; sizes it where that was not done yet."""
        size = self._frontier.sizes.get((domain, path))
        return self.shape(self.plan.domains[domain], path)[0] if size is None else size

    def shape(self, domain: Domain, path: Path) -> tuple[int, Ranges | None]:
        """Returns the size of a domain below a path, and its event ranges where it is a split.

        Raises:
            JobError: arrays of different lengths, or a file that cannot be cut.
        """
        if self.lost.of_domain(domain, path) or self.is_skipped(domain.guards, path):
            return 0, ([] if domain.cut else None)
        if domain.parts is not None and self.lost.holds(domain.parts, path):
            return 1, None
        if domain.parts is not None:
            return self._outputs.n_parts(domain.parts, path), None
        if domain.cut is None:
            return dot_length(
                {axis.port: self._length(axis.source, path, axis.port) for axis in domain.axes}
            ), None
        cut = domain.cut
        file = self.value(cut.file, path) if cut.file else None
        first, count = self.value(cut.first, path), self.value(cut.count, path)
        ranges = ranges_of(self._layout_of, domain, file, first, count)
        return len(ranges), ranges

    def events(self, task: Task, path: Path) -> tuple[int | None, int | None]:
        """Returns the event range ``[first, stop)`` of a job, None and None where it has none."""
        if task.split is None:
            return None, None
        position = task.chain.index(task.split)
        first, stop = self.ranges[task.split, path[:position]][path[position]][:2]
        return first, stop

    def has_grown(self, domain: int, path: Path) -> bool:
        """Says whether event ranges of a domain have failed."""
        return any(len(one) > VOID for one in self.ranges.get((domain, path), ()))

    def is_void(self, task: Task, path: Path) -> bool:
        """Says whether a job stands for an event range that failed: its halves, or nothing, stand for it."""
        return any(
            len(found[path[position]]) > VOID
            for position, domain in enumerate(task.chain)
            if position < len(path) and (found := self.ranges.get((domain, path[:position]))) is not None
        )

    def lost_events(self, task: Task) -> int:
        """Returns how many events of the ranges of a chain were given up."""
        return sum(
            one[1] - one[0]
            for (domain, _), ranges in self.ranges.items()
            if domain == task.split
            for one in ranges
            if len(one) > VOID and one[VOID] == RangeState.FATAL
        )

    def n_events(self, task: Task) -> int:
        """Returns how many events the jobs of a split task have that are known."""
        found = [ranges for (domain, _), ranges in self.ranges.items() if domain == task.split]
        return sum(
            (one[1] or 0) - (one[0] or 0)
            for ranges in found
            for one in ranges
            if len(one) <= VOID or one[VOID] != RangeState.SPLIT
        )

    def cut_file(self, task: Task, path: Path) -> Json:
        """Returns the File that a job of a split task reads a range of; None where it names none."""
        assert task.split is not None
        cut = self.plan.domains[task.split].cut
        assert cut is not None
        return self.value(cut.file, path[: task.chain.index(task.split)]) if cut.file else None

    def merge_inputs(self, task: Task, path: Path) -> list[Json]:
        """Returns the inputs of a merge at a path; nulls (of skipped jobs) and lost ones are left out."""
        assert task.merge is not None
        (feed,) = (feed for feed in task.feeds if feed.name == task.merge.input)
        value = self.value(feed.source, path)
        inputs = value if isinstance(value, list) else [value]
        return [one for one in inputs if one is not None and one is not LOST]

    def is_skipped(self, guards: Iterable[int], path: Path) -> bool:
        """Says whether one of the guarding tasks was skipped at a path."""
        return any(
            self._outputs.of(guard, path[: len(self.plan.tasks[guard].chain)]) is None for guard in guards
        )

    def _array(self, source: Source, path: Path) -> list[Json]:
        """Returns an array; one that is put together is kept while its elements are read."""
        if not isinstance(source, Linked | Gathered | At | Guarded | Defaulted):
            return array(self.value(source, path), "an input")
        kept = self._arrays.get(id(source))
        if kept is None or kept[0] != path:
            kept = self._arrays[id(source)] = (path, array(self.value(source, path), "an input"))
        return kept[1]

    def _length(self, source: Source, path: Path, port: str) -> int:
        if isinstance(source, At):
            return self._length(source.source, _chosen(path, source.positions), port)
        if isinstance(source, Gathered) and not source.splice:
            return self.size(source.domain, path[: len(self.plan.domains[source.domain].chain)])
        return len(array(self.value(source, path), port))

    def _gathered(self, source: Gathered, path: Path) -> list[Json]:
        path = path[: len(self.plan.domains[source.domain].chain)]
        for task in tasks_of(source):
            self._outputs.load_below(task, path)
        return self._gather(source, path)

    def _indices(self, domain: int, path: Path) -> Sequence[int]:
        """Returns the indices of a domain in order: of event ranges by event, without those that failed."""
        size = self.size(domain, path)
        if not self.has_grown(domain, path):
            return range(size)
        ranges = self.ranges[domain, path]
        good = [index for index in range(size) if len(ranges[index]) <= VOID]
        return sorted(good, key=lambda index: ranges[index][0])

    def _gather(self, source: Gathered, path: Path) -> list[Json]:
        """Returns the array that a domain's indices make; a long one is packed on the way."""
        found = self._elements(source, path)
        return pack(found) if self.size(source.domain, path) > LONG else list(found)

    def _elements(self, source: Gathered, path: Path) -> Iterator[Json]:
        inside = source.source
        for index in self._indices(source.domain, path):
            below = (*path, index)
            value: Json
            if isinstance(inside, Gathered):
                domain = self.plan.domains[inside.domain]
                below = below[: len(domain.chain)]
                value = LOST if self.lost.of_domain(domain, below) else self._gather(inside, below)
            else:
                value = self.value(inside, below)
            found: list[Json] = (value or []) if source.splice and value is not LOST else [value]
            yield from (one for one in found if one is not LOST)


def _chosen(path: Path, positions: Path) -> Path:
    """Returns the chosen indices; what does not depend on the path is read at a shorter one too."""
    return tuple([path[position] for position in positions if position < len(path)])
