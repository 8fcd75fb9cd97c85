"""What a ``helios:`` field demands of the part that it stands on: types, names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import UNSET

from helios_wf.cwl.field_table import Found
from helios_wf.cwl.fields import Complaint
from helios_wf.errors import Problem, did_you_mean
from helios_wf.model import (
    EventsField,
    Json,
    MergeField,
    Output,
    Parameter,
    Place,
    SplitField,
    Step,
    Tool,
)


class Checks:
    """Collects the problems of the fields of one document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def _note(self, found: Found | None, check: Callable[[], Iterator[Complaint]]) -> None:
        if found is None:
            return
        for complaint in check():
            message = f"'helios:{found.name}': {complaint.message}"
            self.problems.append(Problem(found.at(complaint.key), message))

    def mask(self, parameter: Parameter, found: Found | None) -> None:
        """A mask takes files."""
        self._note(found, lambda: mask_fits(parameter))

    def default(self, type_: Json, default: Any, place: Place, of: str) -> None:
        """A default fits its type; whether a file is there is asked when it is used."""
        for message in default_misfits(type_, default):
            self.problems.append(Problem(place, f"the default of {of}{message}"))

    def value(self, parameter: Parameter, found: Found | None) -> None:
        """A value fills text or a whole number."""
        self._note(found, lambda: value_fits(parameter))

    def dataset(self, output: Output, found: Found | None) -> None:
        """A dataset is made of files."""
        self._note(found, lambda: dataset_fits(output))

    def split(self, step: Step, found: Found | None) -> None:
        """A split names inputs of its step and tool."""
        self._note(found, lambda: split_fits(step))

    def merge(self, step: Step, found: Found | None) -> None:
        """A merge reads a list of files."""
        self._note(found, lambda: merge_fits(step))

    def events(self, tool: Tool, found: Found | None) -> None:
        """An event stream is turned on by an optional input."""
        self._note(found, lambda: events_fit(tool))


def default_misfits(type_: Json, default: Any) -> Iterator[str]:
    """Yields why a default is no value of its type: `` must be a number, not 'high'``."""
    from helios_wf.cwl.job_values import Reader

    if default is UNSET or default is None:
        return
    reader = Reader(Path("/"), look=False)
    reader.read(default, type_)
    for misfit in reader.misfits:
        of = "" if shown(type_) in misfit.message else f"; its type is {shown(type_)}"
        yield f"{misfit.where} {misfit.message}{of}"


def mask_fits(parameter: Parameter) -> Iterator[Complaint]:
    """Yields what is wrong with a mask on this input."""
    if bare(parameter.type) not in ("File", {"type": "array", "items": "File"}):
        yield Complaint(
            None, f"an input with a mask must be of type File or File[], not {shown(parameter.type)}"
        )
    if parameter.value is not None:
        yield Complaint(None, "an input has a mask or a value, not both")


def value_fits(parameter: Parameter) -> Iterator[Complaint]:
    """Yields what is wrong with a value on this input."""
    if bare(parameter.type) not in ("string", "int", "long"):
        yield Complaint(
            None, f"an input with a value must be of type string, int or long, not {shown(parameter.type)}"
        )


def dataset_fits(output: Output) -> Iterator[Complaint]:
    """Yields what is wrong with a dataset on this output."""
    inner = bare(output.type)
    while isinstance(inner, dict) and inner.get("type") == "array":
        inner = bare(inner["items"])
    if inner != "File":
        yield Complaint(
            None, f"a dataset is made of an output of File, File[] or File[][], not {shown(output.type)}"
        )


