"""Tools as plain CWL that cwltool can load alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from helios_wf.cwl.cwl_types import Definitions, definitions, plain_type, plain_value, short
from helios_wf.cwl.fields import NAMESPACE
from helios_wf.cwl.marks import plain
from helios_wf.cwl.ontology import Ontology, has_expression
from helios_wf.model import Json, digest

ORIGINAL = "http://commonwl.org/cwltool#original_cwlVersion"
"""Where cwltool keeps the version that a document was written in."""

INTERNAL = "v1.3.0-dev1"
"""The version that cwltool upgrades to."""

_WORKFLOW_ONLY = (
    "SchemaDefRequirement",
    "ScatterFeatureRequirement",
    "SubworkflowFeatureRequirement",
    "MultipleInputFeatureRequirement",
    "StepInputExpressionRequirement",
)
_DROPPED = (
    "id",
    "doc",
    "label",
    "intent",
    "requirements",
    "hints",
    "cwlVersion",
    "$namespaces",
    "$schemas",
    ORIGINAL,
)
_HASH = re.compile(r"[0-9a-f]{40}")


def body(process: Any) -> dict[str, Json]:
    """Returns a tool as plain JSON.

    Its requirements and hints are those that hold for it, one of a class, those of the step over those of
    the workflow and its own over both; a hint is left out where a requirement of its class holds.
    ``cwlVersion`` is that of the source for v1.1 and v1.2, whose upgrades change nothing in a tool.  A tool
    of v1.0 has cwltool's internal version, and its own in ``ORIGINAL``: its upgrade rewrites it, but some of
    its meanings (memory by default, escapes in expressions) stay those of v1.0.
    """
    known = definitions(process.requirements)
    tool = process.tool
    result: dict[str, Json] = {**_version(process)}
    for key, value in tool.items():
        if key in ("inputs", "outputs"):
            result[key] = [_port(port, known) for port in value]
        elif key not in _DROPPED and not str(key).startswith(NAMESPACE):
            result[str(key)] = plain(value)
    requirements = in_force(process.requirements, known)
    hints = [
        hint
        for hint in in_force(process.hints, known)
        if hint["class"] not in {r["class"] for r in requirements}
    ]
    result |= {"requirements": requirements} if requirements else {}
    result |= {"hints": hints} if hints else {}
    result |= namespaces(process.metadata)
    result |= _ontology(process, result["inputs"])
    return _named_streams(result)


def in_force(entries: list[Any], known: Definitions) -> list[dict[str, Json]]:
    """Returns the requirements (or hints) of a tool, the innermost of each class, as plain JSON."""
    by_class: dict[str, dict[str, Json]] = {}
    for entry in entries:
        if isinstance(entry, dict) and entry.get("class") not in _WORKFLOW_ONLY:
            by_class.pop(str(entry["class"]), None)
            by_class[str(entry["class"])] = plain_value(entry)
    return list(by_class.values())


def _version(process: Any) -> dict[str, str]:
    original = str(process.metadata.get(ORIGINAL) or process.tool.get(ORIGINAL) or "v1.2")
    if original in ("v1.1", "v1.2"):
        return {"cwlVersion": original}
    return {"cwlVersion": INTERNAL, ORIGINAL: original}


def namespaces(metadata: Any) -> dict[str, Json]:
    """Returns the prefixes of a document as ``$namespaces``, our own apart; nothing where there are none."""
    spaces = {
        str(key): str(value)
        for key, value in (metadata.get("$namespaces") or {}).items()
        if str(value) != NAMESPACE
    }
    return {"$namespaces": spaces} if spaces else {}


def ontology_of(process: Any) -> Ontology | None:
    """Returns the ontology that a document names with ``$schemas``; None without."""
    graph = process.formatgraph
    return Ontology(graph) if process.metadata.get("$schemas") and graph is not None else None


def _ontology(process: Any, inputs: Json) -> dict[str, Json]:
    """Writes into the formats of inputs what the ontology has below them.

    Returns the ``$schemas`` that are still needed: where an expression gives a format.
    """
    ontology = ontology_of(process)
    if ontology is None:
        return {}
    ports = list(_with_formats(inputs))
    for port in ports:
        port["format"] = ontology.widened(port["format"])
    if not any(has_expression(port["format"]) for port in ports):
        return {}
    return {"$schemas": [str(item) for item in plain(process.metadata["$schemas"])]}


def _with_formats(ports: Json) -> Iterator[dict[str, Json]]:
    """Yields inputs, and fields of records in them, that have a format."""
    if isinstance(ports, list):
        for port in ports:
            yield from _with_formats(port)
    elif isinstance(ports, dict):
        if ports.get("format"):
            yield ports
        for key in ("type", "items", "fields"):
            yield from _with_formats(ports.get(key))


def _port(port: Any, known: Definitions) -> dict[str, Json]:
    result: dict[str, Json] = {"id": short(str(port["id"]))}
    for key, value in port.items():
        if key == "type":
            result["type"] = plain_type(value, known)
        elif key == "default":
            result["default"] = plain_value(value)
        elif key not in ("id", "doc", "label") and not str(key).startswith(NAMESPACE):
            result[str(key)] = plain(value)
    return result


def _named_streams(tool: dict[str, Json]) -> dict[str, Json]:
    """Names captured streams by the tool's meaning: cwltool's names depend on the folder of the document."""
    for stream in ("stdout", "stderr"):
        name = tool.get(stream)
        if not isinstance(name, str) or not _HASH.fullmatch(name):
            continue
        del tool[stream]
        ports = [port for port in tool["outputs"] if (port.get("outputBinding") or {}).get("glob") == name]
        for port in ports:
            port["outputBinding"]["glob"] = ""
        fresh = digest([stream, _unplaced(tool)])[:40]
        tool[stream] = fresh
        for port in ports:
            port["outputBinding"]["glob"] = fresh
    return tool


def _unplaced(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _unplaced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unplaced(item) for item in value]
    return value.rsplit("/", 1)[-1] if isinstance(value, str) and value.startswith("file://") else value
