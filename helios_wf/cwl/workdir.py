"""InitialWorkDirRequirement: what lies in the working directory before a tool starts.

Source: CWL v1.2 CommandLineTool, section 4.6 (InitialWorkDirRequirement).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from helios_wf.cwl.bindings import Scope
from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import Expression, Javascript, compile_expression
from helios_wf.cwl.files import Stage, is_file_or_directory, names, to_path
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.schema import show
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause


class WorkDirectory:
    """The initial working directory of a tool, compiled.

    Args:
        given: the InitialWorkDirRequirement.
        javascript: the expression library where JavaScript is allowed, else None.
        in_place: whether writable entries are no copies: the tool changes the inputs themselves.
    """

    def __init__(self, given: Mapping[str, Json], javascript: Javascript, in_place: bool = False) -> None:
        self._in_place = in_place
        listing = given.get("listing") or []
        self._whole = compile_expression(listing, javascript) if isinstance(listing, str) else None
        self._entries = [] if isinstance(listing, str) else [_Entry(each, javascript) for each in listing]

    def lay(self, scope: Scope, stage: Stage) -> dict[str, Json]:
        """Puts the entries into the working directory, and returns the inputs with the paths they now have.

        Raises:
            JobError: an entry is none, or its name leads out of the directory.
        """
        moved: dict[str, str] = {}
        for entry in self._evaluated(scope):
            if self._in_place:
                entry["writable"] = False
            _lay(entry, stage.folders.out, stage, moved)
        if not moved:
            return dict(scope.inputs)
        changed: dict[str, Json] = change_files(dict(scope.inputs), lambda value: _follow(value, moved))
        return changed

    def _evaluated(self, scope: Scope) -> list[dict[str, Json]]:
        if self._whole is None:
            return [each for entry in self._entries for each in entry.evaluate(scope)]
        value = self._whole(scope.inputs, None, scope.runtime)
        if not isinstance(value, list):
            raise JobError(
                Cause.EXPRESSION, f"listing of InitialWorkDirRequirement gave {show(value)}, not a list"
            )
        return [each for element in value for each in _flat(element)]


class _Entry:
    """One entry of ``listing``: a Dirent, a File, a Directory, or an expression that gives some."""

    def __init__(self, given: Json, javascript: Javascript) -> None:
        self._fixed = given if isinstance(given, list) or is_file_or_directory(given) else None
        dirent = isinstance(given, Mapping) and "entry" in given
        self._writable = bool(given.get("writable")) if dirent else False
        self._name = (
            compile_expression(given["entryname"], javascript) if dirent and given.get("entryname") else None
        )
        self._plain = dirent and not is_expression(given["entry"])
        self._entry: Expression | None = None
        if dirent:
            self._entry = compile_expression(given["entry"], javascript, strip=False)
        elif isinstance(given, str):
            self._entry = compile_expression(given, javascript)
        self._dirent = dirent

    def evaluate(self, scope: Scope) -> list[dict[str, Json]]:
        """Returns the Files and Directories that it puts, each with its basename and ``writable``."""
        if self._entry is None:
            return _flat(self._fixed)
        value = self._entry(scope.inputs, None, scope.runtime)
        if not self._dirent:
            return _flat(value)
        if value is None:
            return []
        if isinstance(value, list) and value and all(is_file_or_directory(each) for each in value):
            return [{**each, "writable": self._writable} for each in value]
        name = None if self._name is None else self._name(scope.inputs, None, scope.runtime)
        return [_dirent(value, name, self._writable)]


def _flat(value: Json) -> list[dict[str, Json]]:
    if value is None:
        return []
    if isinstance(value, list):
        return [each for element in value for each in _flat(element)]
    if is_file_or_directory(value):
        return [dict(value)]
    if isinstance(value, Mapping) and "entry" in value:
        return [_dirent(value["entry"], value.get("entryname"), bool(value.get("writable")))]
    raise JobError(Cause.EXPRESSION, f"an entry of InitialWorkDirRequirement gave {show(value)}")


def _dirent(value: Json, name: Json, writable: bool) -> dict[str, Json]:
    if is_file_or_directory(value):
        return {**value, "basename": name or value.get("basename"), "writable": writable}
    if not isinstance(name, str) or not name:
        raise JobError(
            Cause.EXPRESSION, f"an entry of InitialWorkDirRequirement needs an entryname, not {show(name)}"
        )
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return {"class": "File", "basename": name, "contents": text, "writable": writable}


def _lay(entry: dict[str, Json], folder: str, stage: Stage, moved: dict[str, str]) -> None:
    """Puts one File or Directory, and what belongs to it, into a folder below the working directory."""
    if os.path.isabs(_name(entry)):
        _mount(entry, stage, moved)
        return
    target = _target(entry, folder, stage)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    location = entry.get("location") or entry.get("path")
    if location is None or str(location).startswith("_:"):
        _write(entry, target, stage, moved)
    else:
        source = to_path(location)
        _put(source, target, writable=bool(entry.get("writable")))
        if not entry.get("writable"):
            stage.sources[target] = source
        moved[location] = stage.seen(target)
    for sibling in entry.get("secondaryFiles") or ():
        _lay({**sibling, "writable": entry.get("writable")}, os.path.dirname(target), stage, moved)


def _mount(entry: dict[str, Json], stage: Stage, moved: dict[str, str]) -> None:
    """Puts one File or Directory, and what belongs to it, at an absolute path of the tool's container."""
    path = os.path.normpath(_name(entry))
    if not stage.takes_absolute:
        raise JobError(
            Cause.BAD_INPUT,
            f"InitialWorkDirRequirement: the name {path!r} leads out of the working directory; absolute ones "
            "are for tools that require a container (DockerRequirement, not under hints) and are run in it",
        )
    inside = stage.host(path)
    if inside.startswith(stage.folders.out + "/"):
        name = os.path.relpath(inside, stage.folders.out)
        _lay({**entry, "basename": name}, stage.folders.out, stage, moved)
        return
    writable = bool(entry.get("writable"))
    location = entry.get("location") or entry.get("path")
    if location is None or str(location).startswith("_:"):
        source = f"{stage.folder()}/{os.path.basename(path)}"
        _write(entry, source, stage, moved)
    else:
        source = to_path(location)
        if writable:
            source = f"{stage.folder()}/{os.path.basename(path)}"
            _put(to_path(location), source, writable=True)
        moved[location] = path
    stage.mounts[path] = (source, writable)
    for sibling in entry.get("secondaryFiles") or ():
        name = f"{os.path.dirname(path)}/{_name(sibling)}"
        _mount({**sibling, "basename": name, "writable": writable}, stage, moved)


