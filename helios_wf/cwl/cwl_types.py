"""CWL types and values as plain JSON: short names, defined types written out, files by absolute location."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urlsplit

from helios_wf.cwl.marks import plain
from helios_wf.errors import UnsupportedError
from helios_wf.model import Json

Definitions = Mapping[str, Any]
"""The types of SchemaDefRequirement, by their URI."""


def short(uri: str) -> str:
    """Returns the last word of an identifier: ``file:///x.cwl#step/out`` is ``out``."""
    fragment = urldefrag(uri)[1]
    return (fragment or uri).rstrip("/").rsplit("/", 1)[-1]


def inside(uri: str, owner: str) -> str:
    """Returns an identifier as the process ``owner`` writes it: ``step/out`` or ``input``."""
    fragment, own = urldefrag(uri)[1], urldefrag(owner)[1]
    return fragment.removeprefix(f"{own}/") if own else fragment


def definitions(requirements: list[Any]) -> dict[str, Any]:
    """Returns the types that SchemaDefRequirements define, the inner ones over the outer ones."""
    found = {}
    for requirement in requirements:
        if requirement.get("class") == "SchemaDefRequirement":
            found.update({str(entry["name"]): entry for entry in requirement.get("types", [])})
    return found


def plain_type(type_: Any, known: Definitions, inside_of: tuple[str, ...] = ()) -> Json:
    """Returns a type as plain JSON: names short, defined types in full.

    Raises:
        UnsupportedError: A defined type contains itself.
    """
    if isinstance(type_, str):
        if type_ in known:
            if type_ in inside_of:
                raise UnsupportedError(f"the type {short(type_)!r} contains itself")
            return plain_type(known[type_], known, (*inside_of, type_))
        return short(type_) if "#" in type_ else str(type_)
    if isinstance(type_, list):
        return _union([plain_type(item, known, inside_of) for item in type_])
    if not isinstance(type_, dict):
        return plain(type_)
    result: dict[str, Json] = {}
    for key, value in type_.items():
        if key in ("type", "items"):
            result[key] = plain_type(value, known, inside_of)
        elif key == "fields":
            result[key] = [
                {"name": short(field["name"]), **plain_type(field, known, inside_of)} for field in value
            ]
        elif key == "symbols":
            result[key] = [short(symbol) for symbol in value]
        elif key not in ("name", "id", "doc", "label"):
            result[key] = plain(value)
    return result


def _union(members: list[Json]) -> list[Json]:
    """Returns the members of a union, nested unions written out, each once."""
    flat: list[Json] = []
    for member in members:
        for item in member if isinstance(member, list) else [member]:
            if item not in flat:
                flat.append(item)
    return flat


def plain_value(value: Any) -> Json:
    """Returns a default value as plain JSON; files and directories by absolute ``location``."""
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if not isinstance(value, dict):
        return plain(value)
    result = {str(key): plain_value(item) for key, item in value.items()}
    if result.get("class") in ("File", "Directory"):
        path = result.pop("path", None)
        if isinstance(path, str) and "location" not in result:
            result["location"] = path if urlsplit(path).scheme else uri(path)
    return result


def uri(path: str | Path) -> str:
    """Returns the ``file://`` URI of an absolute path."""
    return f"file://{quote(str(path))}"


def local_path(location: str) -> str | None:
    """Returns the path of a ``file://`` location or of a path; None for any other URL."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return unquote(parts.path)
    return location if not parts.scheme else None
