"""What cwltool and schema-salad say is wrong with a document, as problems with a place and a useful text.

Their messages are trees, drawn with indentation, wrapped to the width of a terminal, with a line for every
level; only the innermost ones say what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from helios_wf.errors import Problem, did_you_mean
from helios_wf.model import Place

TYPES = ("null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any", "array",
         "record", "enum", "stdin", "stdout", "stderr")  # fmt: skip
CLASSES = (
    "CommandLineTool", "ExpressionTool", "Workflow", "Operation", "InlineJavascriptRequirement",
    "SchemaDefRequirement", "LoadListingRequirement", "DockerRequirement", "SoftwareRequirement",
    "InitialWorkDirRequirement", "EnvVarRequirement", "ShellCommandRequirement", "ResourceRequirement",
    "WorkReuse", "NetworkAccess", "InplaceUpdateRequirement", "ToolTimeLimit", "SubworkflowFeatureRequirement",
    "ScatterFeatureRequirement", "MultipleInputFeatureRequirement", "StepInputExpressionRequirement",
)  # fmt: skip

_LINE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+):(?P<text>.*)$")
_INVALID = re.compile(r"invalid field '([^']*)', expected one of: (.*)", re.DOTALL)
_UNDEFINED = re.compile(
    r"Field '(\w+)' (?:references unknown identifier|contains undefined reference to) '([^']*)'"
)


def problems_of(error: Exception, fallback: Place) -> list[Problem]:
    """Returns what an exception of cwltool or schema-salad says, each mistake once."""
    if getattr(error, "children", None):
        found = list(_leaves(error, fallback))
    else:
        found = list(_from_text(str(getattr(error, "message", "") or error), _place(error) or fallback))
    return unique(found)


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


def _leaves(error: Any, place: Place) -> Iterator[Problem]:
    """Yields the innermost messages of a tree.

    Where a value may have several forms, the tree says for each why it is not that one, at the same place:
    that is one mistake.
    """
    here = _place(error) or place
    if not error.children:
        yield from _from_text(error.message, here)
        return
    if error.message.endswith("field is not valid because") and all(not c.children for c in error.children):
        texts = list(dict.fromkeys(_friendly(child.message) for child in error.children))
        yield Problem(here, f"{error.message.removesuffix(' because')}: {'; '.join(texts)}")
        return
    tried = [child for child in error.children if child.message.startswith("tried ")]
    if len(tried) > 1 and len(tried) == len(error.children):
        yield _nearest(tried, here, error.message)
        return
    for child in error.children:
        yield from _leaves(child, here)


def _nearest(tried: list[Any], place: Place, message: str) -> Problem:
    """Returns one problem for a value that fits none of its forms: that of the form that fitted deepest."""
    found = [problem for child in tried for problem in _leaves(child, place)]
    deepest = max(
        found, key=lambda problem: (problem.place.line, problem.place.column) if problem.place else (0, 0)
    )
    if deepest.place != place:
        return deepest
    texts = list(dict.fromkeys(problem.message for problem in found))
    return Problem(place, f"{message.removesuffix(' because') or 'is not valid'}: {'; '.join(texts)}")


def _place(error: Any) -> Place | None:
    file, start = getattr(error, "file", None), getattr(error, "start", None)
    if not file:
        return None
    line, column = start or (1, 1)
    return Place(_absolute(str(file)), int(line or 1), int(column or 1))


def _absolute(file: str) -> str:
    if file.startswith("file://"):
        file = unquote(urlsplit(file).path)
    return str(Path(file).absolute().resolve() if ".." in Path(file).parts else Path(file).absolute())


def _from_text(text: str, fallback: Place) -> Iterator[Problem]:
    """Yields the problems in a text whose lines may begin with places; deeper lines belong to shallower ones."""
    groups: list[tuple[Place, int, list[str]]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        found = _LINE.match(line)
        body = found["text"] if found else line
        depth = len(body) - len(body.lstrip())
        place = Place(_absolute(found["file"]), int(found["line"]), int(found["column"])) if found else None
        if groups and (place is None or depth > groups[-1][1]):
            more = body.strip() + (f" ({place})" if place and place.file != groups[-1][0].file else "")
            groups[-1][2].append(more)
        else:
            groups.append((place or fallback, depth, [body.strip()]))
    for place, _, lines in groups:
        yield Problem(place, _friendly(" ".join(lines)))


def _friendly(message: str) -> str:
    """Returns a message with names instead of URIs, and with the nearest right word."""
    found = _INVALID.search(message)
    if found:
        known = re.findall(r"'([^']*)'", found[2])
        return f"unknown field {found[1]!r}{did_you_mean(found[1], known)}"
    found = _UNDEFINED.search(message)
    if found:
        return _undefined(found[1], found[2])
    return re.sub(r"file://(/[^\s'\"]*)", r"\1", message)


def _undefined(field: str, target: str) -> str:
    name = target.rsplit("#", 1)[-1].rsplit("/", 1)[-1]
    if field == "type" or field == "items":
        return f"unknown type {name!r}{did_you_mean(name, TYPES)}"
    if field == "class":
        return f"unknown class {name!r}{did_you_mean(name, CLASSES)}"
    if field in ("source", "outputSource"):
        return f"unknown source {target.rsplit('#', 1)[-1]!r}; a source is an input of the workflow or STEP/OUTPUT"
    if field == "run":
        return f"cannot read {urlsplit(target).path or target}: no such file or part"
    return f"{field!r} names {name!r}, which is not there"
