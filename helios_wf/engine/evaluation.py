"""From feeds to the inputs of a job: defaults and links by ``Values``, then valueFrom, when and the range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET

from helios_wf.cwl.asked import Asked
from helios_wf.cwl.companions import asks_for_companions, lacking
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.inputs import Inputs, listed, loaded
from helios_wf.cwl.javascript import Work
from helios_wf.cwl.requirements import javascript_of
from helios_wf.cwl.schema import Types, fits, show
from helios_wf.engine.lost import single_reads
from helios_wf.engine.values import Values
from helios_wf.errors import JobError
from helios_wf.model import ExpressionTool, Resources, Tool
from helios_wf.model.noun import Json, digest
from helios_wf.model.plans import (
    Feed,
    Path,
    RangeBound,
    Task,
)
from helios_wf.plan.algebra import depth_of
from helios_wf.states import Cause


class Constants(NamedTuple):
    """Inputs that all jobs of a task share, and the digest under which a backend knows them."""

    digest: str
    inputs: dict[str, Json]


class Evaluator:
    """Evaluates the inputs of one task's jobs, as work that is done for many jobs together."""

    def __init__(self, task: Task, values: Values) -> None:
        self.task = task
        self._values = values
        chains = [len(other.chain) for other in values.plan.tasks]
        shared = [feed for feed in task.feeds if self._is_shared(feed, chains)]
        self._shared = tuple(shared)
        self._own = tuple(feed for feed in task.feeds if feed not in shared and not _is_range(feed))
        self._ranges = tuple(feed for feed in task.feeds if _is_range(feed))
        self._bounds = frozenset(feed.name for feed in self._ranges)
        self._evaluated = tuple(feed for feed in task.feeds if feed.value_from)
        declared = None if task.process is None else {parameter.name for parameter in task.process.inputs}
        self._declared = declared
        self._constants: Constants | None = None
        self._fixed: dict[str, Json] = {}
        """Values that feeds with ``valueFrom`` start from, of those that do not depend on the path."""
        self._unchanging = {feed.name for feed in self._own if self._depth(feed, chains) == 0}
        self._asked = Asked(task.process.body) if isinstance(task.process, Tool) else None
        self._resources: Resources | None = None
        self._companions = {
            parameter.name: parameter
            for parameter in (task.process.inputs if task.process else ())
            if asks_for_companions(parameter.type, parameter.secondary_files)
        }
        self._seen = _seen_by(task.process) if isinstance(task.process, ExpressionTool) else None

    def constants(self) -> Constants:
        """Returns the inputs that do not depend on the path; known once the task's first job is ready."""
        if self._constants is None:
            inputs = {
                feed.name: self._load(feed, self._values.value(feed.source, ())) for feed in self._shared
            }
            self._check_companions(inputs)
            self._constants = Constants(digest(self._named(inputs)), inputs)
        return self._constants

    def shared(self) -> dict[str, Json]:
        """Returns the constants that the tool declares: what a backend is told once."""
        return self._named(self.constants().inputs)

    def inputs(self, path: Path, override: dict[str, Json] | None = None) -> Work[dict[str, Json] | None]:
        """Evaluates the job's own inputs (over the constants); None when ``when`` is false.

        Raises:
            JobError: an expression failed, or ``when`` gave no boolean.
        """
        own = self._own_before(path, override)
        if self._evaluated or self.task.when:
            after = yield from self._after(own)
            if not (yield from self._when(after)):
                return None
            own |= {feed.name: after[feed.name] for feed in self._evaluated}
        for feed in self._ranges:
            value = self._values.value(feed.source, path)
            if value is not None:
                own[feed.name] = value
        self._check_companions(own)
        return self._named(own)

    def considered(self, path: Path) -> Work[dict[str, Json]]:
        """Evaluates what ``when`` is given.

        Raises:
            JobError: an expression failed, or what it reads is gone.
        """
        return (yield from self._after(self._own_before(path)))

    def _own_before(self, path: Path, override: dict[str, Json] | None = None) -> dict[str, Json]:
        return {feed.name: self._before(feed, path, override or {}) for feed in self._own}

    def _after(self, own: dict[str, Json]) -> Work[dict[str, Json]]:
        """Evaluates ``valueFrom`` over the inputs."""
        every = self.constants().inputs | own
        after = dict(every)
        for feed in self._evaluated:
            after[feed.name] = yield from self._value_from(feed, every)
        return after

    def resources(self, inputs: dict[str, Json]) -> Work[Resources]:
        """Evaluates what a job of the tool with these own inputs asks for."""
        if self._resources is not None:
            return self._resources
        assert self._asked is not None
        resources = yield from self._asked.work(self.shared() | inputs)
        if self._asked.is_fixed:
            self._resources = resources
        return resources

    @property
    def has_fixed_resources(self) -> bool:
        """Whether all jobs ask for what the first one asked for."""
        return self._resources is not None

    @property
    def bounds(self) -> frozenset[str]:
        """Names of the inputs that tell a tool which events it is to read."""
        return self._bounds

    def reads(self, path: Path) -> Iterator[tuple[int, Path]]:
        """Yields the single jobs whose outputs a job reads, to be fetched together with others."""
        plan = self._values.plan
        for feed in self._own:
            reads = single_reads(plan, feed.source, path)
            yield from ((task, at) for task, at in reads if plan.tasks[task].merge is None)

    def before(self, path: Path) -> Iterator[Json]:
        """Yields what a job's inputs are before anything of their files is read; not those that fail."""
        for feed in self.task.feeds:
            try:
                value = self._values.value(feed.source, path)
            except JobError:
                continue
            yield value

    def all_inputs(self, path: Path) -> Work[dict[str, Json] | None]:
        """Evaluates constants and own inputs together, with the process's defaults; None when skipped.

        Those of an ExpressionTool are completed: with secondary files, contents and listings as it asks.
        """
        own = yield from self.inputs(path)
        if own is None:
            return None
        every = self.shared() | own
        for parameter in self.task.process.inputs if self.task.process else ():
            if every.get(parameter.name) is None:
                every[parameter.name] = None if parameter.default is UNSET else parameter.default
        return every if self._seen is None else self._seen.prepare(every, None)

    def _is_shared(self, feed: Feed, chains: list[int]) -> bool:
        merged = self.task.merge is not None and feed.name == self.task.merge.input
        if feed.value_from or _is_range(feed) or merged:
            return False
        return self._depth(feed, chains) == 0

    def _depth(self, feed: Feed, chains: list[int]) -> int:
        return depth_of(feed.source, chains.__getitem__, self._values.plan.domains)

    def _before(self, feed: Feed, path: Path, given: dict[str, Json]) -> Json:
        """Returns the value of a feed before ``valueFrom``."""
        if feed.name in given:
            return given[feed.name]
        if feed.name in self._fixed:
            return self._fixed[feed.name]
        value = self._load(feed, self._values.value(feed.source, path))
        if feed.name in self._unchanging:
            self._fixed[feed.name] = value
        return value

    def _check_companions(self, inputs: dict[str, Json]) -> None:
        for name in self._companions.keys() & inputs.keys():
            parameter = self._companions[name]
            for what in lacking(inputs[name], parameter.type, parameter.secondary_files):
                text = f"input {name!r} of {self.task.name!r}: {what}; let its source have secondaryFiles too"
                raise JobError(Cause.BAD_INPUT, text)

    def _named(self, inputs: dict[str, Json]) -> dict[str, Json]:
        if self._declared is None:
            return inputs
        return {name: value for name, value in inputs.items() if name in self._declared}

    def _value_from(self, feed: Feed, inputs: dict[str, Json]) -> Work[Json]:
        assert feed.value_from is not None
        expression = compile_expression(feed.value_from, self.task.javascript)
        return (yield from expression.work(inputs, inputs.get(feed.name), {}))

    def _when(self, inputs: dict[str, Json]) -> Work[bool]:
        if self.task.when is None:
            return True
        value = yield from compile_expression(self.task.when, self.task.javascript).work(inputs, None, {})
        if not isinstance(value, bool):
            text = f"when: {self.task.when} of step {self.task.name!r} must give true or false, not {value!r}"
            raise JobError(Cause.EXPRESSION, text, self.task.when)
        return value

    def _load(self, feed: Feed, value: Json) -> Json:
        if feed.load_contents:
            value = loaded(value, feed.name)
        # as cwltool has it, valueFrom sees what a folder holds without being asked
        sees_below = feed.value_from is not None and "listing" in feed.value_from
        return listed(value, feed.load_listing or ("deep_listing" if sees_below else None))


