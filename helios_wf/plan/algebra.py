"""Constructors of sources that simplify as they build, and questions that one may ask a source.

The one law that matters: the element of a gathered array is the value that was gathered.  Where it applies, a
mapped step waits for one job of the step before it instead of for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from helios_wf.model.noun import Json
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
    RangeBound,
    RunInput,
    Source,
)


def element(source: Source, position: int, depth: int, domains: Sequence[Domain]) -> Source:
    """Returns the source of the element at ``path[position]`` of an array evaluated at ``path[:depth]``."""
    if isinstance(source, Gathered) and not source.splice:
        base = len(domains[source.domain].chain)
        return at(source.source, (*range(base), position))
    if isinstance(source, At) and isinstance(source.source, Gathered) and not source.source.splice:
        base = len(domains[source.source.domain].chain)
        return at(source.source.source, (*source.positions[:base], position))
    return Element(source, position, depth)


def at(source: Source, positions: Path) -> Source:
    """Returns the source at a path of chosen positions; nothing is added where they are the leading ones."""
    return source if positions == tuple(range(len(positions))) else At(source, positions)


def defaulted(source: Source, value: Json) -> Source:
    """Returns the source with a default, where it can be null at all."""
    if value is None or isinstance(source, Gathered | RangeBound):
        return source
    return Constant(value) if source == Constant(None) else Defaulted(source, value)


def gathered(source: Source, levels: Sequence[tuple[int, bool]]) -> Source:
    """Returns the source gathered over domains, outermost first; each with whether it splices."""
    for domain, splice in reversed(levels):
        source = Gathered(source, domain, splice)
    return source


class Flat(NamedTuple):
    """A flat array: the domains that it was gathered over, and what it holds at each of their indices.

    With ``is_listed`` that is itself a list, of the parts of a job; else one element.
    """

    domains: tuple[int, ...]
    source: Source
    is_listed: bool


def flat(source: Source) -> Flat | None:
    """Returns what a flat array was gathered of, or None when it is not one that was gathered."""
    domains: list[int] = []
    while isinstance(source, Gathered):
        domains.append(source.domain)
        if not source.splice:
            return Flat(tuple(domains), source.source, is_listed=False)
        source = source.source
    return Flat(tuple(domains), source, is_listed=True) if domains else None


def inner(source: Source) -> tuple[Source, ...]:
    """Returns the sources directly inside a source."""
    if isinstance(source, Linked):
        return source.sources
    if isinstance(source, Gathered | Element | At | Defaulted | Guarded):
        return (source.source,)
    return ()


def walk(source: Source) -> Iterator[Source]:
    """Yields a source and all sources inside it."""
    yield source
    for part in inner(source):
        yield from walk(part)


def tasks_of(source: Source) -> set[int]:
    """Returns the numbers of the tasks that a source reads."""
    return {part.task for part in walk(source) if isinstance(part, JobOutput | MergeOutput | Guarded)}


def singles(source: Source) -> set[int]:
    """Returns the numbers of the tasks of which a source reads one job, at the reader's own path."""
    match source:
        case JobOutput(task, _) | MergeOutput(task, _, _):
            return {task}
        case Guarded(inside, task):
            return {task} | singles(inside)
        case Gathered():
            return set()
    return {task for part in inner(source) for task in singles(part)}


def parts_of(source: Source, is_cut: Callable[[int], bool]) -> frozenset[int]:
    """Returns the cut domains (and, as ``-1 - task``, the merges with several outputs) that an array shows.

    Empty where the number of elements does not depend on how files were cut.
    """
    match source:
        case Gathered(inside, domain):
            own = frozenset({domain}) if is_cut(domain) else frozenset()
            return own | parts_of(inside, is_cut)
        case MergeOutput(task, _, True):
            return frozenset({-1 - task})
        case Element(inside, _, _):
            return frozenset() if isinstance(inside, MergeOutput) else parts_of(inside, is_cut)
        case Linked() | At() | Defaulted() | Guarded():
            return frozenset().union(*(parts_of(part, is_cut) for part in inner(source)))
    return frozenset()


def depth_of(source: Source, depths: Callable[[int], int], domains: Sequence[Domain]) -> int:
    """Returns how many leading indices of a reader's path the value depends on.

    Args:
        source: the source.
        depths: the depth of a task by number, without a merge's own indices.
        domains: the plan's domains.
    """
    match source:
        case RunInput() | Constant():
            return 0
        case JobOutput(task, _) | MergeOutput(task, _, _):
            return depths(task)
        case Gathered(_, domain):
            return len(domains[domain].chain)
        case Element(inside, position, depth):
            return max(position + 1, min(depth, depth_of(inside, depths, domains)))
        case At(inside, positions):
            used = positions[: depth_of(inside, depths, domains)]
            return max((position + 1 for position in used), default=0)
        case RangeBound(_, position, _):
            return position + 1
        case Guarded(inside, task):
            return max(depths(task), depth_of(inside, depths, domains))
        case Linked() | Defaulted():
            return max((depth_of(part, depths, domains) for part in inner(source)), default=0)
