"""The domains of a plan that is being made: a step takes over those of what it reads, or adds its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from helios_wf.model import RetryField, Step, TolerateField
from helios_wf.model.plans import Axis, Cut, Domain, Element, JobOutput, Source, Task
from helios_wf.plan.algebra import element, flat, parts_of
from helios_wf.plan.cuts import levels_before_cut, lists_parts

Levels = tuple[tuple[int, bool], ...]
"""Domains of a step, outermost first; each with whether gathering over it splices."""


class Scope(NamedTuple):
    """Where a step stands: the prefix of its name, the domains and guards around it, and what it inherits."""

    prefix: str
    chain: tuple[int, ...]
    guards: tuple[int, ...]
    retry: RetryField
    tolerate: TolerateField | None


class Domains:
    """All domains so far, by number.

    Args:
        tasks: the tasks so far; it grows.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.all: list[Domain] = []
        self._tasks = tasks

    def add(self, domain: Domain) -> int:
        """Adds a domain, whose number must be the next one, and returns that."""
        self.all.append(domain)
        return domain.number

    def is_split(self, domain: int) -> bool:
        """Says whether a domain is that of a split step."""
        return self.all[domain].cut is not None

    def is_cut(self, domain: int) -> bool:
        """Says whether a domain's size depends on how files were cut (or a merge's outputs closed)."""
        axes = self.all[domain].axes
        is_own = self.is_split(domain) or self.all[domain].parts is not None
        return is_own or any(parts_of(axis.source, self.is_cut) for axis in axes)

    def adopt(
        self, step: Step, scope: Scope, sources: dict[str, Source]
    ) -> tuple[tuple[int, ...], dict[str, Source]] | None:
        """Takes over the domains that the scattered arrays were gathered over, if they all have the same."""
        if step.scatter_method != "dotproduct" and len(sources) > 1:
            return None
        flats = {port: found for port, source in sources.items() if (found := flat(source))}
        chains = {found.domains for found in flats.values()}
        if len(chains) != 1 or len(flats) < len(sources):
            return None
        (domains,) = chains
        outermost = self.all[domains[0]]
        if outermost.chain != scope.chain:
            return None
        if outermost.guards != scope.guards and len(domains) == 1 and outermost.cut is None:
            return None
        elements = {port: found.source for port, found in flats.items()}
        lists = [found.source for found in flats.values() if found.is_listed]
        if not lists:
            return domains, elements
        parts = self._parts_of(lists[0])
        depth = len(parts.chain)
        return (*domains, parts.number), {port: Element(one, depth, depth) for port, one in elements.items()}

    def _parts_of(self, listed: Source) -> Domain:
        """Returns the domain of the parts that a job lists; it is made when it is asked for first."""
        assert isinstance(listed, JobOutput)
        found = next((domain for domain in self.all if domain.parts == listed.task), None)
        if found is None:
            task = self._tasks[listed.task]
            cut = self.all[task.chain[-1]]
            found = Domain(
                len(self.all), task.name, task.place, task.chain, parts=task.number, guards=cut.guards
            )
            self.add(found)
        return found

    def scatter(
        self, step: Step, scope: Scope, sources: dict[str, Source], groups: Sequence[Sequence[str]]
    ) -> tuple[tuple[int, ...], dict[str, Source]]:
        """Adds a domain for each group of scattered inputs; returns them, and the inputs' elements."""
        depth = len(scope.chain)
        shift = levels_before_cut(step, len(groups)) - 1
        domains: list[int] = []
        elements: dict[str, Source] = {}
        for index, group in enumerate(groups):
            position = depth + index + (1 if index > shift else 0)
            for port in group:
                elements[port] = element(sources[port], position, depth, self.all)
            axes = tuple(Axis(port, sources[port]) for port in group)
            chain = (*scope.chain, *domains)
            domains.append(
                self.add(Domain(len(self.all), scope.prefix, step.place, chain, axes, guards=scope.guards))
            )
        return tuple(domains), elements

    def split(self, step: Step, scope: Scope, levels: Levels, cut: Cut) -> tuple[Scope, Levels]:
        """Adds the domain of a split step where its file's index stands; returns where it stands with it."""
        before = levels_before_cut(step, len(levels))
        chain = scope.chain[: len(scope.chain) - len(levels) + before]
        number = self.add(
            Domain(len(self.all), scope.prefix, step.place, chain, cut=cut, guards=scope.guards)
        )
        later = tuple(domain for domain, _ in levels[before:])
        for offset, domain in enumerate(later):
            inserted = (*chain, number, *later[:offset])
            self.all[domain] = msgspec.structs.replace(self.all[domain], chain=inserted)
        own = list(levels)
        if before:
            own[before - 1] = (own[before - 1][0], True)
        own.insert(before, (number, lists_parts(step) and not later))
        return scope._replace(chain=(*chain, number, *later)), tuple(own)

    def split_around(self, scope: Scope) -> int:
        """Returns the domain of the split step that stands here."""
        own = (d for d in reversed(scope.chain) if self.is_split(d) and self.all[d].step == scope.prefix)
        return next(own)

    def last_split(self, chain: tuple[int, ...]) -> int | None:
        """Returns the split domain whose ranges the jobs of a chain have, if they have any."""
        cuts = [d for d in chain if self.is_split(d) or self.all[d].parts is not None]
        return cuts[-1] if cuts and self.is_split(cuts[-1]) else None
