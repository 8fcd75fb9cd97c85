"""The ``helios:template`` of a document in its text: read, and its status changed, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from helios_wf.cwl.fields import NAMESPACE, PREFIX, read
from helios_wf.cwl.marks import value_place
from helios_wf.cwl.yaml_text import parse
from helios_wf.errors import Problem, TemplateError
from helios_wf.model import Place, TemplateField
from helios_wf.states import TemplateStatus


class _Found(NamedTuple):
    """The map of a ``helios:template``, and what it says."""

    node: Any
    field: TemplateField


def field_in(text: str, file: str) -> TemplateField | None:
    """Returns what the ``helios:template`` of a document says; None where there is none, or a wrong one."""
    try:
        found = next(_templates(parse(text, file)), None)
    except TemplateError:
        return None
    return None if found is None else found.field


def with_status(text: str, file: str, status: TemplateStatus) -> str:
    """Returns a document with another status; every other character stays.

    Raises:
        TemplateError: it has no ``helios:template``, or its status does not stand there as plain text.
    """
    found = next(_templates(parse(text, file)), None)
    if found is None:
        raise TemplateError([Problem(Place(file, 1, 1), "has no helios:template")])
    place = value_place(found.node, "status", file)
    lines = text.splitlines(keepends=True)
    line, before, old = lines[place.line - 1], place.column - 1, found.field.status.value
    quote = line[before] if line[before : before + 1] in ("'", '"') else ""
    if not line.startswith(f"{quote}{old}{quote}", before):
        raise TemplateError([Problem(place, f"the status is not written here as {old}; change it by hand")])
    lines[place.line - 1] = (
        f"{line[:before]}{quote}{status}{quote}{line[before + len(old) + 2 * len(quote) :]}"
    )
    changed = "".join(lines)
    after = field_in(changed, file)
    if after is None or after.status is not status:
        raise TemplateError([Problem(place, "the status cannot be changed here; change it by hand")])
    return changed


def _templates(tree: Any) -> Iterator[_Found]:
    graph = tree.get("$graph") if isinstance(tree, dict) else None
    for node in (tree, *(graph if isinstance(graph, list) else ())):
        for key in node if isinstance(node, dict) else ():
            if key in (f"{PREFIX}:template", f"{NAMESPACE}template"):
                field, complaints = read("template", node[key])
                if isinstance(field, TemplateField) and not complaints:
                    yield _Found(node[key], field)
