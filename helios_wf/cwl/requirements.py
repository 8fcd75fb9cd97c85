"""What a tool requires: its requirements and hints, as lists or as maps."""

from __future__ import annotations

from collections.abc import Mapping

from helios_wf.model import Json

CUDA = "http://commonwl.org/cwltool#CUDARequirement"
ORIGINAL = "http://commonwl.org/cwltool#original_cwlVersion"
_ALIASES = {"cwltool:CUDARequirement": CUDA, "CUDARequirement": CUDA}


def entries(body: Mapping[str, Json], field: str) -> list[dict[str, Json]]:
    """Returns the entries of ``requirements`` or ``hints``, each with its ``class``."""
    given = body.get(field) or []
    if isinstance(given, Mapping):
        given = [{"class": name, **(fields or {})} for name, fields in given.items()]
    return [{**entry, "class": _ALIASES.get(entry["class"], entry["class"])} for entry in given]


def version_of(body: Mapping[str, Json]) -> str:
    """Returns the version of CWL that a tool was written in."""
    return str(body.get(ORIGINAL) or body.get("cwlVersion") or "v1.2")


def requirement(body: Mapping[str, Json], name: str) -> dict[str, Json] | None:
    """Returns the requirement, or else the hint, of that class; of several the last."""
    for field in ("requirements", "hints"):
        for entry in reversed(entries(body, field)):
            if entry["class"] == name:
                return entry
    return None


def javascript_of(body: Mapping[str, Json]) -> tuple[str, ...] | None:
    """Returns the expression library where JavaScript is allowed, else None."""
    found = requirement(body, "InlineJavascriptRequirement")
    return None if found is None else tuple(found.get("expressionLib") or ())


def pairs(value: Json, key: str, content: str) -> list[dict[str, Json]]:
    """Returns a field that may be a map or a list as a list of ``{key: ..., content: ...}``."""
    if isinstance(value, Mapping):
        return [
            {key: name, **(entry if isinstance(entry, Mapping) else {content: entry})}
            for name, entry in value.items()
        ]
    return list(value or [])
