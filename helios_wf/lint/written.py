"""Rules about a document as it is written: what its nouns do not tell any more.

They are called on a parsed document in the limited process (``reader``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from helios_wf.cwl.expressions import scripts_in
from helios_wf.cwl.fields import NAMESPACE, PREFIX
from helios_wf.cwl.marks import key_place, node_place, plain, value_place
from helios_wf.cwl.outline import Part, parts
from helios_wf.cwl.sources import Sources, references
from helios_wf.lint.finding import Finding
from helios_wf.model import Place

OLD_VERSIONS = ("v1.0", "v1.1")
_HOLDERS = ("workflow", "tool", "step")
_PORTS = ("workflow input", "tool input", "step input")
_FILES = ("File", "Directory")


def written_findings(sources: Sources, path: str) -> Iterator[Finding]:
    """Yields what is wrong with one file as it is written.

    Args:
        sources: that have read it.
        path: as they name it.
    """
    tree = sources.files[path].tree
    roots = {id(node) for node in [tree, *_graph(tree)]}
    yield from _remote(tree, path)
    for part in parts(sources, path):
        if part.kind in _HOLDERS:
            yield from _requirements(part)
        if part.kind in _PORTS and "default" in part.node:
            yield from _absolute(part.node, "default", part.file)
        if part.kind in ("workflow", "tool", "document"):
            yield from _old(part)
        if part.kind == "tool":
            yield from _needless(part)
        if part.kind in ("workflow", "tool") and id(part.node) in roots:
            yield from _unlabelled(part)


def _graph(tree: Any) -> list[Any]:
    graph = tree.get("$graph") if isinstance(tree, dict) else None
    return graph if isinstance(graph, list) else []


def _remote(tree: Any, file: str) -> Iterator[Finding]:
    for reference in references(tree, file):
        scheme = urlsplit(reference.target).scheme
        if scheme not in ("", "file"):
            message = f"{reference.target!r} is a URL; only files below the root are read"
            yield Finding("HW104", reference.place, f"{message}: copy it into the repository")


def _entries(part: Part, word: str) -> Iterator[tuple[str, Any, Place]]:
    """Yields the requirements or hints of a part: class, content and place."""
    given = part.node.get(word)
    if isinstance(given, dict) and "$import" not in given:
        for name, content in given.items():
            yield str(name), content, key_place(given, name, part.file)
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict) and "class" in entry:
            yield str(entry["class"]), entry, value_place(entry, "class", part.file)


def _requirements(part: Part) -> Iterator[Finding]:
    for word in ("requirements", "hints"):
        for name, content, place in _entries(part, word):
            prefix, _, rest = name.partition(":")
            if name.startswith(NAMESPACE) or prefix == PREFIX or part.prefixes.get(prefix) == NAMESPACE:
                field = f"{PREFIX}:{rest or name.removeprefix(NAMESPACE)}"
                message = (
                    f"{name!r} stands under {word}; write it as a field of the {part.kind}: {field}: ..."
                )
                yield Finding("HW101", place, message)
            elif ":" in name and word == "requirements":
                message = (
                    f"{name!r} is an extension that other runners refuse as a requirement; move it to hints"
                )
                yield Finding("HW102", place, message)
            elif name == "DockerRequirement" and isinstance(content, dict):
                yield from _unpinned(content, part.file)


def _unpinned(content: Any, file: str) -> Iterator[Finding]:
    image = content.get("dockerPull")
    if isinstance(image, str) and "@sha256:" not in image:
        message = f"the image {str(image)!r} is not pinned; append its digest: {image}@sha256:..."
        yield Finding("HW103", value_place(content, "dockerPull", file), message)


def _absolute(node: Any, key: Any, file: str) -> Iterator[Finding]:
    """Yields the absolute paths of Files and Directories below a key of a map, or an item of a list."""
    value = node[key]
    if isinstance(value, list):
        for index in range(len(value)):
            yield from _absolute(value, index, file)
    if not isinstance(value, dict):
        return
    for inner in value:
        if value.get("class") in _FILES and inner in ("path", "location") and _is_absolute(value[inner]):
            message = (
                f"the default {str(value[inner])!r} is an absolute path; name a file beside the document"
            )
            yield Finding("HW105", value_place(value, inner, file), message)
        yield from _absolute(value, inner, file)


def _is_absolute(path: Any) -> bool:
    return isinstance(path, str) and (path.startswith("/") or urlsplit(path).scheme == "file")


def _old(part: Part) -> Iterator[Finding]:
    version = part.node.get("cwlVersion")
    if version in OLD_VERSIONS:
        place = value_place(part.node, "cwlVersion", part.file)
        yield Finding("HW106", place, f"cwlVersion {version} is old; write: cwlVersion: v1.2")


def _needless(part: Part) -> Iterator[Finding]:
    if part.node.get("class") == "ExpressionTool":
        return
    for word in ("requirements", "hints"):
        for name, content, place in _entries(part, word):
            is_used = isinstance(content, dict) and content.get("expressionLib")
            if (
                name == "InlineJavascriptRequirement"
                and not is_used
                and not any(scripts_in(plain(part.node)))
            ):
                yield Finding(
                    "HW205", place, "the tool has no JavaScript; take InlineJavascriptRequirement away"
                )


def _unlabelled(part: Part) -> Iterator[Finding]:
    node, file = part.node, part.file
    place = key_place(node, "class", file) if "class" in node else node_place(node, file)
    if not (node.get("label") or node.get("doc")):
        what = "workflow" if part.kind == "workflow" else "tool"
        yield Finding(
            "HW201", place, f"the {what} has neither label nor doc; add: label: what it does, in one line"
        )
    template = _template_key(part)
    if template is None:
        return
    if not node.get("doc"):
        message = "the template has no doc; add: doc: what it does, and to which data"
        yield Finding("HW202", key_place(node, template, file), message)
    for word in ("inputs", "outputs"):
        for name, port, where in _ports(node.get(word), file):
            if not (isinstance(port, dict) and (port.get("label") or port.get("doc"))):
                message = f"{word.removesuffix('s')} {name!r} of the template has neither label nor doc"
                yield Finding("HW203", where, f"{message}; add: label: what it is, and its unit")


def _template_key(part: Part) -> str | None:
    for key in part.node:
        prefix, _, rest = str(key).partition(":")
        if key == f"{NAMESPACE}template" or (rest == "template" and part.prefixes.get(prefix) == NAMESPACE):
            return str(key)
    return None


def _ports(given: Any, file: str) -> Iterator[tuple[str, Any, Place]]:
    if isinstance(given, dict) and "$import" not in given:
        for name, port in given.items():
            yield str(name), port, key_place(given, name, file)
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict) and "id" in entry:
            yield str(entry["id"]), entry, node_place(entry, file)
