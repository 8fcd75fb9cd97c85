"""From a document to its plan: sub-workflows inlined, scatters and splits as domains, links as sources."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from helios_wf.errors import Problem, TemplateError
from helios_wf.graph import CycleError, order
from helios_wf.model import (
    Document,
    ExpressionTool,
    Output,
    Parameter,
    Process,
    RetryField,
    Step,
    StepInput,
    Tool,
    Workflow,
)
from helios_wf.model.plans import (
    Constant,
    Cut,
    Feed,
    Gathered,
    Guarded,
    JobOutput,
    Linked,
    MergeOutput,
    Plan,
    PlannedOutput,
    RangeBound,
    RunInput,
    Source,
    Task,
)
from helios_wf.plan import lossy, rules
from helios_wf.plan.algebra import defaulted, gathered
from helios_wf.plan.cuts import fed, lists_parts
from helios_wf.plan.domains import Domains, Levels, Scope


def plan_document(document: Document) -> Plan:
    """Returns the plan of a document; a bare tool becomes a workflow of one step.

    Raises:
        TemplateError: steps depend on each other in a circle, or parts are read where that has no meaning.
    """
    workflow = _as_workflow(document.process)
    planner = _Planner()
    attempts = RetryField() if workflow.template else RetryField(attempts=1)
    scope = Scope("", (), (), workflow.retry or attempts, workflow.tolerate)
    inputs: dict[str, Source] = {parameter.name: RunInput(parameter.name) for parameter in workflow.inputs}
    sources = planner.workflow(workflow, scope, inputs)
    outputs = []
    for output in workflow.outputs:
        source = sources[output.name]
        planner.problems += rules.output_of_parts(output, source, planner.domains.is_cut)
        planner.problems += lossy.output_of_lost(output, source, planner.lossy)
        outputs.append(PlannedOutput(output, source))
    if planner.problems:
        raise TemplateError(planner.problems)
    tasks, domains = tuple(planner.tasks), tuple(planner.domains.all)
    return Plan(workflow.inputs, tasks, domains, tuple(outputs), document.expressions)


def _as_workflow(process: Process) -> Workflow:
    if isinstance(process, Workflow):
        return process
    name = process.name.rsplit("/", 1)[-1].removesuffix(".cwl") or "main"
    step = Step(
        name=name,
        run=process,
        inputs=tuple(StepInput(p.name, p.place, sources=(p.name,)) for p in process.inputs),
        outputs=tuple(output.name for output in process.outputs),
        place=process.place,
    )
    outputs = tuple(
        msgspec.structs.replace(output, sources=(f"{name}/{output.name}",)) for output in process.outputs
    )
    return Workflow(name, process.inputs, outputs, (step,), process.place)


class _Planner:
    """Collects tasks, domains and problems while it walks the workflow."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.domains = Domains(self.tasks)
        self.problems: list[Problem] = []
        self.lossy: dict[int, str] = {}
        """Names of the tasks whose jobs may be lost, by number."""

    def workflow(self, workflow: Workflow, scope: Scope, inputs: dict[str, Source]) -> dict[str, Source]:
        """Adds a workflow's steps and returns its outputs as sources."""
        env = dict(inputs)
        steps = {step.name: step for step in workflow.steps}
        needs = {name: _steps_before(step, steps) for name, step in steps.items()}
        try:
            names = order(needs)
        except CycleError as error:
            place = steps[str(error.nodes[0])].place
            raise TemplateError(
                [Problem(place, f"steps depend on each other in a circle: {error}")]
            ) from None
        for name in names:
            env.update(self.step(steps[name], scope, env))
        return {output.name: self._link(output, env) for output in workflow.outputs}

    def step(self, step: Step, scope: Scope, env: dict[str, Source]) -> dict[str, Source]:
        """Adds a step and returns its outputs as ``step/output`` sources."""
        inside = scope._replace(
            prefix=f"{scope.prefix}{step.name}",
            retry=step.retry or scope.retry,
            tolerate=step.tolerate or scope.tolerate,
        )
        feeds = {port.name: self._feed(port, env) for port in step.inputs}
        feeds, inside, levels = self._scatter(step, inside, feeds)
        inside, levels = self._split(step, inside, feeds, levels)
        self.problems += rules.plain_reads(step, feeds, self.domains.is_cut)
        self.problems += lossy.whole_reads(step, feeds, self.lossy)
        self.problems += rules.merges_on(step, step.run)
        if isinstance(step.run, Workflow):
            feeds = _loading(feeds, step.run)
            outputs = self._subworkflow(step, step.run, inside, feeds)
        else:
            outputs = self._task(step, step.run, inside, feeds)
        return {f"{step.name}/{port}": gathered(source, levels) for port, source in outputs.items()}

    def _feed(self, port: StepInput, env: dict[str, Source]) -> Feed:
        source = self._link(port, env)
        default = None if port.default is UNSET else port.default
        return Feed(
            port.name,
            defaulted(source, default),
            port.place,
            port.value_from,
            port.load_contents,
            port.load_listing,
        )

    def _link(self, port: StepInput | Output, env: dict[str, Source]) -> Source:
        if not port.sources:
            return Constant(None)
        sources = tuple(env[name] for name in port.sources)
        merge = port.link_merge
        is_flat = merge is None or (merge == "merge_flattened" and _is_array(sources[0]))
        if len(sources) == 1 and port.pick_value is None and is_flat:
            return sources[0]
        return Linked(sources, merge, port.pick_value)

    # -- index domains -------------------------------------------------------------------------------------

    def _scatter(
        self, step: Step, scope: Scope, feeds: dict[str, Feed]
    ) -> tuple[dict[str, Feed], Scope, Levels]:
        if not step.scatter:
            return feeds, scope, ()
        sources = {port: feeds[port].source for port in step.scatter}
        adopted = self.domains.adopt(step, scope, sources)
        if adopted is not None:
            domains, elements = adopted
            levels = tuple((domain, index < len(domains) - 1) for index, domain in enumerate(domains))
        else:
            self.problems += rules.scattered_parts(step, feeds, self.domains.is_cut)
            groups = (
                [step.scatter] if step.scatter_method == "dotproduct" else [(port,) for port in step.scatter]
            )
            domains, elements = self.domains.scatter(step, scope, sources, groups)
            is_flat = step.scatter_method == "flat_crossproduct"
            levels = tuple(
                (domain, is_flat and index < len(domains) - 1) for index, domain in enumerate(domains)
            )
        feeds = feeds | {
            port: msgspec.structs.replace(feeds[port], source=source) for port, source in elements.items()
        }
        return feeds, scope._replace(chain=(*scope.chain, *domains)), levels

    def _split(
        self, step: Step, scope: Scope, feeds: dict[str, Feed], levels: Levels
    ) -> tuple[Scope, Levels]:
        field = step.split
        if field is None:
            return scope, levels
        of_parts = any(self.domains.is_cut(domain) for domain in scope.chain)
        self.problems += rules.late_cuts(step, field, feeds, of_parts)
        none = Constant(None)
        cut = Cut(
            field,
            feeds[field.input].source if field.input else None,
            feeds[field.first].source if field.first in feeds else none,
            feeds[field.count].source if field.count in feeds else none,
        )
        return self.domains.split(step, scope, levels, cut)

    # -- what stands in a step -----------------------------------------------------------------------------

    def _range_feeds(self, step: Step, scope: Scope) -> dict[str, Feed]:
        """What a split step's tool is told of its range: first event, number of events, row index."""
        if step.split is None:
            return {}
        number = self.domains.split_around(scope)
        position = scope.chain.index(number)
        first, count, index = step.split.first, step.split.count, step.split.index
        told = {
            first: Feed(first, RangeBound(number, position, "first"), step.place),
            count: Feed(count, RangeBound(number, position, "count"), step.place),
        }
        bound = {port.name for port in step.inputs}
        if step.split.input and index not in bound and any(port.name == index for port in step.run.inputs):
            told[index] = Feed(index, RangeBound(number, position, "index"), step.place)
        return told

    def _subworkflow(
        self, step: Step, workflow: Workflow, scope: Scope, feeds: dict[str, Feed]
    ) -> dict[str, Source]:
        inside = scope._replace(prefix=f"{scope.prefix}/")
        evaluated = [feed.name for feed in feeds.values() if rules.is_evaluated(feed)]
        entry = None
        sources = {name: feed.source for name, feed in feeds.items()}
        if evaluated or step.when is not None:
            entry = self._entry(step, scope, feeds, evaluated)
            sources |= {name: JobOutput(entry, name) for name in evaluated}
            if step.when is not None:
                inside = inside._replace(guards=(*scope.guards, entry))
        sources |= {name: feed.source for name, feed in self._range_feeds(step, scope).items()}
        inputs = {parameter.name: _parameter(parameter, sources) for parameter in workflow.inputs}
        outputs = self.workflow(workflow, inside, inputs)
        if entry is not None and step.when is not None:
            return {name: Guarded(source, entry) for name, source in outputs.items()}
        return outputs

    def _entry(self, step: Step, scope: Scope, feeds: dict[str, Feed], evaluated: Sequence[str]) -> int:
        return self._add_task(step, scope, None, tuple(feeds.values()), tuple(evaluated))

    def _task(
        self, step: Step, process: Tool | ExpressionTool, scope: Scope, feeds: dict[str, Feed]
    ) -> dict[str, Source]:
        every = (*feeds.values(), *self._range_feeds(step, scope).values())
        ports = tuple(output.name for output in process.outputs)
        number = self._add_task(step, scope, process, every, ports)
        if step.merge is None:
            return {port: JobOutput(number, port) for port in ports}
        many = step.merge.target_size is not None or step.merge.target_events is not None
        return {port: MergeOutput(number, port, many) for port in ports}

    def _add_task(
        self,
        step: Step,
        scope: Scope,
        process: Tool | ExpressionTool | None,
        feeds: tuple[Feed, ...],
        outputs: tuple[str, ...],
    ) -> int:
        split = self.domains.last_split(scope.chain)
        task = Task(
            number=len(self.tasks),
            name=scope.prefix,
            place=step.place,
            process=process,
            feeds=feeds,
            outputs=outputs,
            chain=scope.chain,
            guards=scope.guards,
            when=step.when,
            javascript=step.javascript,
            split=split,
            fed=fed(step) if lists_parts(step) and split is not None and split == scope.chain[-1] else None,
            merge=step.merge if process is not None else None,
            retry=scope.retry,
            tolerate=lossy.tolerated(step, scope.tolerate),
        )
        self.tasks.append(task)
        if lossy.is_lossy(task, self.domains.all, self.lossy):
            self.lossy[task.number] = task.name
        return task.number


def _loading(feeds: dict[str, Feed], workflow: Workflow) -> dict[str, Feed]:
    """Returns the feeds of a sub-workflow, with contents and listings where its inputs ask for them."""
    ports = {port.name: port for port in workflow.inputs}
    found = {}
    for name, feed in feeds.items():
        port = ports.get(name)
        if port is not None:
            loads = feed.load_contents or port.load_contents
            listing = feed.load_listing or port.load_listing
            feed = msgspec.structs.replace(feed, load_contents=loads, load_listing=listing)
        found[name] = feed
    return found


def _is_array(source: Source) -> bool:
    """Says whether a source is surely an array, which flattening leaves as it is."""
    return isinstance(source, Gathered) or (isinstance(source, MergeOutput) and source.many)


def _steps_before(step: Step, steps: dict[str, Step]) -> list[str]:
    names = {source.partition("/")[0] for port in step.inputs for source in port.sources if "/" in source}
    return [name for name in names if name in steps]


def _parameter(parameter: Parameter, sources: dict[str, Source]) -> Source:
    source = sources.get(parameter.name, Constant(None))
    return defaulted(source, None if parameter.default is UNSET else parameter.default)
