"""What is wrong with the names that a template builds: of outputs, files, logs, and in values."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TypeAlias

from helios_wf.errors import MaskError, Problem, did_you_mean
from helios_wf.masks import Kind, NamePattern, Part, in_segment, may_produce
from helios_wf.match.naming import log_step, tool_steps
from helios_wf.match.parts import (
    BUILT_IN,
    FILE,
    OWN,
    RUN,
    STEP,
    is_array,
    is_text,
    kinds,
    own_parts,
    scalar_inputs,
)
from helios_wf.match.read import MaskedInput, captured, starting
from helios_wf.model import Output, Parameter, Place, Workflow

Inputs: TypeAlias = Sequence[MaskedInput] | None
"""The masked inputs, or None when something is wrong with them: then parts cannot be told to be unbound."""

_ALIKE = {"index", "stem", "basename"}


def check_values(workflow: Workflow, inputs: Inputs) -> Iterator[Problem]:
    """Yields what is wrong with each ``helios:value``."""
    for parameter in workflow.inputs:
        if parameter.value is None:
            continue
        what = f"input {parameter.name!r}, value"
        try:
            pattern = NamePattern.parse(parameter.value, use="value")
        except MaskError as error:
            yield Problem(parameter.place, f"{what}: {error}")
            continue
        if inputs is not None:
            known = kinds(inputs)
            yield from _check_parts(
                workflow, pattern, {*known, *_own(workflow)}, known, parameter.place, what
            )
            yield from _check_number(parameter, pattern, known)


def check_outputs(workflow: Workflow, inputs: Inputs) -> Iterator[Problem]:
    """Yields what is wrong with each ``helios:dataset``."""
    first: dict[str, Output] = {}
    for output in workflow.outputs:
        if output.dataset is None:
            continue
        what = f"output {output.name!r}, dataset"
        pattern = yield from _check_name(workflow, output.dataset.dataset, inputs, output.place, what)
        yield from _check_files(workflow, output, inputs)
        if pattern is not None:
            other = first.setdefault(pattern.shown(), output)
            if other is not output:
                message = f"output {other.name!r} has the same name; two outputs cannot become one dataset"
                yield Problem(output.place, f"{what}: {message}")


def check_logs(workflow: Workflow, inputs: Inputs) -> Iterator[Problem]:
    """Yields what is wrong with the ``logs`` of ``helios:template``."""
    if workflow.template is None or workflow.template.logs is None:
        return
    yield from _check_name(workflow, workflow.template.logs, inputs, workflow.place, "logs", STEP)
    for step in tool_steps(workflow):
        if not in_segment(log_step(step)):
            message = (
                f"the name of step {step!r} cannot stand in a dataset name; use letters, digits and _ + = -"
            )
            yield Problem(workflow.place, f"logs: {message}")


def _own(workflow: Workflow) -> tuple[str, ...]:
    return OWN if workflow.template is not None else ()


def _check_name(
    workflow: Workflow, text: str, inputs: Inputs, place: Place, what: str, *more: str
) -> Generator[Problem, None, NamePattern | None]:
    """Yields what is wrong with the name of a dataset, and returns its pattern if it is one."""
    try:
        pattern = NamePattern.parse(text)
    except MaskError as error:
        yield Problem(place, f"{what}: {error}")
        return None
    if inputs is None:
        return pattern
    known = kinds(inputs)
    allowed = {*known, *scalar_inputs(workflow), *_own(workflow), RUN, *more}
    problems = list(_check_parts(workflow, pattern, allowed, known, place, what))
    yield from problems
    missing = sorted(captured(starting(inputs)) - set(pattern.parts))
    if missing and RUN not in pattern.parts:
        yield Problem(place, f"{what}: {_not_unique(text, missing)}")
    if not problems:
        yield from _check_loop(workflow, pattern, inputs, place, what)
    return pattern


def _not_unique(text: str, missing: Sequence[str]) -> str:
    lacks = " and ".join(f"{{{name}}}" for name in missing)
    return (
        f"{text!r} lacks {lacks}, so two runs could write one dataset; put in every capture of the masks "
        "that start a run, or {run_id}"
    )


def _check_parts(
    workflow: Workflow,
    pattern: NamePattern,
    allowed: set[str],
    known: Mapping[str, Kind],
    place: Place,
    what: str,
) -> Iterator[Problem]:
    """Yields parts that nothing binds, that are ambiguous, or that want a number and get text."""
    inputs = {each.name: each for each in workflow.inputs}
    for part in {item.name: item for item in pattern.items if isinstance(item, Part)}.values():
        if part.name not in allowed:
            yield Problem(place, f"{what}: {_unbound(workflow, part.name, allowed)}")
        elif part.name in BUILT_IN and part.name in inputs:
            message = (
                f"{{{part.name}}} is helios-wf's own part; rename the input {part.name!r}, or leave it out"
            )
            yield Problem(place, f"{what}: {message}")
        elif part.kind.numeric and _is_text(part.name, known, inputs):
            yield Problem(
                place, f"{what}: {part} wants a number, and {part.name!r} is text; write {{{part.name}}}"
            )


def _is_text(name: str, known: Mapping[str, Kind], inputs: Mapping[str, Parameter]) -> bool:
    if name in known:
        return not known[name].numeric
    return name not in OWN[1:] and (name not in inputs or is_text(inputs[name].type)) and name != "index"


def _unbound(workflow: Workflow, name: str, allowed: set[str]) -> str:
    if name == STEP:
        return "{step} is there for 'logs' only"
    if name in FILE:
        return f"{{{name}}} is there for 'files' only"
    if name in (*OWN, RUN):
        why = "" if workflow.template else "; the workflow has no helios:template"
        return f"{{{name}}} is not known here{why}"
    if any(each.name == name for each in workflow.inputs):
        return (
            f"{{{name}}} is an input that cannot be used here; name parts are captures, and in names also "
            "inputs of type string, int, long, boolean or enum"
        )
    return f"nothing binds {{{name}}}{did_you_mean(name, allowed)}"


def _check_loop(
    workflow: Workflow, pattern: NamePattern, inputs: Sequence[MaskedInput], place: Place, what: str
) -> Iterator[Problem]:
    bound = pattern.bind(
        {name: value for name, value in own_parts(workflow).items() if in_segment(str(value))}
    )
    for each in inputs:
        example = may_produce(bound, each.mask, kinds(inputs), each.exclude)
        if example is not None:
            yield Problem(
                place,
                f"{what}: {pattern.text!r} may be taken by the template's own input {each.name!r} "
                f"({each.mask.text!r}), such as {example!r}: it would start itself for ever; "
                "change the name, or exclude it there",
            )


def _check_files(workflow: Workflow, output: Output, inputs: Inputs) -> Iterator[Problem]:
    field = output.dataset
    if field is None or field.files is None:
        return
    what = f"output {output.name!r}, files"
    try:
        pattern = NamePattern.parse(field.files, use="file")
    except MaskError as error:
        yield Problem(output.place, f"{what}: {error}")
        return
    if inputs is not None:
        known = kinds(inputs)
        allowed = {*known, *scalar_inputs(workflow), *_own(workflow), RUN, *FILE}
        wrong = list(_check_parts(workflow, pattern, allowed, known, output.place, what))
        yield from wrong
        if wrong:
            return
    if is_array(output.type) and not _ALIKE & set(pattern.parts):
        message = (
            f"{field.files!r} calls all files the same; put {{index:06d}}, {{stem}} or {{basename}} into it"
        )
        yield Problem(output.place, f"{what}: {message}")


def _check_number(parameter: Parameter, pattern: NamePattern, known: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yields what makes the value of an int or long no number."""
    if is_text(parameter.type):
        return
    for item in pattern.items:
        if isinstance(item, str):
            wrong = not item.lstrip("-").isdigit()
        else:
            wrong = item.name != "version" and not known.get(item.name, Kind("int")).numeric
        if wrong:
            message = f"the input is a whole number, and {str(item)!r} in {pattern.text!r} is text"
            yield Problem(parameter.place, f"input {parameter.name!r}, value: {message}")
