"""What nodes wait for, which are tasks and domains: facts, at paths made of positions of their own (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from helios_wf.model.plans import (
    At,
    Domain,
    Element,
    Gathered,
    Guarded,
    JobOutput,
    MergeOutput,
    Plan,
    RangeBound,
    Source,
)
from helios_wf.plan.algebra import inner


class Node(NamedTuple):
    """A task (``kind`` ``task``) or a domain (``kind`` ``domain``) by number."""

    kind: str
    number: int


class Need(NamedTuple):
    """A node needs a fact at the path made of the given positions of its own path.

    The fact is that a task is complete there, or that a domain was opened there.
    """

    node: Node
    positions: tuple[int, ...]


def needs_of(plan: Plan, node: Node) -> tuple[Need, ...]:
    """Returns what a node waits for, each once."""
    positions = tuple(range(len(plan.tasks) + len(plan.domains)))
    if node.kind == "task":
        task = plan.tasks[node.number]
        needs = [need for feed in task.feeds for need in value_needs(plan, feed.source, positions)]
        guards = task.guards
    else:
        needs = list(_shape_needs(plan, plan.domains[node.number], positions))
        guards = ()
    needs += [_task_need(plan, guard, positions) for guard in guards]
    return tuple(dict.fromkeys(needs))


def _shape_needs(plan: Plan, domain: Domain, positions: tuple[int, ...]) -> Iterator[Need]:
    """Yields what must be known to size a domain."""
    for axis in domain.axes:
        yield from _length_needs(plan, axis.source, positions)
    if domain.parts is not None:
        yield _task_need(plan, domain.parts, positions)
    if domain.cut is not None:
        for source in (domain.cut.file, domain.cut.first, domain.cut.count):
            if source is not None:
                yield from value_needs(plan, source, positions)
    for guard in domain.guards:
        yield _task_need(plan, guard, positions)


def _size_needs(plan: Plan, number: int, positions: tuple[int, ...]) -> Iterator[Need]:
    """Yields what must be known for a domain's size: that it was opened, or all that sizes it."""
    domain = plan.domains[number]
    if len(positions) >= len(domain.chain):
        yield Need(Node("domain", number), positions[: len(domain.chain)])
    else:
        yield from _shape_needs(plan, domain, positions)
        for outer in domain.chain[len(positions) :]:
            yield from _size_needs(plan, outer, positions)


def _task_need(plan: Plan, task: int, positions: tuple[int, ...]) -> Need:
    """Returns that a task must be complete at the path of the given positions of a reader's path."""
    return Need(Node("task", task), positions[: len(plan.tasks[task].chain)])


def _length_needs(plan: Plan, source: Source, positions: tuple[int, ...]) -> list[Need]:
    """Returns what must be known for the length of an array: of a gathered one only its domain's size."""
    if isinstance(source, At):
        return _length_needs(plan, source.source, _chosen(positions, source.positions))
    if isinstance(source, Gathered) and not source.splice:
        return list(_size_needs(plan, source.domain, positions))
    return list(value_needs(plan, source, positions))


def value_needs(plan: Plan, source: Source, positions: tuple[int, ...]) -> Iterator[Need]:
    """Yields what must be complete for a value at the path of the given positions of a reader's path."""
    match source:
        case JobOutput(task, _) | MergeOutput(task, _, _):
            yield _task_need(plan, task, positions)
        case Gathered(inside, domain):
            outside = positions[: len(plan.domains[domain].chain)]
            yield from _size_needs(plan, domain, outside)
            yield from value_needs(plan, inside, outside)
        case At(inside, chosen):
            yield from value_needs(plan, inside, _chosen(positions, chosen))
        case Element(inside, _, depth):
            yield from value_needs(plan, inside, positions[:depth])
        case Guarded(inside, task):
            yield _task_need(plan, task, positions)
            yield from value_needs(plan, inside, positions)
        case RangeBound():
            return
        case _:
            for part in inner(source):
                yield from value_needs(plan, part, positions)


def _chosen(positions: tuple[int, ...], chosen: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the chosen positions, up to the first that a shorter path does not have."""
    return tuple(positions[p] for p in takewhile(lambda p: p < len(positions), chosen))
