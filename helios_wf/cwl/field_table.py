"""All ``helios:`` fields of a document and what it runs, read from the text as it was written."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

from helios_wf.cwl import fields, outline
from helios_wf.cwl.marks import key_place, value_place
from helios_wf.cwl.sources import Sources
from helios_wf.errors import Problem, did_you_mean
from helios_wf.model import Place

DECLARE = f'$namespaces: {{{fields.PREFIX}: "{fields.NAMESPACE}"}}'
"""The line that makes the fields known to every CWL runner."""


AMONG = "among the "
"""How the kind of a map of parts begins."""


class Found(NamedTuple):
    """A field in a document: what it says, and where it and its keys stand."""

    name: str
    value: Any
    place: Place
    places: dict[str, Place]

    def at(self, key: str | None) -> Place:
        """Returns where a key's value stands, or the field itself."""
        return self.places.get(key, self.place) if key else self.place


class FieldTable(NamedTuple):
    """The fields by the place of their key, and every mistake in them."""

    fields: dict[Place, Found]
    problems: list[Problem]


def read_fields(sources: Sources) -> FieldTable:
    """Returns the fields of all documents that were gathered."""
    table = FieldTable({}, [])
    undeclared: set[str] = set()
    for root in sources.roots:
        for part in outline.parts(sources, root):
            for key, name in _ours(part, table.problems, undeclared):
                _read(part, key, name, table)
    return table


def _ours(part: outline.Part, problems: list[Problem], undeclared: set[str]) -> Iterator[tuple[str, str]]:
    """Yields the keys of a part that are ours, each with its name without the prefix."""
    for key in part.node:
        if not isinstance(key, str) or ":" not in key:
            continue
        if key.startswith(fields.NAMESPACE):
            yield key, key.removeprefix(fields.NAMESPACE)
            continue
        prefix, name = key.split(":", 1)
        meaning = part.prefixes.get(prefix)
        if meaning == fields.NAMESPACE:
            yield key, name
        elif prefix == fields.PREFIX:
            if part.file not in undeclared:
                undeclared.add(part.file)
                problems.append(Problem(key_place(part.node, key, part.file), _undeclared(meaning)))
            yield key, name
        elif meaning is None and name in fields.FIELDS and _near(prefix):
            message = f"unknown prefix {prefix!r} of {key!r}; did you mean '{fields.PREFIX}:{name}'?"
            problems.append(Problem(key_place(part.node, key, part.file), message))


def _undeclared(meaning: str | None) -> str:
    if meaning is None:
        return f"the prefix '{fields.PREFIX}' is not declared; add this line to the document: {DECLARE}"
    return f"the prefix '{fields.PREFIX}' stands for {meaning!r}; it must be declared as: {DECLARE}"


def _near(prefix: str) -> bool:
    return bool(difflib.get_close_matches(prefix.lower(), [fields.PREFIX], cutoff=0.6))


def _read(part: outline.Part, key: str, name: str, table: FieldTable) -> None:
    place = key_place(part.node, key, part.file)
    if place in table.fields:
        return
    shown = f"'{fields.PREFIX}:{name}'"
    if name not in fields.FIELDS:
        known = [f"{fields.PREFIX}:{field}" for field in fields.FIELDS]
        message = f"unknown field {shown}{did_you_mean(f'{fields.PREFIX}:{name}', known)}"
        table.problems.append(Problem(place, message))
        return
    owners = fields.FIELDS[name].owners
    if part.kind not in owners:
        message = f"{shown} {_astray(part.kind, owners)}"
        table.problems.append(Problem(place, message))
        return
    raw = part.node[key]
    value, complaints = fields.read(name, raw)
    for complaint in complaints:
        table.problems.append(_problem(complaint, shown, part, key, raw))
    if value is not None:
        table.fields[place] = Found(name, value, place, _places(raw, part.file, place))


def _problem(complaint: fields.Complaint, shown: str, part: outline.Part, key: str, raw: Any) -> Problem:
    if complaint.key is None:
        return Problem(key_place(part.node, key, part.file), f"{shown} {complaint.message}")
    where = key_place if complaint.message.startswith("unknown key") else value_place
    return Problem(where(raw, complaint.key, part.file), f"{shown}: {complaint.message}")


def _places(raw: Any, file: str, place: Place) -> dict[str, Place]:
    if not isinstance(raw, dict):
        return {}
    return {str(key): value_place(raw, key, file) for key in raw}


def _astray(kind: str, owners: tuple[str, ...]) -> str:
    if kind.startswith(AMONG):
        return f"stands {kind}, as if it were one of them; indent it into {_listed(owners)}"
    return f"does not belong {_where(kind)}; it belongs on {_listed(owners)}"


def _where(kind: str) -> str:
    return "here" if kind in ("elsewhere", "document") else f"on a {kind}"


def _listed(owners: tuple[str, ...]) -> str:
    details = {
        "workflow input": "an input of a workflow",
        "workflow output": "an output of a workflow",
        "workflow": "a workflow",
        "step": "a step",
        "tool": "a tool",
    }
    return " or ".join(details[owner] for owner in owners)