def _seen_by(process: ExpressionTool) -> Inputs:
    ports = Types(process.body).ports(process.body.get("inputs"))
    return Inputs(process.body, ports, javascript_of(process.body))


def run_expression(task: Task, inputs: dict[str, Json]) -> Work[dict[str, Json]]:
    """Evaluates the outputs of an ExpressionTool.

    Args:
        task: one that runs it.
        inputs: complete, as ``Evaluator.all_inputs`` gives them.

    Raises:
        JobError: the expression failed, gave no object with the outputs, or one that is not of its type.
    """
    process = task.process
    assert isinstance(process, ExpressionTool)
    text = process.body["expression"]
    value = yield from compile_expression(text, javascript_of(process.body)).work(inputs, None, {})
    if not isinstance(value, dict):
        wrong = f"the expression of {task.name!r} must give an object of outputs, not {value!r}"
        raise JobError(Cause.EXPRESSION, wrong, text)
    outputs = {output.name: value.get(output.name) for output in process.outputs}
    types = Types(process.body)
    for output in process.outputs:
        kind, found = types.read(output.type), outputs[output.name]
        if kind.kind != "Any" and not fits(kind, found):
            wrong = (
                f"output {output.name!r} of {task.name!r} must be {kind}; the expression gave {show(found)}"
            )
            raise JobError(Cause.EXPRESSION, wrong, text)
    return outputs


def _is_range(feed: Feed) -> bool:
    return isinstance(feed.source, RangeBound)
