"""Name parts: what names, file names and values of a template may be made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from helios_wf.masks import Kind
from helios_wf.match.read import MaskedInput
from helios_wf.model import Json, Workflow

OWN = ("template", "version")
"""Parts that the template itself gives."""
RUN = "run_id"
STEP = "step"
FILE = ("dataset", "index", "ext", "stem", "basename")
"""Parts that a file gives to its name."""
BUILT_IN = frozenset({*OWN, RUN, STEP, *FILE})

_SCALARS = frozenset({"string", "int", "long", "boolean"})


def is_scalar(type_: Json) -> bool:
    """Says whether values of a CWL type can stand in a name: text, whole numbers, booleans, enums."""
    if isinstance(type_, list):
        others = [each for each in type_ if each != "null"]
        return bool(others) and all(is_scalar(each) for each in others)
    if isinstance(type_, dict):
        return type_.get("type") == "enum" or (len(type_) == 1 and is_scalar(type_.get("type")))
    return isinstance(type_, str) and type_.removesuffix("?") in _SCALARS


def is_text(type_: Json) -> bool:
    """Says whether a scalar type has no numbers among its values."""
    members = type_ if isinstance(type_, list) else [type_]
    return not any(str(each).removesuffix("?") in ("int", "long") for each in members)


def is_array(type_: Json) -> bool:
    """Says whether a CWL type is an array (or an array or null)."""
    if isinstance(type_, list):
        return any(is_array(each) for each in type_)
    if isinstance(type_, dict):
        return type_.get("type") == "array"
    return isinstance(type_, str) and type_.removesuffix("?").endswith("[]")


def scalar_inputs(workflow: Workflow) -> tuple[str, ...]:
    """Returns the names of the inputs whose values can stand in a name."""
    return tuple(parameter.name for parameter in workflow.inputs if is_scalar(parameter.type))


def own_parts(workflow: Workflow) -> dict[str, Json]:
    """Returns the parts that the template gives: its name and version."""
    field = workflow.template
    return {} if field is None else {"template": field.template, "version": field.version}


def kinds(inputs: Iterable[MaskedInput]) -> dict[str, Kind]:
    """Returns what the captures of some inputs take; the first mask that has one says it."""
    found: dict[str, Kind] = {}
    for each in inputs:
        for name, kind in each.mask.kinds.items():
            found.setdefault(name, kind)
    return found


def values(
    workflow: Workflow, captures: Mapping[str, Json], inputs: Mapping[str, Json], run_id: str | None
) -> dict[str, Json]:
    """Returns the value of every part: the built-in one, else the capture, else the input of that name."""
    found = {name: inputs[name] for name in scalar_inputs(workflow) if inputs.get(name) is not None}
    found.update(captures)
    found.update(own_parts(workflow))
    if run_id is not None:
        found[RUN] = run_id
    return found
