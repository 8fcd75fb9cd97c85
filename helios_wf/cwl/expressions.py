"""CWL expressions: parameter references natively, JavaScript through QuickJS.

An expression is compiled once and evaluated for many jobs.

Source: CWL v1.2 CommandLineTool, section 3.4 (parameter references and expressions), with cwltool's
behaviour where the text leaves a choice.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from helios_wf.cwl.expression_text import Code, failed, is_expression, pieces_of
from helios_wf.cwl.javascript import Call, JavascriptError, Script, complete, names_used, uses
from helios_wf.errors import JobError
from helios_wf.model import Json

Expression: TypeAlias = Callable[[Mapping[str, Json], Json, Mapping[str, Json]], Json]
"""Called with ``(inputs, self, runtime)``."""

Javascript: TypeAlias = "tuple[str, ...] | None"
"""The expression library where JavaScript is allowed, else None."""

_SEGMENT = r"""\.\w+|\['(?:[^']|\\')+'\]|\["(?:[^"]|\\")+"\]|\[[0-9]+\]"""
_REFERENCE = re.compile(rf"\((\w+)((?:{_SEGMENT})*)\)")
_SEGMENTS = re.compile(_SEGMENT)
_ROOTS = {"inputs": 0, "self": 1, "runtime": 2}


class _MissingError(Exception):
    """A parameter reference leads nowhere."""


class Compiled(ABC):
    """A text with expressions in it, compiled; called as an ``Expression``."""

    __slots__ = ()

    names: frozenset[str] | None
    """The inputs that it can see; None when it may see them all."""

    def scripts(self) -> Iterator[Script]:
        """Yields the JavaScript in it."""
        yield from ()

    @abstractmethod
    def work(
        self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]
    ) -> Generator[Call, Json, Json]:
        """Evaluates it, as work whose calls of JavaScript can be run together with those of others."""

    def __call__(self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]) -> Json:
        """Returns its value.

        Raises:
            JobError: it failed; names the expression.
        """
        return complete(self.work(inputs, self_value, runtime))


@lru_cache(maxsize=1024)
def compile_expression(text: str, javascript: Javascript = None, *, strip: bool = True) -> Compiled:
    """Returns a text with expressions in it, compiled.

    Text that is one expression yields its value; text around expressions is joined with their values, as
    JSON where they are no strings.  Text without an expression yields itself.

    Args:
        text: as it stands in the document.
        javascript: the expression library where JavaScript is allowed, else None.
        strip: whether white space around the text is dropped (all fields but ``entry``).

    Raises:
        JobError: the text is no expression; names it.
    """
    if not is_expression(text):
        return _Constant(text)
    pieces = pieces_of(text.strip() if strip else text)
    parts = [
        _compile_code(piece, text, javascript) if isinstance(piece, Code) else _Constant(piece)
        for piece in pieces
    ]
    return parts[0] if len(parts) == 1 else _Joined(parts)


def evaluate(
    value: Json,
    javascript: Javascript,
    inputs: Mapping[str, Json],
    self_value: Json = None,
    runtime: Mapping[str, Json] | None = None,
) -> Json:
    """Returns the value of a field that may hold an expression; other values pass unchanged.

    Raises:
        JobError: the expression failed; names it.
    """
    if not is_expression(value):
        return value
    return compile_expression(value, javascript)(inputs, self_value, runtime or {})


def scripts_in(value: Json) -> Iterator[str]:
    """Yields the texts in a tool that need JavaScript: those with more than parameter references."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in ("default", "doc", "expressionLib", "label"):
                yield from scripts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from scripts_in(each)
    elif is_expression(value):
        try:
            compile_expression(value)
        except JobError:
            yield value


class _Constant(Compiled):
    """Text without an expression, or the expression ``$(null)``."""

    __slots__ = ("_value",)
    names = frozenset()

    def __init__(self, value: Json) -> None:
        self._value = value

    def __call__(self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]) -> Json:
        return self._value

    def work(
        self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]
    ) -> Generator[Call, Json, Json]:
        yield from ()
        return self._value


class _Joined(Compiled):
    """Expressions with text around them."""

    __slots__ = ("_parts", "names")

    def __init__(self, parts: Sequence[Compiled]) -> None:
        self._parts = parts
        known = [part.names for part in parts if part.names is not None]
        self.names = frozenset().union(*known) if len(known) == len(parts) else None

    def scripts(self) -> Iterator[Script]:
        for part in self._parts:
            yield from part.scripts()

    def __call__(self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]) -> Json:
        return "".join([_as_text(part(inputs, self_value, runtime)) for part in self._parts])

    def work(
        self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]
    ) -> Generator[Call, Json, Json]:
        texts = []
        for part in self._parts:
            value = yield from part.work(inputs, self_value, runtime)
            texts.append(_as_text(value))
        return "".join(texts)


