"""The JavaScript of a document, tried before anything runs: its syntax, its libraries, and what is constant.

What would fail, hang or eat memory whatever its inputs does so here, in a sandbox with little time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from helios_wf.cwl.expression_text import is_expression, modernise
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.javascript import Call, JavascriptError, PassedLimitError, Sandbox, Script
from helios_wf.cwl.requirements import CUDA, javascript_of, version_of
from helios_wf.errors import JobError, Problem
from helios_wf.model import Json, Place, Process, Workflow

TRIAL_S = 1.5
"""Processor time of one trial."""

_VARIES = re.compile(r"\b(?:inputs|self|runtime|Date|performance|random)\b")
"""Words of code that may give another result, or end, another time."""

_THROWN = re.compile(r"(?!(?:Syntax|Reference|Type|Range|Internal)Error\b)\w*Error: ")
"""What code says on purpose: it may stand in a branch that nobody takes."""

_EVALUATED = (
    "InitialWorkDirRequirement",
    "EnvVarRequirement",
    "ResourceRequirement",
    "ToolTimeLimit",
    "NetworkAccess",
    "WorkReuse",
    CUDA,
)
_NOT_EVALUATED = ("default", "type", "id", "class", "baseCommand", "symbols", "$namespaces", "$schemas")


class Written(NamedTuple):
    """An expression as it stands in a process."""

    text: str
    library: tuple[str, ...]
    home: Place


def wrong_scripts(process: Process, places: Mapping[str, tuple[Place, ...]]) -> list[Problem]:
    """Returns what is wrong with the JavaScript of a process.

    Args:
        process: the document's.
        places: where its expressions and the parts of its libraries stand.
    """
    written = list(dict.fromkeys(_written(process)))
    trial = _Trial(places)
    try:
        for one in written:
            trial.take(one)
    except _SpentError:
        pass
    finally:
        trial.close()
    return trial.problems


class _SpentError(Exception):
    """A limit was passed; what is left is not tried, so that all together take little time."""


class _Trial:
    def __init__(self, places: Mapping[str, tuple[Place, ...]]) -> None:
        self.problems: list[Problem] = []
        self._places = places
        self._sandbox = Sandbox(TRIAL_S)
        self._sound: dict[tuple[str, ...], bool] = {}

    def close(self) -> None:
        self._sandbox.process.close()

    def take(self, one: Written) -> None:
        """Tries the library of an expression, and the expression itself.

        Raises:
            _SpentError: a limit was passed.
        """
        if one.library not in self._sound:
            self._sound[one.library] = False
            self._sound[one.library] = self._load(one)
        if not is_expression(one.text):
            return
        about = f"the expression {_short(one.text)!r} cannot work"
        try:
            scripts = list(compile_expression(one.text, one.library).scripts())
        except JobError as error:
            self._note(one.text, str(error), one.home)
            return
        for script in scripts:
            if self._works(Call(script, only_compile=True), one.text, about, one.home):
                is_constant = not any(_VARIES.search(text) for text in (script.code, *script.library))
                if is_constant and self._sound[one.library]:
                    self._works(Call(script), one.text, about, one.home)

    def _load(self, one: Written) -> bool:
        """Says whether a library can be loaded; notes the first part that cannot after those before it."""
        return all(
            self._works(
                Call(Script("(null)", one.library[:stop])),
                one.library[stop - 1],
                "the expression library cannot be loaded",
                one.home,
            )
            for stop in range(1, len(one.library) + 1)
        )

    def _works(self, call: Call, text: str, about: str, home: Place) -> bool:
        (value,) = self._sandbox.run([call])
        if not isinstance(value, JavascriptError) or _THROWN.match(str(value)):
            return True
        self._note(text, f"{about}: {value}", home)
        if isinstance(value, PassedLimitError):
            raise _SpentError
        return False

    def _note(self, text: str, message: str, home: Place) -> None:
        self.problems.append(Problem(next(iter(self._places.get(text, ())), home), message))


def _written(process: Process) -> Iterator[Written]:
    """Yields the expressions of a process where JavaScript is allowed, and (as text "") its libraries."""
    if isinstance(process, Workflow):
        for step in process.steps:
            if step.javascript is not None:
                yield Written("", step.javascript, step.place)
                for text in (step.when, *(entry.value_from for entry in step.inputs)):
                    if is_expression(text):
                        yield Written(str(text), step.javascript, step.place)
            yield from _written(step.run)
        return
    library = javascript_of(process.body)
    if library is None:
        return
    yield Written("", library, process.place)
    body = process.body
    if version_of(body) in ("v1.0", "v1.1"):
        with contextlib.suppress(JobError):
            body = modernise(body)
    for key, value in body.items():
        if key in ("requirements", "hints"):
            value = [entry for entry in value if entry.get("class") in _EVALUATED]
        if key not in _NOT_EVALUATED:
            for text in _expressions(value):
                yield Written(text, library, process.place)


def _expressions(value: Json) -> Iterator[str]:
    if is_expression(value):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _NOT_EVALUATED:
                yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
