"""The inputs of one job, as its tool's expressions and command line see them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from helios_wf.cwl.expressions import Javascript, evaluate, is_expression
from helios_wf.cwl.files import (
    Stage,
    contents,
    is_file_or_directory,
    listing,
    localise,
    secondary_name,
    to_location,
    to_path,
)
from helios_wf.cwl.requirements import requirement
from helios_wf.cwl.schema import Port, Type, UncoveredError, as_list, fits, show
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

Change: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]


class Inputs:
    """The inputs of a tool, compiled: an input object to what expressions see as ``inputs``."""

    def __init__(self, body: Mapping[str, Json], ports: tuple[Port, ...], javascript: Javascript) -> None:
        self._ports = [_Input(port, body, javascript) for port in ports]

    def fill(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """Returns the input object with defaults for what is absent or null, and null for the rest.

        Raises:
            JobError: a value does not fit its input's type; ``Cause.BAD_INPUT``.
        """
        return {each.name: each.fill(given.get(each.name)) for each in self._ports}

    def prepare(self, given: Mapping[str, Json], stage: Stage) -> dict[str, Json]:
        """Returns the filled input object with files found, staged, listed and loaded as the tool asks.

        Raises:
            JobError: a value does not fit, or a file is not there; ``Cause.BAD_INPUT``.
        """
        filled = self.fill(given)
        for each in self._ports:
            if each.holds_files and filled[each.name] is not None:
                filled[each.name] = each.prepare(filled, stage)
        return filled


class _Input:
    __slots__ = ("_given", "_javascript", "_listing", "_loads", "_type", "holds_files", "name")

    def __init__(self, port: Port, body: Mapping[str, Json], javascript: Javascript) -> None:
        self.name = port.name
        self._type = Type("File") if port.type.kind == "stdin" else port.type
        self._given = port.given
        self._javascript = javascript
        self.holds_files = self._type.holds_files()
        required = requirement(body, "LoadListingRequirement") or {}
        self._listing = port.given.get("loadListing") or required.get("loadListing") or "no_listing"
        self._loads = bool(
            (port.given.get("inputBinding") or {}).get("loadContents") or port.given.get("loadContents")
        )
        if port.given.get("format") and body.get("$schemas"):
            raise UncoveredError(f"the format of {self.name} is checked against an ontology ($schemas)")
        if _asks_below(port.type):
            raise UncoveredError(f"a record in {self.name} asks for secondary files or a format")

    def fill(self, value: Json) -> Json:
        if value is None:
            value = self._given.get("default")
        if not fits(self._type, value) and not (value is not None and self._type.kind == "Any"):
            what = "it is missing" if value is None else f"{show(value)} was given"
            raise JobError(Cause.BAD_INPUT, f"input {self.name!r} must be {self._type}; {what}")
        return value

    def prepare(self, inputs: Mapping[str, Json], stage: Stage) -> Json:
        value = change_files(
            inputs[self.name], lambda each: localise(self._complete(each, inputs), stage, self.name)
        )
        value = _by_field(self._type, value, self._given)
        if self._loads:
            value = loaded(value, self.name)
        if self._listing != "no_listing":
            value = change_files(value, self._listed)
        self._check_format(value, inputs)
        return value

    def _listed(self, value: dict[str, Json]) -> dict[str, Json]:
        if value["class"] == "Directory" and not value.get("listing"):
            value["listing"] = listing(value["path"], self._listing == "deep_listing")
        return value

    def _complete(self, value: dict[str, Json], inputs: Mapping[str, Json]) -> dict[str, Json]:
        """Returns a File with the secondary files that the input asks for."""
        wanted = self._given.get("secondaryFiles")
        if not wanted or value["class"] != "File" or ("location" not in value and "path" not in value):
            return value
        path = to_path(value.get("location") or value["path"])
        value = {**value, "basename": value.get("basename") or os.path.basename(path)}
        value["nameroot"], value["nameext"] = os.path.splitext(value["basename"])
        have = list(value.get("secondaryFiles") or ())
        known = {
            each.get("basename") or os.path.basename(to_path(each.get("location") or each["path"]))
            for each in have
        }
        for entry in as_list(wanted):
            for name in self._secondary_names(entry, value, inputs):
                if isinstance(name, Mapping):
                    have.append(dict(name))
                elif name not in known:
                    have += self._secondary(entry, name, path, value, inputs)
        return {**value, "secondaryFiles": have}

    def _secondary_names(self, entry: Json, value: dict[str, Json], inputs: Mapping[str, Json]) -> list[Json]:
        pattern = entry["pattern"] if isinstance(entry, Mapping) else entry
        if is_expression(pattern):
            return [each for each in as_list(evaluate(pattern, self._javascript, inputs, value)) if each]
        return [secondary_name(value["basename"], pattern.removesuffix("?"))]

    def _secondary(
        self, entry: Json, name: str, path: str, value: dict[str, Json], inputs: Mapping[str, Json]
    ) -> list[dict[str, Json]]:
        beside = os.path.join(os.path.dirname(path), name)
        if os.path.exists(beside):
            kind = "Directory" if os.path.isdir(beside) else "File"
            return [{"class": kind, "location": to_location(beside), "basename": name}]
        required = entry.get("required") if isinstance(entry, Mapping) else not entry.endswith("?")
        if evaluate(True if required is None else required, self._javascript, inputs, value):
            raise JobError(Cause.BAD_INPUT, f"input {self.name!r}: the secondary file {beside!r} is missing")
        return []

    def _check_format(self, value: Json, inputs: Mapping[str, Json]) -> None:
        wanted = self._given.get("format")
        if not wanted:
            return
        formats = as_list(evaluate(wanted, self._javascript, inputs))
        for each in as_list(value):
            if is_file_or_directory(each) and each["class"] == "File" and each.get("format") not in formats:
                has = f"has the format {each['format']}" if each.get("format") else "has no format"
                raise JobError(
                    Cause.BAD_INPUT,
                    f"input {self.name!r}: {each['path']!r} {has}, not {' or '.join(map(str, formats))}",
                )


def change_files(value: Json, change: Change) -> Any:
    """Returns a value with every File and Directory in it changed; what holds them is copied."""
    if isinstance(value, list):
        return [change_files(each, change) for each in value]
    if isinstance(value, Mapping):
        if value.get("class") in ("File", "Directory"):
            return change(dict(value))
        return {key: change_files(each, change) for key, each in value.items()}
    return value


def loaded(value: Json, name: str) -> Json:
    """Returns a value whose Files have their ``contents``.

    Args:
        value: of any type; a File literal has its contents already.
        name: of the input, for messages.

    Raises:
        JobError: a file is larger than 64 KiB, is no UTF-8 text, or cannot be read.
    """

    def load(file: dict[str, Json]) -> dict[str, Json]:
        place = file.get("path") or file.get("location")
        if file["class"] == "File" and place and not place.startswith("_:"):
            file["contents"] = contents(to_path(place), name)
        return file

    return change_files(value, load)


def _by_field(kind: Type, value: Json, given: Mapping[str, Json]) -> Json:
    """Returns a record's value with the contents loaded that its fields ask for."""
    if kind.kind != "record" or not isinstance(value, Mapping):
        return value
    changed = dict(value)
    for port in kind.fields:
        loads = port.given.get("loadContents") or (port.given.get("inputBinding") or {}).get("loadContents")
        if loads and is_file_or_directory(changed.get(port.name)):
            found = changed[port.name]
            changed[port.name] = {**found, "contents": contents(found["path"], port.name)}
    return changed


def _asks_below(kind: Type) -> bool:
    below = [*kind.alternatives, *(port.type for port in kind.fields), *((kind.items,) if kind.items else ())]
    if any(port.given.get("secondaryFiles") or port.given.get("format") for port in kind.fields):
        return True
    return any(_asks_below(each) for each in below)