class _Reference(Compiled):
    """A parameter reference; what leads nowhere is left to JavaScript, where that is allowed."""

    __slots__ = ("_fallback", "_index", "_keys", "_root", "_text", "names")

    def __init__(self, root: str, keys: Sequence[str | int], text: str, fallback: Compiled | None) -> None:
        self._root, self._index, self._keys = root, _ROOTS[root], tuple(keys)
        self._text, self._fallback = text, fallback
        self.names = frozenset({str(keys[0])} if keys else ()) if root == "inputs" else frozenset()
        if root == "inputs" and not keys:
            self.names = None

    def __call__(self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]) -> Json:
        try:
            return _follow(self._root, (inputs, self_value, runtime)[self._index], self._keys)
        except _MissingError as error:
            return self._otherwise(error)(inputs, self_value, runtime)

    def work(
        self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]
    ) -> Generator[Call, Json, Json]:
        try:
            return _follow(self._root, (inputs, self_value, runtime)[self._index], self._keys)
        except _MissingError as error:
            fallback = self._otherwise(error)
        return (yield from fallback.work(inputs, self_value, runtime))

    def _otherwise(self, error: _MissingError) -> Compiled:
        if self._fallback is None:
            raise failed(self._text, str(error)) from None
        return self._fallback


class _Javascript(Compiled):
    """JavaScript."""

    __slots__ = ("_script", "_sees_runtime", "_sees_self", "_text", "names")

    def __init__(self, code: Code, text: str, library: tuple[str, ...]) -> None:
        self._script = Script(str(code), library)
        self._text = text
        self.names = names_used(code, library)
        self._sees_self = uses("self", code, library)
        self._sees_runtime = uses("runtime", code, library)

    def scripts(self) -> Iterator[Script]:
        yield self._script

    def work(
        self, inputs: Mapping[str, Json], self_value: Json, runtime: Mapping[str, Json]
    ) -> Generator[Call, Json, Json]:
        names = self.names
        call = Call(
            self._script,
            inputs if names is None else {name: inputs[name] for name in names if name in inputs},
            self_value if self._sees_self else None,
            runtime if self._sees_runtime else {},
        )
        try:
            return (yield call)
        except JavascriptError as error:
            raise failed(self._text, f"{error}; given: {self._given(call)}") from None

    def _given(self, call: Call) -> str:
        seen: dict[str, Json] = {"inputs": call.inputs}
        seen |= {"self": call.self_value} if self._sees_self else {}
        return ", ".join(f"{name} = {_shown(value)}" for name, value in seen.items())


def _compile_code(code: Code, text: str, javascript: Javascript) -> Compiled:
    reference = _REFERENCE.fullmatch(code)
    if reference is None or reference[1] not in _ROOTS:
        if code == "(null)":
            return _Constant(None)
        if javascript is None:
            raise failed(
                text,
                f'${code} is no parameter reference (inputs, self or runtime, then .name, ["name"] or [0]); '
                "JavaScript needs an InlineJavascriptRequirement",
            )
        return _Javascript(code, text, javascript)
    keys = [_key(segment) for segment in _SEGMENTS.findall(reference[2])]
    fallback = None if javascript is None else _Javascript(code, text, javascript)
    return _Reference(reference[1], keys, text, fallback)


def _follow(root: str, value: Json, keys: tuple[str | int, ...]) -> Json:
    """Returns what a path of keys leads to."""
    last = len(keys) - 1
    for at, key in enumerate(keys):
        if isinstance(key, int):
            if not isinstance(value, list):
                raise _MissingError(f"{_path(root, keys[:at])} is {_kind(value)}; an index needs an array")
            if key >= len(value):
                raise _MissingError(
                    f"{_path(root, keys[:at])} has {len(value)} elements; [{key}] was asked for"
                )
            value = value[key]
        elif isinstance(value, Mapping):
            if key not in value:
                raise _MissingError(
                    f"{_path(root, keys[:at])} has no {key!r}; it has: {', '.join(sorted(value))}"
                )
            value = value[key]
        elif key == "length" and at == last and isinstance(value, list):
            return len(value)
        else:
            raise _MissingError(f"{_path(root, keys[:at])} is {_kind(value)}, which has no {key!r}")
    return value


def _path(root: str, keys: tuple[str | int, ...]) -> str:
    return root + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _kind(value: Json) -> str:
    return "null" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"


def _key(segment: str) -> str | int:
    if segment.startswith("."):
        return segment[1:]
    if segment[1] in "'\"":
        return segment[2:-2].replace("\\'", "'").replace('\\"', '"')
    return int(segment[1:-1])


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _shown(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."
