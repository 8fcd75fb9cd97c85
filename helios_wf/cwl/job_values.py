"""Values of an input object against CWL types: checked, and their files found on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR
from typing import Any
from urllib.parse import unquote, urlsplit

from helios_wf.cwl.checks import shown
from helios_wf.cwl.cwl_types import uri
from helios_wf.cwl.marks import plain
from helios_wf.errors import did_you_mean
from helios_wf.model import Json

LIMITS = {"int": 2**31, "long": 2**63}
"""Whole numbers of a type lie in ``[-limit, limit)``."""


class Misfit(Exception):  # noqa: N818
    """A value does not fit its type; ``where`` leads to the part that does not: ``[3].class``."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where


class Reader:
    """Reads values whose relative paths start at ``folder``; ``prefixes`` are the job file's namespaces.

    Without ``look``, files are taken as they are said to be, whether they are there or not.
    """

    def __init__(self, folder: Path, prefixes: Mapping[str, str] | None = None, *, look: bool = True) -> None:
        self.folder = folder
        self.look = look
        self.prefixes = prefixes or {}
        self.misfits: list[Misfit] = []

    def read(self, value: Any, type_: Json, secondary: Json = None) -> Json:
        """Returns a value as its type has it, with files completed; notes in ``misfits`` what is wrong."""
        return self._read(value, type_, secondary, "")

    def _read(self, value: Any, type_: Json, secondary: Json, where: str) -> Json:
        if isinstance(type_, list):
            return self._union(value, type_, secondary, where)
        if isinstance(type_, dict):
            kind = type_.get("type")
            if kind == "array":
                return self._array(value, type_, secondary, where)
            if kind == "record":
                return self._record(value, type_, where)
            if kind == "enum":
                return self._enum(value, type_, where)
            return self._read(value, kind, secondary, where)
        if type_ in ("File", "Directory", "stdin"):
            return self._file(value, "File" if type_ == "stdin" else type_, secondary, where)
        if type_ == "Any":
            return self._any(value, where)
        problem = scalar_misfit(value, str(type_))
        if problem:
            self._misfit(problem, where)
        return plain(value)

    def _misfit(self, message: str, where: str) -> None:
        self.misfits.append(Misfit(message, where))

    def _union(self, value: Any, types: list[Json], secondary: Json, where: str) -> Json:
        """Reads by the first type that fits; else by the first of the value's kind, to say what is wrong."""
        before = len(self.misfits)
        tries = []
        for type_ in types:
            result = self._read(value, type_, secondary, where)
            found = self.misfits[before:]
            del self.misfits[before:]
            if not found:
                return result
            tries.append(found)
        inner = [
            found for found in tries if any(misfit.where != where or _is_file(value) for misfit in found)
        ]
        if len(inner) == 1:
            self.misfits.extend(inner[0])
        else:
            self._misfit(f"must be {shown(types)}, not {brief(value)}", where)
        return plain(value)

    def _array(self, value: Any, type_: dict[str, Json], secondary: Json, where: str) -> Json:
        if not isinstance(value, list | tuple):
            self._misfit(f"must be {shown(type_)}, a list, not {brief(value)}", where)
            return plain(value)
        return [
            self._read(item, type_["items"], secondary, f"{where}[{index}]")
            for index, item in enumerate(value)
        ]

    def _record(self, value: Any, type_: dict[str, Json], where: str) -> Json:
        if not isinstance(value, dict):
            self._misfit(f"must be a record, a map, not {brief(value)}", where)
            return plain(value)
        fields = {str(field["name"]): field for field in type_.get("fields") or []}
        for name in value:
            if name not in fields:
                self._misfit(f"unknown field {name!r}{did_you_mean(str(name), fields)}", where)
        return {
            name: self._read(value.get(name), field["type"], field.get("secondaryFiles"), f"{where}.{name}")
            for name, field in fields.items()
        }

    def _enum(self, value: Any, type_: dict[str, Json], where: str) -> Json:
        symbols = type_.get("symbols") or []
        if value not in symbols:
            near = did_you_mean(value, symbols) if isinstance(value, str) else ""
            self._misfit(f"must be one of {', '.join(map(str, symbols))}, not {brief(value)}{near}", where)
        return plain(value)

    def _any(self, value: Any, where: str) -> Json:
        if value is None:
            self._misfit("must not be null", where)
        if _is_file(value):
            return self._file(value, value["class"], None, where)
        if isinstance(value, dict):
            return {
                str(key): item if item is None else self._any(item, f"{where}.{key}")
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [i if i is None else self._any(i, f"{where}[{n}]") for n, i in enumerate(value)]
        return plain(value)

    def _file(self, value: Any, kind: str, secondary: Json, where: str) -> Json:
        if not _is_file(value) or value["class"] != kind:
            self._misfit(f"must be a {kind}, as {{class: {kind}, path: ...}}, not {brief(value)}", where)
            return plain(value)
        result: dict[str, Json] = plain(value)
        if isinstance(result.get("format"), str):
            result["format"] = self._expanded(result["format"])
        if isinstance(result.get("listing"), list):
            result["listing"] = [
                self._any(i, f"{where}.listing[{n}]") for n, i in enumerate(value["listing"])
            ]
        if isinstance(result.get("secondaryFiles"), list):
            result["secondaryFiles"] = [
                self._any(item, f"{where}.secondaryFiles[{index}]")
                for index, item in enumerate(value["secondaryFiles"])
            ]
        place = result.pop("path", None) or result.get("location")
        if place is None:
            if "contents" not in result and "listing" not in result:
                self._misfit(
                    f"a {kind} needs a path, a location or {'contents' if kind == 'File' else 'a listing'}",
                    where,
                )
            return result
        path = self._path(str(place)) if self.look else None
        if path is None:
            return {**result, "location": str(place)}
        return self._found(result, path, kind, secondary, where)

    def _expanded(self, format_: str) -> str:
        prefix, colon, rest = format_.partition(":")
        return self.prefixes[prefix] + rest if colon and prefix in self.prefixes else format_

    def _path(self, place: str) -> str | None:
        """Returns the absolute path of a location, or of a path (with ``#`` and ``%``); None for a URL."""
        if place.lstrip()[:5].lower() == "file:":
            return os.path.normpath(unquote(urlsplit(place).path))
        if "://" in place and urlsplit(place).scheme:
            return None
        path = os.path.join(self.folder, place)
        if "%" in place and not os.path.exists(path):
            decoded = os.path.join(self.folder, unquote(place))
            path = decoded if os.path.exists(decoded) else path
        return os.path.normpath(path)

    def _found(self, result: dict[str, Json], path: str, kind: str, secondary: Json, where: str) -> Json:
        folder, own = os.path.split(path)
        name = str(result.get("basename") or own)
        result |= {"location": uri(path), "path": path, "basename": name, "dirname": folder}
        if kind == "File":
            result["nameroot"], result["nameext"] = os.path.splitext(name)
        try:
            stat = os.stat(path)
        except OSError as error:
            self._misfit(f"{kind} {path} cannot be read: {error.strerror}", where)
            return result
        if S_ISDIR(stat.st_mode) != (kind == "Directory"):
            what = "a directory" if kind == "File" else "no directory"
            self._misfit(f"{path} is {what}; its class is {kind}", where)
        elif not os.access(path, os.R_OK):
            self._misfit(f"{kind} {path} cannot be read: Permission denied", where)
        if kind == "File":
            result["size"] = stat.st_size
        self._siblings(result, path, secondary, where)
        return result

    def _siblings(self, result: dict[str, Json], path: str, secondary: Json, where: str) -> None:
        """Adds the secondary files beside a file; patterns that are expressions are left to the job."""
        present = {item.get("basename") for item in result.get("secondaryFiles") or []}
        for pattern in secondary if isinstance(secondary, list) else [secondary] if secondary else []:
            text = pattern.get("pattern") if isinstance(pattern, dict) else pattern
            required = pattern.get("required") if isinstance(pattern, dict) else None
            if not isinstance(text, str) or "$(" in text or "${" in text:
                continue
            other = Path(path).parent / sibling(Path(path).name, text)
            if other.name in present or sibling(str(result["basename"]), text) in present:
                continue
            if other.exists():
                class_ = "Directory" if other.is_dir() else "File"
                found = self._found({"class": class_}, str(other), class_, None, where)
                result.setdefault("secondaryFiles", []).append(found)
            elif required is None or required is True:
                self._misfit(f"{path} needs {other.name} beside it (secondaryFiles: {text!r})", where)


def sibling(name: str, pattern: str) -> str:
    """Returns the name of a secondary file: each ``^`` of the pattern takes one extension away.

    Source: CWL v1.2 CommandLineTool, SecondaryFileSchema.
    """
    while pattern.startswith("^"):
        name, pattern = Path(name).stem, pattern[1:]
    return name + pattern


def scalar_misfit(value: Any, type_: str) -> str | None:
    """Returns why a value is no CWL scalar of that type, or None."""
    if type_ == "null":
        return None if value is None else f"must be null, not {brief(value)}"
    if type_ == "boolean":
        return None if isinstance(value, bool) else f"must be true or false, not {brief(value)}"
    if type_ == "string":
        return None if isinstance(value, str) else f"must be a string, not {brief(value)}"
    if type_ in ("float", "double"):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        return None if good else f"must be a number, not {brief(value)}"
    limit = LIMITS.get(type_)
    if limit is None:
        return f"has the unknown type {type_!r}"
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number ({type_}), not {brief(value)}"
    if not -limit <= value < limit:
        return f"{value} does not fit {type_}: from {-limit} to {limit - 1}"
    return None


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class") in ("File", "Directory")


def brief(value: Any) -> str:
    """Returns a value for a message, cut when it is long."""
    if value is None:
        return "null"
    if _is_file(value):
        return f"a {value['class']}"
    text = repr(plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
