"""Plain CWL on Python values: what a workflow means without an engine, for tests to compare with.

Tools are pretended: ``call`` is a pure function of a tool's name and inputs.  A file is its list of events.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from msgspec import UNSET

from helios_wf.graph import order
from helios_wf.model import (
    EventRange,
    JobSpec,
    Layout,
    Output,
    Parameter,
    Place,
    RangeReport,
    Report,
    Step,
    StepInput,
    Tool,
    Workflow,
)

HERE = Place("made.cwl", 1, 1)


REJECTED = object()
"""The value of a link whose pickValue fails; only a job that reads it makes the workflow fail."""


class RejectedError(Exception):
    """Plain CWL would end this workflow with an error."""


def tool(name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> Tool:
    """Returns a tool that ``call`` pretends to run; the letters before ``_`` say what it does."""
    return Tool(
        name,
        tuple(Parameter(port, kind, HERE) for port, kind in inputs.items()),
        tuple(Output(port, kind, HERE) for port, kind in outputs.items()),
        {"class": "CommandLineTool", "cwlVersion": "v1.2", "name": name, "inputs": [], "outputs": []},
        HERE,
    )


def file(events: list[str], tag: str = "") -> dict[str, Any]:
    """Returns a file of these events; its path tells how many there are."""
    content = hashlib.sha1("\n".join([tag, *events]).encode()).hexdigest()
    name = content[:12]
    return {
        "class": "File",
        "path": f"/{len(events)}/{name}",
        "basename": name,
        "size": 10 * len(events),
        "checksum": f"sha1${content}",
        "events": events,
    }


def layout_of(path: str, table: str | None) -> Layout:
    """Returns the layout of a made file."""
    return Layout("lines", int(path.split("/")[1]))


def call(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the outputs of a pretended tool.

    ``text``: a text that shows its inputs; ``list``: none to three of them; ``event``: its file with each
    event changed, cut to ``[first_event, first_event + n_events)``; ``merge``: its files joined.
    """
    kind = name.partition("_")[0]
    rest = {key: plain(value) for key, value in sorted(inputs.items()) if value is not None}
    if kind == "text":
        return {"out": f"{name}{_short(rest)}"}
    if kind == "list":
        size = int(hashlib.sha1(repr(rest).encode()).hexdigest(), 16) % 4
        return {"out": [f"{name}{_short(rest)}#{index}" for index in range(size)]}
    if kind == "merge":
        return {"out": file([event for one in inputs["parts"] or [] if one for event in one["events"]])}
    if inputs.get("raw") is None:
        return {"out": None, "side": None}
    first, count = inputs.get("first_event") or 0, inputs.get("n_events")
    events = inputs["raw"]["events"][first : None if count is None else first + count]
    others = _short({key: rest[key] for key in rest if key not in ("raw", "first_event", "n_events")})
    tag = f"{name}{first}{count}"
    return {
        "out": file([f"{name}{others}<{event}>" for event in events], tag),
        "side": file([f"side<{event}>" for event in events], tag),
    }


def attempted(spec: JobSpec, values: dict[str, Any]) -> Report:
    """Returns the report of an attempt that went well, of its event ranges where it has any."""
    name = values[spec.tool]["name"]
    inputs = (values[spec.constants] if spec.constants else {}) | spec.inputs
    told = tuple(ranged(name, inputs, one) for one in spec.feeding.ranges) if spec.feeding else ()
    outputs = {} if spec.feeding else call(name, inputs)
    return Report(run=spec.run, key=spec.key, attempt=spec.attempt, outputs=outputs, ranges=told)


def ranged(name: str, inputs: dict[str, Any], one: EventRange) -> RangeReport:
    """Returns the report of an event range that went well."""
    bounds = {"first_event": one.first, "n_events": one.stop - one.first}
    return RangeReport(one.first, one.stop, one.number, outputs=call(name, inputs | bounds))


def _short(value: Any) -> str:
    text = ",".join(f"{key}={one}" for key, one in value.items())
    return f"({text})" if len(text) < 60 else f"({hashlib.sha1(text.encode()).hexdigest()[:10]})"


