"""Python values as values of CWL."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from helios_wf.cwl.job_file import JobFile, unknown_inputs
from helios_wf.errors import InputError
from helios_wf.interface.outputs import Directory
from helios_wf.model import Process
from helios_wf.model.noun import Json

_PLACES = ("path", "location")
_FILES = ("File", "Directory")


def as_cwl(given: Mapping[str, Any], process: Process) -> dict[str, Json]:
    """Returns inputs that Python gives as the input object of a process.

    - A path (``pathlib.Path``, a File of another run) becomes a File or a Directory: what the input takes, or
      else what is there.
    - A string stays one, but for an input (or an element of a list, or a field of a record) that takes a File
      or Directory and no string: there it is a path, as nothing else can be meant.
    - Numbers of NumPy and Arrow become numbers; arrays, tuples and ranges lists.
    - Maps stay maps: ``{"class": "File", "path": ...}`` is a File, any other a record.

    Raises:
        InputError: the process has no such input, or a value is none of these; all are told.
    """
    problems = unknown_inputs(JobFile(given, None), process)
    types = {parameter.name: parameter.type for parameter in process.inputs}
    found: dict[str, Json] = {}
    for name, value in given.items():
        try:
            found[name] = _value(value, types.get(name))
        except _MisfitError as misfit:
            problems.append(f"input {name!r}{misfit}")
    if problems:
        raise InputError("\n".join(problems))
    return found


class _MisfitError(Exception):
    """A value that CWL has not; the message begins with where it stands."""


def _value(value: Any, kind: Json, where: str = "") -> Json:
    kinds = _kinds(kind)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _place(value, _file_kind(kinds)) if _is_place(kinds) else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _MisfitError(f"{where}: {value} is no number of CWL, which has neither infinity nor nan")
        return float(value)
    if isinstance(value, Directory):
        return value.cwl
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return _place(path, _file_kind(kinds) or ("Directory" if Path(path).is_dir() else "File"))
    if isinstance(value, Mapping):
        return _map(value, kinds, where)
    if isinstance(value, Sequence | Set | range) and not isinstance(value, bytes | bytearray):
        items = [one["items"] for one in kinds if isinstance(one, dict) and one.get("type") == "array"]
        listed = sorted(value) if isinstance(value, Set) else value
        return [_value(one, items, f"{where}[{number}]") for number, one in enumerate(listed)]
    return _foreign(value, kind, where)


def _foreign(value: Any, kind: Json, where: str) -> Json:
    """Returns the value of a scalar or an array of another library."""
    for method in ("tolist", "to_pylist", "as_py", "item"):
        convert = getattr(value, method, None)
        if callable(convert):
            plain = convert()
            if type(plain) is not type(value):
                return _value(plain, kind, where)
    raise _MisfitError(
        f"{where}: a {type(value).__name__} is no value of CWL; "
        "give a number, a string, a path, a list or a dict"
    )


def _map(value: Mapping[Any, Any], kinds: list[Json], where: str) -> dict[str, Json]:
    if value.get("class") in _FILES:
        return {
            str(key): os.fspath(one) if key in _PLACES else _value(one, None, f"{where}.{key}")
            for key, one in value.items()
        }
    fields: dict[str, Json] = {
        field["name"]: field["type"]
        for one in kinds
        if isinstance(one, dict) and one.get("type") == "record"
        for field in one.get("fields", [])
    }
    return {str(key): _value(one, fields.get(str(key)), f"{where}.{key}") for key, one in value.items()}


def _kinds(kind: Json) -> list[Json]:
    """Returns the types that a type stands for: those of a union, else itself."""
    if kind is None:
        return []
    if isinstance(kind, list):
        return [each for one in kind for each in _kinds(one)]
    if isinstance(kind, dict) and (isinstance(kind.get("type"), list) or kind.get("type") in _FILES):
        return _kinds(kind["type"])
    return [kind]


def _file_kind(kinds: list[Json]) -> str | None:
    """Returns File or Directory, where an input takes only one of them."""
    found = [one for one in _FILES if one in kinds or (one == "File" and "stdin" in kinds)]
    return found[0] if len(found) == 1 else None


def _is_place(kinds: list[Json]) -> bool:
    """Says whether a string can only be a path there."""
    if _file_kind(kinds) is None:
        return False
    return not any(
        one in ("string", "Any") or (isinstance(one, dict) and one.get("type") == "enum") for one in kinds
    )


def _place(text: str, kind: str | None) -> dict[str, Json]:
    return {"class": kind, "location" if "://" in text else "path": text}