def _name(entry: Mapping[str, Json]) -> str:
    place = str(entry.get("path") or entry.get("location") or "")
    return str(entry.get("basename") or os.path.basename(place))


def _target(entry: Mapping[str, Json], folder: str, stage: Stage) -> str:
    name = _name(entry)
    target = os.path.normpath(os.path.join(folder, name))
    if not name or not target.startswith((f"{stage.folders.out}/", f"{stage.folders.inputs}/")):
        raise JobError(
            Cause.BAD_INPUT,
            f"InitialWorkDirRequirement: the name {name!r} leads out of the working directory",
        )
    return target


def _write(entry: Mapping[str, Json], target: str, stage: Stage, moved: dict[str, str]) -> None:
    if entry["class"] == "File":
        Path(target).write_text(entry.get("contents") or "", encoding="utf-8")
        return
    os.makedirs(target, exist_ok=True)
    for each in entry.get("listing") or ():
        _lay({**each, "writable": entry.get("writable")}, target, stage, moved)


def _put(source: str, target: str, *, writable: bool) -> None:
    if not writable:
        if os.path.lexists(target):
            raise JobError(Cause.BAD_INPUT, f"InitialWorkDirRequirement: two entries are called {target!r}")
        os.symlink(source, target)
    elif os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=_copy)
    else:
        _copy(source, target)


def _copy(source: str, target: str) -> str:
    """Copies a file so that its owner may write the copy."""
    shutil.copyfile(source, target)
    os.chmod(target, os.stat(source).st_mode | 0o200)
    return target


def _follow(value: dict[str, Json], moved: Mapping[str, str]) -> dict[str, Json]:
    """Returns a File or Directory with the path that it has in the working directory."""
    target = moved.get(value.get("location", ""))
    if target is not None:
        value |= names(target, value["class"])
    if value.get("secondaryFiles"):
        value["secondaryFiles"] = [_follow(dict(each), moved) for each in value["secondaryFiles"]]
    return value
