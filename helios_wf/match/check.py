"""What is wrong with the masks and names of one template: everything, with places."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from helios_wf import filters
from helios_wf.errors import FilterError, MaskError, Problem
from helios_wf.masks import Kind, Mask
from helios_wf.match.check_names import check_logs, check_outputs, check_values
from helios_wf.match.join import joined_order
from helios_wf.match.parts import BUILT_IN, scalar_inputs
from helios_wf.match.read import MaskedInput, Where, captured, read_input, starting
from helios_wf.model import Parameter, Workflow


def check_template(workflow: Workflow) -> list[Problem]:
    """Returns all mistakes in the masks, values and names of a workflow, in document order.

    What the fields may stand on, and which keys they have, is checked where the document is loaded.
    """
    problems: list[Problem] = []
    inputs: list[MaskedInput] = []
    for parameter in workflow.inputs:
        if parameter.mask is not None:
            problems += _check_field(parameter)
            if not problems:
                inputs.append(read_input(parameter, parameter.mask))
    if not problems:
        problems += _check_captures(workflow, inputs)
        problems += _check_joins(inputs)
        problems += [problem for each in inputs for problem in _check_where(each)]
    sound = inputs if not problems else None
    problems += check_values(workflow, sound)
    problems += check_outputs(workflow, sound)
    problems += check_logs(workflow, sound)
    return sorted(problems, key=_position)


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)


def _check_field(parameter: Parameter) -> Iterator[Problem]:
    """Yields what is wrong with the texts of one ``helios:mask``."""
    field = parameter.mask
    assert field is not None
    where = [] if field.where is None else [field.where]
    texts: list[tuple[str, Callable[[str], object], Sequence[str]]] = [
        ("mask", Mask.parse, [field.mask]),
        ("exclude", Mask.parse, field.exclude),
        ("where", Where.parse, where),
    ]
    for key, parse, given in texts:
        for text in given:
            try:
                parse(text)
            except (MaskError, FilterError) as error:
                yield Problem(parameter.place, f"input {parameter.name!r}, {key}: {error}")


def _check_captures(workflow: Workflow, inputs: Sequence[MaskedInput]) -> Iterator[Problem]:
    """Yields captures whose names are taken, or that are numbers in one mask and text in another."""
    scalars = set(scalar_inputs(workflow))
    values = {each.name: each.value for each in workflow.inputs}
    first: dict[str, tuple[MaskedInput, Kind]] = {}
    for each in inputs:
        for name, kind in each.mask.kinds.items():
            if name in BUILT_IN:
                yield _problem(
                    each, f"{{{name}}} is a name part of helios-wf's own; call the capture otherwise"
                )
            elif name in scalars and values[name] is None:
                yield _problem(
                    each,
                    f"the capture {{{name}}} has the name of an input without helios:value; "
                    f"give that input helios:value: '{{{name}}}', or one of them another name",
                )
            other, known = first.setdefault(name, (each, kind))
            if known.numeric != kind.numeric:
                yield _problem(
                    each,
                    f"{{{name}{kind}}} and {{{name}{known}}} of input {other.name!r} are never equal: one is "
                    "a number, the other text; give both a number format, or none",
                )


def _check_joins(inputs: Sequence[MaskedInput]) -> Iterator[Problem]:
    """Yields masks that start no run, combine everything with everything, or pick the last of nothing."""
    start = starting(inputs)
    if not start:
        if inputs:
            yield _problem(inputs[0], "no mask starts a run; at least one wants pick: all")
        return
    try:
        joined_order(start)
    except MaskError as error:
        yield Problem(start[-1].place, str(error))
    known = captured(start)
    own_of: dict[str, MaskedInput] = {}
    for each in inputs:
        own = [name for name in each.mask.captures if name not in known]
        if each.starts:
            continue
        if not own:
            yield _problem(
                each,
                "pick: last wants a capture of its own to be highest in, such as v{cv:int}; all captures of "
                f"{each.mask.text!r} are those of the masks that start runs",
            )
        for name in own:
            other = own_of.setdefault(name, each)
            if other is not each:
                yield _problem(
                    each,
                    f"{{{name}}} is a capture of input {other.name!r} too, and each is picked alone; "
                    "give the two captures different names",
                )


def _check_where(masked: MaskedInput) -> Iterator[Problem]:
    """Yields captures that a ``where`` compares with what they never are: a number with text."""
    waiting = [masked.where.node] if masked.where is not None else []
    while waiting:
        node = waiting.pop(0)
        waiting += filters.children(node)
        if isinstance(node, filters.Compare):
            pairs = [(node.left, node.right), (node.right, node.left)]
            found = [(name, other.value) for name, other in pairs if isinstance(other, filters.Literal)]
        elif isinstance(node, filters.Membership):
            found = [(node.operand, value) for value in node.values]
        else:
            continue
        for name, value in found:
            if isinstance(name, filters.Name) and name.name in masked.mask.kinds and value is not None:
                yield from _check_compared(masked, name.name, value)


def _check_compared(masked: MaskedInput, name: str, value: filters.Scalar) -> Iterator[Problem]:
    kind = masked.mask.kinds[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number if kind.numeric else isinstance(value, str)):
        what, right = ("a number", "a number") if kind.numeric else ("text", "text in quotes")
        shown = f"{json.dumps(value)} in {masked.where.text!r}" if masked.where else ""
        yield _problem(
            masked,
            f"where: the capture {{{name}{kind}}} is {what}, and {shown} is not; compare it with {right}",
        )


def _problem(masked: MaskedInput, message: str) -> Problem:
    return Problem(masked.place, f"input {masked.name!r}: {message}")
