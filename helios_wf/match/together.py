"""What is wrong with the templates of a repository together: versions, cycles, overlapping masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from helios_wf.errors import HeliosError, Problem
from helios_wf.masks import Kind, NamePattern, in_segment, may_produce, overlap
from helios_wf.match.parts import kinds, own_parts
from helios_wf.match.read import MaskedInput, masked_inputs, starting
from helios_wf.model import Workflow
from helios_wf.states import TemplateStatus

SHOWN = 5
"""How many templates whose masks overlap with one are named."""


class _Actual(NamedTuple):
    """An ACTUAL template: what it takes, and what it makes."""

    workflow: Workflow
    name: str
    inputs: tuple[MaskedInput, ...]
    outputs: tuple[tuple[str, NamePattern], ...]
    kinds: Mapping[str, Kind]


class _Edge(NamedTuple):
    """Something that one template makes and another takes."""

    maker: _Actual
    output: str
    taker: _Actual
    masked: MaskedInput
    example: str

    def __str__(self) -> str:
        return (
            f"{self.output} of {self.maker.name!r} is taken by input {self.masked.name!r} of "
            f"{self.taker.name!r} ({self.masked.mask.text!r}), such as {self.example!r}"
        )


def check_repository(workflows: Iterable[Workflow]) -> tuple[list[Problem], list[Problem]]:
    """Returns the mistakes of templates that lie together, and the warnings.

    Mistakes are two ACTUAL versions of a template, one version twice, and ACTUAL templates that start each
    other in a cycle; warnings are names that the masks of two ACTUAL templates take.  A template whose own
    masks or names are wrong is passed over: ``check_template`` says what is wrong with it.
    """
    templates = [workflow for workflow in workflows if workflow.template is not None]
    actual = [found for workflow in templates if (found := _read(workflow)) is not None]
    problems = [*_check_versions(templates), *_check_cycles(actual)]
    return problems, list(_overlaps(actual))


def _read(workflow: Workflow) -> _Actual | None:
    field = workflow.template
    if field is None or field.status is not TemplateStatus.ACTUAL:
        return None
    own = {name: value for name, value in own_parts(workflow).items() if in_segment(str(value))}
    texts = [(f"output {each.name!r}", each.dataset.dataset) for each in workflow.outputs if each.dataset]
    if field.logs is not None:
        texts.append(("a log", field.logs))
    try:
        patterns = tuple((what, NamePattern.parse(text).bind(own)) for what, text in texts)
        inputs = masked_inputs(workflow)
        return _Actual(workflow, field.template, inputs, patterns, kinds(inputs))
    except HeliosError:
        return None


def _check_versions(templates: Sequence[Workflow]) -> Iterator[Problem]:
    actual: dict[str, Workflow] = {}
    versions: dict[tuple[str, int], Workflow] = {}
    for workflow in templates:
        field = workflow.template
        assert field is not None
        other = versions.setdefault((field.template, field.version), workflow)
        if other is not workflow:
            yield Problem(
                workflow.place,
                f"template {field.template!r} version {field.version} is at {other.place} already; "
                "give this one a version of its own",
            )
            continue
        if field.status is not TemplateStatus.ACTUAL:
            continue
        other = actual.setdefault(field.template, workflow)
        if other is not workflow and other.template is not None:
            yield Problem(
                workflow.place,
                f"template {field.template!r} has two ACTUAL versions: {field.version} here and "
                f"{other.template.version} at {other.place}; make one of them ARCHIVED or DRAFT",
            )


def _check_cycles(actual: Sequence[_Actual]) -> Iterator[Problem]:
    from helios_wf.graph import CycleError, order

    edges = {(at, to): edge for at, to, edge in _edges(actual)}
    while edges:
        makers: dict[int, list[int]] = {at: [] for at in range(len(actual))}
        for at, to in edges:
            makers[to].append(at)
        try:
            order(makers)
        except CycleError as error:
            circle = [node for node in error.nodes if isinstance(node, int)]
            steps = list(zip(circle, [*circle[1:], circle[0]], strict=True))
            names = " -> ".join(actual[at].name for at in [*circle, circle[0]])
            told = "; ".join(str(edges[step]) for step in steps)
            yield Problem(
                actual[circle[0]].workflow.place, f"templates start each other for ever: {names}: {told}"
            )
            del edges[steps[-1]]
        else:
            return


def _edges(actual: Sequence[_Actual]) -> Iterator[tuple[int, int, _Edge]]:
    """Yields, for every two templates, the first thing that one makes and the other takes."""
    for at, maker in enumerate(actual):
        for to, taker in enumerate(actual):
            if at != to and (edge := _edge(maker, taker)) is not None:
                yield at, to, edge


def _edge(maker: _Actual, taker: _Actual) -> _Edge | None:
    for output, pattern in maker.outputs:
        for masked in taker.inputs:
            example = may_produce(pattern, masked.mask, maker.kinds, masked.exclude)
            if example is not None:
                return _Edge(maker, output, taker, masked, example)
    return None


def _overlaps(actual: Sequence[_Actual]) -> Iterator[Problem]:
    """Yields for each input that starts runs the templates before it that take some of the same names."""
    for number, right in enumerate(actual):
        for other in starting(right.inputs):
            shared = [
                (left, one, example)
                for left in actual[:number]
                if left.name != right.name
                for one in starting(left.inputs)
                if (example := overlap(one.mask, other.mask, [*one.exclude, *other.exclude])) is not None
            ]
            if shared:
                yield Problem(other.place, _shared(right, other, shared))


def _shared(right: _Actual, other: MaskedInput, shared: Sequence[tuple[_Actual, MaskedInput, str]]) -> str:
    """Returns what is said of an input and of those that take some of its names: the nearest in full."""
    left, one, example = shared[-1]
    others = list(dict.fromkeys(each.name for each, _, _ in shared[:-1] if each.name != left.name))
    more = f"; so do {', '.join(others[:SHOWN])}" if others else ""
    more += f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return (
        f"input {other.name!r} of {right.name!r} ({other.mask.text!r}) and {one.name!r} "
        f"of {left.name!r} ({one.mask.text!r}) both take names such as {example!r}{more}"
    )
