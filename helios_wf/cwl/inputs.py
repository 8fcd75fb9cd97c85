"""The inputs of one job, as its tool's expressions and command line see them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import Javascript, compile_expression
from helios_wf.cwl.files import (
    Stage,
    contents,
    described,
    is_file_or_directory,
    is_placed,
    listing,
    localise,
    secondary_name,
    to_location,
    to_path,
)
from helios_wf.cwl.ontology import named
from helios_wf.cwl.requirements import requirement
from helios_wf.cwl.schema import Port, Type, UncoveredError, as_list, fits, show
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.model.packed import changed
from helios_wf.states import Cause

Change: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]

Preparation: TypeAlias = Callable[[Json, Mapping[str, Json], Stage | None], Json]
"""Called with a value, all inputs and the stage; returns the value prepared."""


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

    def prepare(self, given: Mapping[str, Json], stage: Stage | None) -> dict[str, Json]:
        """Returns the filled input object with files found, staged, listed and loaded as the tool asks.

        Without a stage files stay where they are, and literals what they are.

        Raises:
            JobError: a value does not fit, or a file is not there; ``Cause.BAD_INPUT``.
        """
        filled = self.fill(given)
        for each in self._ports:
            if each.holds_files and filled[each.name] is not None:
                filled[each.name] = each.prepare(filled, stage)
        return filled


class _Input:
    __slots__ = ("_default", "_prepare", "_type", "holds_files", "name")

    def __init__(self, port: Port, body: Mapping[str, Json], javascript: Javascript) -> None:
        self.name = port.name
        self._type = Type("File") if port.type.kind == "stdin" else port.type
        self._default = port.given.get("default")
        self.holds_files = self._type.holds_files()
        self._prepare = _preparation(self._type, _Demands(port.name, port.given, body, javascript))

    def fill(self, value: Json) -> Json:
        if value is None:
            value = self._default
        if not fits(self._type, value) and not (value is not None and self._type.kind == "Any"):
            what = "it is missing" if value is None else f"{show(value)} was given"
            raise JobError(Cause.BAD_INPUT, f"input {self.name!r} must be {self._type}; {what}")
        return value

    def prepare(self, inputs: Mapping[str, Json], stage: Stage | None) -> Json:
        return self._prepare(inputs[self.name], inputs, stage)


class _Demands:
    """What an input, or the field of a record in it, asks of its Files and Directories."""

    def __init__(
        self, name: str, given: Mapping[str, Json], body: Mapping[str, Json], javascript: Javascript
    ) -> None:
        self.name = name
        self.body = body
        self.javascript = javascript
        required = requirement(body, "LoadListingRequirement") or {}
        self._listing = given.get("loadListing") or required.get("loadListing") or "no_listing"
        self._loads = _loads(given)
        wanted = given.get("secondaryFiles")
        self._secondary = [_Secondary(each, javascript) for each in as_list(wanted)] if wanted else []
        self._formats = [compile_expression(each, javascript) for each in as_list(given.get("format") or [])]
        if self._formats and body.get("$schemas"):
            raise UncoveredError(f"the format of {name} is checked against an ontology ($schemas)")

    def prepare(self, value: Json, inputs: Mapping[str, Json], stage: Stage | None) -> Json:
        """Returns a value whose files are found, staged, listed and loaded."""
        value = change_files(value, lambda each: self._at_place(self._complete(each, inputs), stage))
        if self._loads:
            value = loaded(value, self.name)
        value = listed(value, self._listing)
        if self._formats:
            self._check_format(value, inputs)
        return value

    def _at_place(self, value: dict[str, Json], stage: Stage | None) -> dict[str, Json]:
        return described(value) if stage is None else localise(value, stage, self.name)

    def _complete(self, value: dict[str, Json], inputs: Mapping[str, Json]) -> dict[str, Json]:
        """Returns a File with the secondary files that the input asks for."""
        if not self._secondary or value["class"] != "File" or not is_placed(value):
            return value
        path = to_path(value.get("location") or value["path"])
        value = {**value, "basename": value.get("basename") or os.path.basename(path)}
        value["nameroot"], value["nameext"] = os.path.splitext(value["basename"])
        have = list(value.get("secondaryFiles") or ())
        known = {
            each.get("basename") or os.path.basename(to_path(each.get("location") or each["path"]))
            for each in have
        }
        for entry in self._secondary:
            for name in entry.names(value, inputs):
                if isinstance(name, Mapping):
                    have.append(dict(name))
                elif name not in known:
                    have += self._found(entry, name, path, value, inputs)
        return {**value, "secondaryFiles": have}

    def _found(
        self, entry: _Secondary, name: str, path: str, value: dict[str, Json], inputs: Mapping[str, Json]
    ) -> list[dict[str, Json]]:
        beside = os.path.join(os.path.dirname(path), name)
        if os.path.exists(beside):
            kind = "Directory" if os.path.isdir(beside) else "File"
            return [{"class": kind, "location": to_location(beside), "basename": name}]
        if entry.is_required(value, inputs):
            raise JobError(Cause.BAD_INPUT, f"input {self.name!r}: the secondary file {beside!r} is missing")
        return []

    def _check_format(self, value: Json, inputs: Mapping[str, Json]) -> None:
        formats = [one for each in self._formats for one in as_list(each(inputs, None, {}))]
        for each in as_list(value):
            if is_file_or_directory(each) and each["class"] == "File" and each.get("format") not in formats:
                has = f"has the format {each['format']}" if each.get("format") else "has no format"
                raise JobError(
                    Cause.BAD_INPUT,
                    f"input {self.name!r}: {each.get('path', 'a literal')!r} {has}, not {named(formats)}",
                )


class _Secondary:
    """One entry of an input's ``secondaryFiles``, compiled."""

    __slots__ = ("_expression", "_pattern", "_required")

    def __init__(self, given: Json, javascript: Javascript) -> None:
        entry = given if isinstance(given, Mapping) else {"pattern": given}
        pattern = entry["pattern"]
        required = entry.get("required")
        self._expression = compile_expression(pattern, javascript) if is_expression(pattern) else None
        self._pattern = pattern.removesuffix("?")
        if required is None and isinstance(given, str):
            required = not pattern.endswith("?")
        self._required = (
            compile_expression(str(required), javascript) if is_expression(required) else required
        )

    def names(self, value: dict[str, Json], inputs: Mapping[str, Json]) -> list[Json]:
        """Returns the names of the secondary files of a File, or those themselves."""
        if self._expression is None:
            return [secondary_name(value["basename"], self._pattern)]
        return [each for each in as_list(self._expression(inputs, value, {})) if each]

    def is_required(self, value: dict[str, Json], inputs: Mapping[str, Json]) -> bool:
        """Returns whether they must be there."""
        if callable(self._required):
            return bool(self._required(inputs, value, {}))
        return self._required is None or bool(self._required)


