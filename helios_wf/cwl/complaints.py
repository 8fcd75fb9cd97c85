"""What cwltool and schema-salad say is wrong with a document, as problems with a place and a useful text.

Their messages are trees, drawn with indentation, wrapped to the width of a terminal, with a line for every
level; only the innermost ones say what is wrong.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from helios_wf.cwl.checks import shown
from helios_wf.errors import Problem, did_you_mean
from helios_wf.model import Place

TYPES = ("null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any", "array",
         "record", "enum", "stdin", "stdout", "stderr")  # fmt: skip
CLASSES = (
    "CommandLineTool", "ExpressionTool", "Workflow", "Operation", "InlineJavascriptRequirement",
    "SchemaDefRequirement", "LoadListingRequirement", "DockerRequirement", "SoftwareRequirement",
    "InitialWorkDirRequirement", "EnvVarRequirement", "ShellCommandRequirement", "ResourceRequirement",
    "WorkReuse", "NetworkAccess", "InplaceUpdateRequirement", "ToolTimeLimit", "ScatterFeatureRequirement",
    "SubworkflowFeatureRequirement", "MultipleInputFeatureRequirement", "StepInputExpressionRequirement",
)  # fmt: skip

_LINE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+):(?P<text>.*)$")
_INVALID = re.compile(r"invalid field '([^']*)', expected one of: (.*)", re.DOTALL)
_UNDEFINED = re.compile(
    r"Field '(\w+)' (?:references unknown identifier|contains undefined reference to) '([^']*)'"
)
_FIELD = re.compile(r"the '([^']*)' field is not valid because")
_CLASS = re.compile(r"Expected class '[^']*' but this is '([^']*)'")
_GENERIC = re.compile(r"(the )?value\b|item is\b|is not|expected\b", re.IGNORECASE)
_WORDS = {
    "CommentedMap": "map", "CommentedSeq": "list", "ScalarFloat": "number", "ScalarInt": "whole number",
    "DoubleQuotedScalarString": "text", "SingleQuotedScalarString": "text", "WorkflowStepInput": "step input",
}  # fmt: skip
_CLASS_NAME = re.compile(r"<class '(?:[\w.]*\.)?(\w+)'>")
_INCOMPATIBLE = re.compile(
    r"Source '[^']*' of type (?P<source>\S+) is incompatible with "
    r"sink '(?P<name>[^']*)' of type (?P<sink>\S+)"
)
_MISSING = re.compile(r"Step is missing required parameter '([^']*)'")
_UNKNOWN_SOURCE = re.compile(r"unknown source '([^']*)'")
_CAUTION = re.compile(r"^Workflow checker warning:\n|\bWarning: +")
_TYPE = re.compile(r'of type (\{.*?\}+|\[.*?\](?!\})|"[^"]*")(?= |$)')


def problems_of(error: BaseException, fallback: Place) -> list[Problem]:
    """Returns what an exception of cwltool or schema-salad says, each mistake once.

    A step whose tool is wrong is not the one at fault: what is wrong with the tool is told.
    """
    cause = error.__cause__
    if cause is not None and "failed validation" in str(error) and hasattr(cause, "children"):
        return problems_of(cause, fallback)
    if getattr(error, "children", None):
        found = list(_leaves(error, fallback, ""))
    else:
        found = list(_from_text(str(getattr(error, "message", "") or error), _place(error) or fallback))
    return unique(found)


def warnings_of(texts: Iterable[str], fallback: Place) -> list[Problem]:
    """Returns what cwltool and schema-salad warn of, each once."""
    told = (_CAUTION.sub("", text) for text in texts if "previously defined" not in text)
    return unique(problem for text in told for problem in _from_text(text, fallback))


def unique(problems: Iterable[Problem]) -> list[Problem]:
    """Returns the problems without repetitions, in document order (those of one file together)."""
    seen: dict[str, Problem] = {}
    for problem in problems:
        seen.setdefault(str(problem), problem)
    files: dict[str, int] = {}
    for problem in seen.values():
        files.setdefault(problem.place.file if problem.place else "", len(files))

    def position(problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        return (files[place.file], place.line, place.column) if place else (files[""], 0, 0)

    return sorted(seen.values(), key=position)


def _leaves(error: Any, place: Place, field: str) -> Iterator[Problem]:
    """Yields the innermost messages of a tree.

    Where a value may have several forms, the tree says for each why it is not that one, at the same place:
    that is one mistake.
    """
    here = _place(error) or place
    named = _FIELD.search(error.message)
    field = named[1] if named else field
    if not error.children:
        for problem in _from_text(error.message, here):
            yield _in_field(problem, field)
        return
    flat = all(not child.children for child in error.children)
    tried = all(child.message.startswith("tried ") for child in error.children)
    if len(error.children) > 1 and (
        (flat and named) or tried or (flat and "item is invalid" in error.message)
    ):
        yield _nearest(error.children, here, field)
        return
    for child in error.children:
        yield from _leaves(child, here, field)


def _nearest(tried: list[Any], place: Place, field: str) -> Problem:
    """Returns one problem for a value that fits none of its forms: that of the form that fitted deepest."""
    found = [problem for child in tried for problem in _leaves(child, place, "")]
    deepest = max(found, key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0))
    if deepest.place != place:
        return deepest
    texts = list(dict.fromkeys(problem.message for problem in found))
    return _in_field(Problem(place, "; ".join(texts)), field)


def _in_field(problem: Problem, field: str) -> Problem:
    if field and _GENERIC.match(problem.message):
        return Problem(problem.place, f"{field!r}: {problem.message}")
    return problem


def _place(error: Any) -> Place | None:
    file, start = getattr(error, "file", None), getattr(error, "start", None)
    if not file:
        return None
    line, column = start or (1, 1)
    return Place(absolute(str(file)), int(line or 1), int(column or 1))


def absolute(file: str) -> str:
    """Returns the absolute path of a file as schema-salad names it: a URI, or from the working folder.

    The latter is made of a URI too, so that a space in it is ``%20``.
    """
    file = unquote(urlsplit(file).path if file.startswith("file://") else file)
    return os.path.normpath(Path(file).absolute())


class _Line(NamedTuple):
    """A line of a message: its place if it has one, at which column its text begins, and the text."""

    place: Place | None
    depth: int
    text: str


def _line(line: str) -> _Line:
    found = _LINE.match(line)
    if found is None:
        return _Line(None, len(line) - len(line.lstrip()), line.strip())
    body = found["text"]
    depth = found.start("text") + len(body) - len(body.lstrip())
    return _Line(
        Place(absolute(found["file"]), int(found["line"]), int(found["column"])), depth, body.strip()
    )


class _Group(NamedTuple):
    """Lines that tell one mistake: its place, how deep it stands, and the pieces, each with a place."""

    place: Place
    depth: int
    pieces: list[tuple[Place, list[str]]]

    def __str__(self) -> str:
        texts = []
        for place, lines in self.pieces:
            note = f" ({_from(self.place, place)})" if place != self.place else ""
            texts.append(" ".join(lines) + note)
        return " ".join(texts)


def _from_text(text: str, fallback: Place) -> Iterator[Problem]:
    """Yields the problems in a text whose lines may begin with places; deeper lines go with those above."""
    groups: list[_Group] = []
    for line in map(_line, text.splitlines()):
        if not line.text:
            continue
        deeper = bool(groups) and (line.place is None or line.depth > groups[-1].depth)
        if not deeper or line.text.startswith("Source '"):
            place = line.place or (groups[-1].place if groups else fallback)
            groups.append(_Group(place, line.depth, [(place, [line.text])]))
        elif line.place is None or line.place == groups[-1].pieces[-1][0]:
            groups[-1].pieces[-1][1].append(line.text)
        else:
            groups[-1].pieces.append((line.place, [line.text]))
    for group in groups:
        yield Problem(group.place, _friendly(str(group)))


def _from(here: Place, there: Place) -> str:
    return f"line {there.line}, column {there.column}" if there.file == here.file else str(there)


def _friendly(message: str) -> str:
    """Returns a message with names instead of URIs, and with the nearest right word."""
    found = _INVALID.search(message)
    if found:
        known = re.findall(r"'([^']*)'", found[2])
        return f"unknown field {found[1]!r}{did_you_mean(found[1], known)}"
    for pattern, group in ((_UNDEFINED, 2), (_CLASS, 1)):
        found = pattern.search(message)
        if found:
            return _undefined(found[1] if group == 2 else "class", found[group])
    if message.startswith("No cwlVersion found"):
        return "lacks cwlVersion; add the line: cwlVersion: v1.2"
    if message.startswith("'cwlVersion' must be") or "Supported versions are" in message:
        return "the cwlVersion is none of v1.0, v1.1, v1.2; write: cwlVersion: v1.2"
    for word, plain in _WORDS.items():
        message = message.replace(word, plain)
    message = _TYPE.sub(_as_people_write, _CLASS_NAME.sub(r"\1", message))
    return _advised(re.sub(r"file://(/[^\s'\"]*)", r"\1", message))


def with_near_source(problem: Problem, names: Callable[[str], Iterable[str]]) -> Problem:
    """Returns a problem that tells of an unknown source with the nearest one that there is.

    Args:
        problem: any problem.
        names: what may be named as a source in a file.
    """
    found = _UNKNOWN_SOURCE.match(problem.message)
    if found is None or problem.place is None:
        return problem
    near = did_you_mean(found[1], names(problem.place.file))
    return Problem(problem.place, f"unknown source {found[1]!r}{near}") if "did you mean" in near else problem


def _advised(message: str) -> str:
    """Returns a message of cwltool that says what is wrong, with what would be right."""
    misfit = _INCOMPATIBLE.match(message)
    if misfit and misfit["source"] == f"{misfit['sink']}[]":
        return f"{message}; to run the step once for each element, add to it: scatter: {misfit['name']}"
    missing = _MISSING.match(message)
    if missing:
        return f"{message}; bind it under 'in', or make it optional in what the step runs (its type with '?')"
    return message


def _as_people_write(found: re.Match[str]) -> str:
    try:
        return f"of type {shown(json.loads(found[1]))}"
    except (ValueError, KeyError, TypeError):
        return found[0]


def _undefined(field: str, target: str) -> str:
    name = target.rsplit("#", 1)[-1].rsplit("/", 1)[-1]
    if field in ("type", "items"):
        return f"unknown type {name!r}{did_you_mean(name, TYPES)}"
    if field == "class":
        return f"unknown class {name!r}{did_you_mean(name, CLASSES)}"
    if field in ("source", "outputSource"):
        source = target.rsplit("#", 1)[-1]
        return f"unknown source {source!r}; a source is an input of the workflow or STEP/OUTPUT"
    if field == "scatter":
        return f"scatter names {name!r}, which is no input of the step"
    if field == "run":
        return f"cannot read {unquote(urlsplit(target).path) or target}: no such file or part"
    return f"{field!r} names {name!r}, which is not there"
