"""The parts of a document as it was written: workflows, their inputs, outputs and steps, and tools.

Only what the ``helios:`` fields need: which part a map is, and which prefixes its document declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from helios_wf.cwl.sources import Sources
from helios_wf.errors import TemplateError

TOOLS = ("CommandLineTool", "ExpressionTool", "Operation")


class Part(NamedTuple):
    """A map in a document: what it is (``workflow input``, ``step``, ...), the map, its file and prefixes."""

    kind: str
    node: dict[str, Any]
    file: str
    prefixes: dict[str, str]


def parts(sources: Sources, path: str) -> Iterator[Part]:
    """Yields every map of a file, in document order, and of what it imports; each with its kind.

    A map that is no part of its own has the kind of nothing: ``elsewhere``.
    """
    tree = sources.files[path].tree
    kinds: dict[int, str] = {}
    yield from _walk(sources, tree, path, {}, "process", kinds, ())


def _walk(
    sources: Sources,
    node: Any,
    file: str,
    prefixes: dict[str, str],
    kind: str,
    kinds: dict[int, str],
    chain: tuple[str, ...],
) -> Iterator[Part]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(sources, item, file, prefixes, kind, kinds, chain)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("$import"), str):
        yield from _imported(sources, node, file, prefixes, kind, kinds, chain)
        return
    if kinds.get(id(node)) == kind:
        return
    declared = node.get("$namespaces")
    if isinstance(declared, dict):
        prefixes = {**prefixes, **{str(key): str(value) for key, value in declared.items()}}
    what = _kind(node, kind)
    kinds[id(node)] = kind
    yield Part(what, node, file, prefixes)
    for key, value in node.items():
        inner = _INSIDE.get((what, str(key)), "elsewhere")
        if key == "$graph":
            inner = "process"
        if inner.startswith("*") and isinstance(value, dict) and "$import" not in value:
            yield Part(f"among the {AMONG[inner[1:]]}", value, file, prefixes)
            value = list(value.values())
        yield from _walk(sources, value, file, prefixes, inner.removeprefix("*"), kinds, chain)


_INSIDE = {
    ("workflow", "inputs"): "*workflow input",
    ("workflow", "outputs"): "*workflow output",
    ("workflow", "steps"): "*step",
    ("step", "run"): "process",
    ("step", "in"): "*step input",
    ("tool", "inputs"): "*tool input",
    ("tool", "outputs"): "*tool output",
}
"""What stands under a key of a part; with a star where CWL also takes a map by name."""

AMONG = {"workflow input": "inputs", "workflow output": "outputs", "step": "steps", "tool input": "inputs",
         "tool output": "outputs", "step input": "inputs"}  # fmt: skip
"""The kind of a map whose keys are names of such parts: ``among the steps``."""


def _kind(node: dict[str, Any], kind: str) -> str:
    if kind != "process":
        return kind
    if node.get("class") == "Workflow" or "steps" in node:
        return "workflow"
    return "tool" if node.get("class") in TOOLS else "document"


def source_names(sources: Sources, path: str) -> set[str]:
    """Returns what may be named as a source in a file's workflows: inputs and ``STEP/OUTPUT``."""
    found: set[str] = set()
    for part in parts(sources, path):
        if part.kind == "workflow":
            found.update(name for name, _ in _named(part.node.get("inputs")))
            for name, step in _named(part.node.get("steps")):
                out = step.get("out") if isinstance(step, dict) else None
                ports = [item.get("id") if isinstance(item, dict) else item for item in out or ()]
                found.update(f"{name}/{port}" for port in ports)
    return found


def _named(given: Any) -> list[tuple[str, Any]]:
    if isinstance(given, dict):
        return [(str(name), value) for name, value in given.items()]
    entries = given if isinstance(given, list) else []
    return [
        (str(entry["id"]).lstrip("#"), entry)
        for entry in entries
        if isinstance(entry, dict) and "id" in entry
    ]


def _imported(
    sources: Sources,
    node: dict[str, Any],
    file: str,
    prefixes: dict[str, str],
    kind: str,
    kinds: dict[int, str],
    chain: tuple[str, ...],
) -> Iterator[Part]:
    try:
        path = sources.locate(str(node["$import"]), file)
    except TemplateError:
        return
    source = sources.files.get(path) if path is not None else None
    if source is not None and source.path not in chain and source.path != file:
        yield from _walk(sources, source.tree, source.path, prefixes, kind, kinds, (*chain, file))
