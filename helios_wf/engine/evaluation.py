"""From feeds to the inputs of a job: defaults and links by ``Values``, then valueFrom, when and the range."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from msgspec import UNSET

from helios_wf.cwl.command import has_fixed_resources, resources_of
from helios_wf.cwl.expressions import Expression, compile_expression
from helios_wf.cwl.inputs import loaded
from helios_wf.cwl.schema import Types, fits, show
from helios_wf.engine.values import Values
from helios_wf.errors import JobError
from helios_wf.model import ExpressionTool, Resources, Tool
from helios_wf.model.noun import Json, digest
from helios_wf.model.plans import (
    At,
    Defaulted,
    Feed,
    Guarded,
    JobOutput,
    Linked,
    Path,
    Plan,
    RangeBound,
    Source,
    Task,
)
from helios_wf.plan.algebra import depth_of, inner
from helios_wf.states import Cause


class Constants(NamedTuple):
    """Inputs that all jobs of a task share, and the digest under which a backend knows them."""

    digest: str
    inputs: dict[str, Json]


class Evaluator:
    """Evaluates the inputs of one task's jobs."""

    def __init__(self, task: Task, values: Values) -> None:
        self.task = task
        self._values = values
        chains = [len(other.chain) for other in values.plan.tasks]
        shared = [feed for feed in task.feeds if self._is_shared(feed, chains)]
        self._shared = tuple(shared)
        self._own = tuple(feed for feed in task.feeds if feed not in shared and not _is_range(feed))
        self._ranges = tuple(feed for feed in task.feeds if _is_range(feed))
        self._evaluated = tuple(feed for feed in task.feeds if feed.value_from)
        declared = None if task.process is None else {parameter.name for parameter in task.process.inputs}
        self._declared = declared
        self._constants: Constants | None = None
        self._resources: Resources | None = None

    def constants(self) -> Constants:
        """Returns the inputs that do not depend on the path; known once the task's first job is ready."""
        if self._constants is None:
            inputs = {
                feed.name: self._load(feed, self._values.value(feed.source, ())) for feed in self._shared
            }
            self._constants = Constants(digest(self._named(inputs)), inputs)
        return self._constants

    def shared(self) -> dict[str, Json]:
        """Returns the constants that the tool declares: what a backend is told once."""
        return self._named(self.constants().inputs)

    def inputs(self, path: Path, override: dict[str, Json] | None = None) -> dict[str, Json] | None:
        """Returns the job's own inputs (over the constants), or None when ``when`` is false.

        Raises:
            JobError: an expression failed, or ``when`` gave no boolean.
        """
        given = override or {}
        own = {
            feed.name: given[feed.name]
            if feed.name in given
            else self._load(feed, self._values.value(feed.source, path))
            for feed in self._own
        }
        if self._evaluated or self.task.when:
            every = self.constants().inputs | own
            after = every | {feed.name: self._value_from(feed, every) for feed in self._evaluated}
            if not self._when(after):
                return None
            own |= {feed.name: after[feed.name] for feed in self._evaluated}
        for feed in self._ranges:
            value = self._values.value(feed.source, path)
            if value is not None:
                own[feed.name] = value
        return self._named(own)

    def resources(self, inputs: dict[str, Json]) -> tuple[Resources, bool]:
        """Returns what a job of the tool with these own inputs asks for, and whether they all ask for it."""
        if self._resources is not None:
            return self._resources, True
        assert isinstance(self.task.process, Tool)
        body = self.task.process.body
        resources = resources_of(body, self.shared() | inputs)
        if has_fixed_resources(body):
            self._resources = resources
        return resources, self._resources is not None

    def reads(self, path: Path) -> Iterator[tuple[int, Path]]:
        """Yields the single jobs whose outputs a job reads, to be fetched together with others."""
        for feed in self._own:
            yield from _reads(self._values.plan, feed.source, path)

    def all_inputs(self, path: Path) -> dict[str, Json] | None:
        """Returns constants and own inputs together, with the process's defaults; None when skipped."""
        own = self.inputs(path)
        if own is None:
            return None
        every = self.shared() | own
        for parameter in self.task.process.inputs if self.task.process else ():
            if every.get(parameter.name) is None:
                every[parameter.name] = None if parameter.default is UNSET else parameter.default
        return every

    def _is_shared(self, feed: Feed, chains: list[int]) -> bool:
        merged = self.task.merge is not None and feed.name == self.task.merge.input
        if feed.value_from or _is_range(feed) or merged:
            return False
        return depth_of(feed.source, chains.__getitem__, self._values.plan.domains) == 0

    def _named(self, inputs: dict[str, Json]) -> dict[str, Json]:
        if self._declared is None:
            return inputs
        return {name: value for name, value in inputs.items() if name in self._declared}

    def _value_from(self, feed: Feed, inputs: dict[str, Json]) -> Json:
        assert feed.value_from is not None
        return _compiled(feed.value_from, self.task.javascript)(inputs, inputs.get(feed.name), {})

    def _when(self, inputs: dict[str, Json]) -> bool:
        if self.task.when is None:
            return True
        value = _compiled(self.task.when, self.task.javascript)(inputs, None, {})
        if not isinstance(value, bool):
            text = f"when: {self.task.when} of step {self.task.name!r} must give true or false, not {value!r}"
            raise JobError(Cause.EXPRESSION, text)
        return value

    def _load(self, feed: Feed, value: Json) -> Json:
        return loaded(value, feed.name) if feed.load_contents else value


def run_expression(task: Task, inputs: dict[str, Json]) -> dict[str, Json]:
    """Returns the outputs of an ExpressionTool.

    Raises:
        JobError: the expression failed, gave no object with the outputs, or one that is not of its type.
    """
    process = task.process
    assert isinstance(process, ExpressionTool)
    given = {
        p.name: loaded(inputs.get(p.name), p.name) if p.load_contents else inputs.get(p.name)
        for p in process.inputs
    }
    value = _compiled(process.body["expression"], _library(process))(given, None, {})
    if not isinstance(value, dict):
        raise JobError(
            Cause.EXPRESSION, f"the expression of {task.name!r} must give an object of outputs, not {value!r}"
        )
    outputs = {output.name: value.get(output.name) for output in process.outputs}
    types = Types(process.body)
    for output in process.outputs:
        kind, found = types.read(output.type), outputs[output.name]
        if kind.kind != "Any" and not fits(kind, found):
            text = (
                f"output {output.name!r} of {task.name!r} must be {kind}; the expression gave {show(found)}"
            )
            raise JobError(Cause.EXPRESSION, text)
    return outputs


def _reads(plan: Plan, source: Source, path: Path) -> Iterator[tuple[int, Path]]:
    match source:
        case JobOutput(task, _):
            yield task, path[: len(plan.tasks[task].chain)]
        case At(inside, positions):
            yield from _reads(plan, inside, tuple([path[position] for position in positions]))
        case Guarded(inside, task):
            yield task, path[: len(plan.tasks[task].chain)]
            yield from _reads(plan, inside, path)
        case Linked() | Defaulted():
            for part in inner(source):
                yield from _reads(plan, part, path)
        case _:
            return


def _is_range(feed: Feed) -> bool:
    return isinstance(feed.source, RangeBound)


def _library(process: ExpressionTool) -> tuple[str, ...] | None:
    from helios_wf.cwl.requirements import javascript_of

    return javascript_of(process.body)


@lru_cache(maxsize=1024)
def _compiled(text: str, javascript: tuple[str, ...] | None) -> Expression:
    return compile_expression(text, javascript)