def plain(value: Any) -> Any:
    """Returns a value with files as their events."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return tuple(value["events"]) if isinstance(value, dict) and "events" in value else value


def events_of(value: Any) -> list[str]:
    """Returns the events of all files of a value, in order."""
    if isinstance(value, list):
        return [event for one in value for event in events_of(one)]
    return value["events"] if value else []


Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def interpret(workflow: Workflow, inputs: dict[str, Any], run: Call = call) -> dict[str, Any]:
    """Returns the outputs of a workflow; ``helios:`` fields have no meaning here.

    Raises:
        RejectedError: it cannot be done.
    """
    env = {p.name: _default(inputs.get(p.name), p.default) for p in workflow.inputs}
    steps = {step.name: step for step in workflow.steps}
    for name in order({n: _before(step) for n, step in steps.items()}):
        for port, value in _step(steps[name], env, run).items():
            env[f"{name}/{port}"] = value
    return {output.name: _link(output, env) for output in workflow.outputs}


def _before(step: Step) -> list[str]:
    return [source.split("/")[0] for port in step.inputs for source in port.sources if "/" in source]


def _default(value: Any, default: Any) -> Any:
    return default if value is None and default is not UNSET else value


def _link(port: StepInput | Output, env: dict[str, Any]) -> Any:
    values = [env[source] for source in port.sources]
    if not values:
        return None
    value: Any = values[0]
    if port.link_merge == "merge_flattened":
        value = [item for one in values for item in (one if isinstance(one, list) else [one])]
    elif port.link_merge == "merge_nested" or len(values) > 1:
        value = values
    if port.pick_value and isinstance(value, list):
        present = [one for one in value if one is not None]
        if port.pick_value == "all_non_null":
            return present
        if not present or (port.pick_value == "the_only_non_null" and len(present) > 1):
            return REJECTED
        return present[0]
    return value


def _step(step: Step, env: dict[str, Any], run: Call) -> dict[str, Any]:
    ports = {port.name: _default(_link(port, env), port.default) for port in step.inputs}
    for name in step.scatter:
        if not isinstance(ports[name], list):
            raise RejectedError("scatter over no array")
    if not step.scatter:
        return _once(step, ports, run)
    if step.scatter_method == "dotproduct":
        if len({len(ports[name]) for name in step.scatter}) > 1:
            raise RejectedError("lengths differ")
        rows = list(zip(*[ports[name] for name in step.scatter], strict=True))
        done = [_once(step, ports | dict(zip(step.scatter, row, strict=True)), run) for row in rows]
        return {port: [one[port] for one in done] for port in step.outputs}
    if step.scatter_method == "flat_crossproduct":
        done = [
            _once(step, ports | dict(zip(step.scatter, row, strict=True)), run)
            for row in product(*[ports[name] for name in step.scatter])
        ]
        return {port: [one[port] for one in done] for port in step.outputs}
    return _nested(step, ports, step.scatter, run)


def _nested(step: Step, ports: dict[str, Any], left: tuple[str, ...], run: Call) -> dict[str, Any]:
    if not left:
        return _once(step, ports, run)
    done = [_nested(step, ports | {left[0]: one}, left[1:], run) for one in ports[left[0]]]
    return {port: [one[port] for one in done] for port in step.outputs}


def _once(step: Step, ports: dict[str, Any], run: Call) -> dict[str, Any]:
    if any(value is REJECTED for value in ports.values()):
        raise RejectedError("pickValue")
    after = ports | {
        port.name: _expression(port.value_from, ports, ports[port.name])
        for port in step.inputs
        if port.value_from
    }
    if step.when is not None:
        goes = _expression(step.when, after, None)
        if not isinstance(goes, bool):
            raise RejectedError("when gives no boolean")
        if not goes:
            return dict.fromkeys(step.outputs)
    if isinstance(step.run, Workflow):
        return interpret(step.run, after, run)
    declared = {p.name for p in step.run.inputs}
    return run(step.run.name, {key: value for key, value in after.items() if key in declared})


def _expression(text: str, inputs: dict[str, Any], own: Any) -> Any:
    if text == "$(self)":
        return own
    found = re.fullmatch(r"\$\(inputs\.(\w+)\)", text)
    assert found, text
    return inputs[found[1]]


def steps_of(workflow: Workflow) -> Iterator[Step]:
    """Yields all steps of a workflow, those inside sub-workflows too."""
    for step in workflow.steps:
        yield step
        if isinstance(step.run, Workflow):
            yield from steps_of(step.run)
