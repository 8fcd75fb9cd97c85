"""Steps of which jobs may be lost (``helios:tolerate`` with ``jobs``): who may read them, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from helios_wf.errors import Problem
from helios_wf.model import Output, Step, TolerateField, Workflow
from helios_wf.model.plans import Domain, Element, Feed, Gathered, Source, Task
from helios_wf.plan.algebra import singles, tasks_of, walk
from helios_wf.plan.rules import is_evaluated

_LOSSY = (
    "{what} reads the whole array of step {of!r}, of which jobs may be lost (helios:tolerate with 'jobs'); "
    "it may be read by a helios:merge input, by steps that scatter "
    "over it and over nothing that has other elements, or by an output with helios:dataset"
)


def tolerated(step: Step, around: TolerateField | None) -> TolerateField | None:
    """Returns what a step tolerates that inherits from what is around it: no merge tolerates lost jobs."""
    return None if step.merge is not None and around is not None and around.jobs is not None else around


def is_lossy(task: Task, domains: Sequence[Domain], lossy: Mapping[int, str]) -> bool:
    """Says whether jobs of a task may be lost: they may fail, or what they read of one job may be lost."""
    if task.tolerate is not None and task.tolerate.jobs is not None:
        return True
    merged = task.merge.input if task.merge is not None else None
    reads = set(task.guards).union(*(singles(feed.source) for feed in task.feeds if feed.name != merged))
    for domain in (domains[number] for number in task.chain):
        reads |= {domain.parts} if domain.parts is not None else set()
        reads |= singles(domain.cut.file) if domain.cut is not None and domain.cut.file is not None else set()
        reads = reads.union(*(singles(axis.source) for axis in domain.axes))
    return not reads.isdisjoint(lossy)


def whole_reads(step: Step, feeds: Mapping[str, Feed], lossy: Mapping[int, str]) -> Iterator[Problem]:
    """Yields a problem for each input that reads an array as a whole of which elements may be lost.

    Args:
        step: the step.
        feeds: its inputs; what is scattered is read element by element.
        lossy: names of the tasks before it whose jobs may be lost, by number.
    """
    evaluated = step.when is not None or any(is_evaluated(feed) for feed in feeds.values())
    passes = isinstance(step.run, Workflow) and not evaluated
    for name, feed in feeds.items():
        merges = step.merge is not None and step.merge.input == name
        # an element that is still looked up in an array is one of an array that is put together first
        found = _of_elements(feed.source, lossy) if merges or passes else _gathered_of(feed.source, lossy)
        if found is not None:
            yield Problem(
                feed.place, _LOSSY.format(what=f"input {name!r} of step {step.name!r}", of=lossy[found])
            )


def output_of_lost(output: Output, source: Source, lossy: Mapping[int, str]) -> Iterator[Problem]:
    """Yields a problem where an output of the document shows what may be lost and is no dataset."""
    found = _gathered_of(source, lossy)
    if found is not None and output.dataset is None:
        yield Problem(output.place, _LOSSY.format(what=f"output {output.name!r}", of=lossy[found]))


def _gathered_of(source: Source, lossy: Mapping[int, str]) -> int | None:
    """Returns a lossy task that is gathered somewhere in a source."""
    tasks = {task for part in walk(source) if isinstance(part, Gathered) for task in tasks_of(part)}
    return min(tasks & lossy.keys(), default=None)


def _of_elements(source: Source, lossy: Mapping[int, str]) -> int | None:
    parts = [part for part in walk(source) if isinstance(part, Element)]
    return next((found for one in parts if (found := _gathered_of(one, lossy)) is not None), None)
