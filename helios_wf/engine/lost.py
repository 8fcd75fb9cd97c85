"""Which jobs of a run are lost: they failed, which is tolerated, or what they read of one job is lost.

A lost job keeps its place: whoever is mapped over it is lost too, and gathering leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from helios_wf.model.plans import (
    At,
    Defaulted,
    Domain,
    Element,
    Guarded,
    JobOutput,
    Linked,
    MergeOutput,
    Path,
    Plan,
    Source,
    Task,
)
from helios_wf.plan.algebra import inner

JobAt = tuple[int, Path]
"""A job by task and path; the one that stands for a merge has the merge's path."""


class Marker:
    """Stands for the output of a lost job."""


LOST = Marker()


class Lost:
    """The lost jobs of one run, of which there are few."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._jobs: set[JobAt] = set()

    def add(self, task: int, path: Path) -> None:
        """Takes that a job is lost."""
        self._jobs.add((task, path[: len(self._plan.tasks[task].chain)]))

    def holds(self, task: int, path: Path) -> bool:
        """Says whether the job of a task that a reader at a path reads is lost."""
        return bool(self._jobs) and (task, path[: len(self._plan.tasks[task].chain)]) in self._jobs

    def of_job(self, task: Task, path: Path) -> JobAt | None:
        """Returns a lost job that a job reads, which failed itself; None where there is none.

        A merge leaves out what is lost of its input.
        """
        merged = task.merge.input if task.merge is not None else None
        sources = [feed.source for feed in task.feeds if feed.name != merged]
        return self._origin(sources, task.guards, path)

    def of_domain(self, domain: Domain, path: Path) -> JobAt | None:
        """Returns a lost job without which a domain has no size; of parts it has one, which is lost too."""
        sources = [axis.source for axis in domain.axes]
        if domain.cut is not None:
            cut = domain.cut
            sources += [source for source in (cut.file, cut.first, cut.count) if source is not None]
        return self._origin(sources, domain.guards, path)

    def _origin(self, sources: Iterable[Source], guards: Iterable[int], path: Path) -> JobAt | None:
        if not self._jobs:
            return None
        reads = chain.from_iterable(single_reads(self._plan, source, path) for source in sources)
        for task, at in chain(reads, ((guard, path) for guard in guards)):
            if self.holds(task, at):
                found = (task, at[: len(self._plan.tasks[task].chain)])
                return self.of_job(self._plan.tasks[task], found[1]) or found
        return None


def single_reads(plan: Plan, source: Source, path: Path) -> Iterator[JobAt]:
    """Yields the single jobs (or merges) whose outputs a source at a path reads, not what it gathers."""
    match source:
        case JobOutput(task, _) | MergeOutput(task, _, _):
            yield task, path[: len(plan.tasks[task].chain)]
        case Element(inside, _, depth):
            yield from single_reads(plan, inside, path[:depth])
        case At(inside, positions):
            chosen = tuple([path[position] for position in positions if position < len(path)])
            yield from single_reads(plan, inside, chosen)
        case Guarded(inside, task):
            yield task, path[: len(plan.tasks[task].chain)]
            yield from single_reads(plan, inside, path)
        case Linked() | Defaulted():
            for part in inner(source):
                yield from single_reads(plan, part, path)
        case _:
            return