def split_fits(step: Step) -> Iterator[Complaint]:
    """Yields what is wrong with the split of this step."""
    split = step.split
    assert isinstance(split, SplitField)
    ports = {port.name: port for port in step.run.inputs}
    wired = {entry.name for entry in step.inputs}
    if split.input is not None:
        yield from _cuts(split.input, step)
    for key, name in (("first", split.first), ("count", split.count)):
        port = ports.get(name)
        what = f"{step.run.name!r} must have an input {name!r} of type long? or int?"
        if port is None:
            near = did_you_mean(name, ports)
            yield Complaint(key, f"{what}, to be told its events{near if near.startswith('; did') else ''}")
        elif bare(port.type) not in ("int", "long"):
            yield Complaint(key, f"{what}, not {shown(port.type)}")
        elif not optional(port) and name not in wired:
            yield Complaint(key, f"{what}: a plain run does not give it")
    index = ports.get(split.index)
    if index is not None and split.index not in wired and (bare(index.type) != "File" or not optional(index)):
        what = f"{step.run.name!r} must have {split.index!r}, its row index, as an input of type File?"
        yield Complaint("index", f"{what}, not {shown(index.type)}")
    if split.input is None and split.count not in wired:
        yield Complaint(
            None, f"without 'input', the step must bind {split.count!r}: the number of events to make"
        )
    if step.merge is not None:
        yield Complaint(None, "a step has a split or a merge, not both")


def _cuts(name: str, step: Step) -> Iterator[Complaint]:
    if name not in {entry.name for entry in step.inputs}:
        yield Complaint(
            "input", f"{name!r} is no input of the step{did_you_mean(name, [i.name for i in step.inputs])}"
        )
        return
    types = [port.type for port in step.run.inputs if port.name == name]
    if types and bare(types[0]) != "File":
        message = f"{name!r} must be one File for {step.run.name!r}, not {shown(types[0])}"
        yield Complaint("input", message + ("" if name in step.scatter else "; scatter over the files"))


def merge_fits(step: Step) -> Iterator[Complaint]:
    """Yields what is wrong with the merge of this step."""
    merge = step.merge
    assert isinstance(merge, MergeField)
    if merge.input not in {entry.name for entry in step.inputs}:
        near = did_you_mean(merge.input, [entry.name for entry in step.inputs])
        yield Complaint("input", f"{merge.input!r} is no input of the step{near}")
        return
    types = [port.type for port in step.run.inputs if port.name == merge.input]
    if not types or bare(types[0]) != {"type": "array", "items": "File"}:
        given = shown(types[0]) if types else "nothing"
        yield Complaint("input", f"{merge.input!r} must be of type File[] for {step.run.name!r}, not {given}")


def events_fit(tool: Tool) -> Iterator[Complaint]:
    """Yields what is wrong with the event stream of this tool."""
    events = tool.events
    assert isinstance(events, EventsField)
    for key, name, type_ in (("resident", events.resident, "boolean"), ("folder", events.folder, "string")):
        if name is None:
            continue
        port = next((port for port in tool.inputs if port.name == name), None)
        if port is None:
            yield Complaint(
                key, f"{name!r} is no input of the tool{did_you_mean(name, [p.name for p in tool.inputs])}"
            )
        elif bare(port.type) != type_ or not optional(port):
            yield Complaint(key, f"{name!r} must be of type {type_}?, not {shown(port.type)}")


def bare(type_: Json) -> Json:
    """Returns a type without null, and arrays without what is beside ``items``."""
    if isinstance(type_, list):
        others = [item for item in type_ if item != "null"]
        return bare(others[0]) if len(others) == 1 else others
    if isinstance(type_, dict) and type_.get("type") == "array":
        return {"type": "array", "items": bare(type_["items"])}
    if isinstance(type_, dict) and isinstance(type_.get("type"), str) and len(type_) == 1:
        return type_["type"]
    return type_


def optional(port: Parameter) -> bool:
    """Says whether a process may be run without this input."""
    return (
        port.default is not UNSET
        or port.type == "null"
        or (isinstance(port.type, list) and "null" in port.type)
    )


def shown(type_: Json) -> str:
    """Returns a type as people write it: ``File[]?``."""
    if isinstance(type_, list):
        others: list[Any] = [item for item in type_ if item != "null"]
        mark = "?" if len(others) < len(type_) else ""
        return (shown(others[0]) if len(others) == 1 else f"({' or '.join(map(shown, others))})") + mark
    if isinstance(type_, dict):
        return f"{shown(type_['items'])}[]" if type_.get("type") == "array" else str(type_.get("type"))
    return str(type_)