def _preparation(kind: Type, demands: _Demands) -> Preparation:
    """Returns what prepares the values of a type: all alike, unless the fields of a record ask for more."""
    if not _asks_below(kind):
        return demands.prepare
    if kind.kind == "union":
        return _of_union(kind, [_preparation(each, demands) for each in kind.alternatives])
    if kind.kind == "array":
        assert kind.items is not None
        return _of_array(_preparation(kind.items, demands))
    below = {
        port.name: _preparation(port.type, _Demands(port.name, port.given, demands.body, demands.javascript))
        for port in kind.fields
    }
    return _of_record(below)


def _of_union(kind: Type, below: list[Preparation]) -> Preparation:
    def prepare(value: Json, inputs: Mapping[str, Json], stage: Stage | None) -> Json:
        for alternative, preparation in zip(kind.alternatives, below, strict=True):
            if fits(alternative, value):
                return preparation(value, inputs, stage)
        return value

    return prepare


def _of_array(item: Preparation) -> Preparation:
    return lambda value, inputs, stage: [item(each, inputs, stage) for each in value]


def _of_record(below: Mapping[str, Preparation]) -> Preparation:
    def prepare(value: Json, inputs: Mapping[str, Json], stage: Stage | None) -> Json:
        return {
            name: below[name](each, inputs, stage) if each is not None and name in below else each
            for name, each in value.items()
        }

    return prepare


def change_files(value: Json, change: Change) -> Any:
    """Returns a value with every File and Directory in it changed; what holds them is copied."""
    if isinstance(value, list):
        return changed(value, lambda each: change_files(each, change))
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


def listed(value: Json, policy: str | None) -> Json:
    """Returns a value whose Directories have their ``listing``, as a ``loadListing`` (None: no) asks.

    Raises:
        JobError: a directory cannot be read.
    """
    if policy in (None, "no_listing"):
        return value

    def see(folder: dict[str, Json]) -> dict[str, Json]:
        if folder["class"] == "Directory" and not folder.get("listing") and is_placed(folder):
            path = to_path(folder.get("path") or folder["location"])
            try:
                folder["listing"] = listing(path, policy == "deep_listing")
            except OSError as error:
                raise JobError(Cause.BAD_INPUT, f"{path!r} cannot be listed: {error.strerror}") from None
        return folder

    return change_files(value, see)


def _loads(given: Mapping[str, Json]) -> bool:
    return bool((given.get("inputBinding") or {}).get("loadContents") or given.get("loadContents"))


def _asks_below(kind: Type) -> bool:
    """Returns whether a field of a record within a type asks for more than the input as a whole."""
    below = [*kind.alternatives, *(port.type for port in kind.fields), *((kind.items,) if kind.items else ())]
    asked = ("secondaryFiles", "format", "loadListing")
    if any(_loads(port.given) or any(port.given.get(name) for name in asked) for port in kind.fields):
        return True
    return any(_asks_below(each) for each in below)
