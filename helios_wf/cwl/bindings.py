"""Command lines: input bindings compiled, and bound to the values of a job in CWL's order.

Source: CWL v1.2 CommandLineTool, section 4.1 (input binding); sort keys as cwltool builds them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cmp_to_key
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import Expression, Javascript, compile_expression
from helios_wf.cwl.schema import FILES, SCALARS, Port, Type, as_list, choose, show
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

Key: TypeAlias = "list[int | str]"


class Scope(NamedTuple):
    """What expressions see."""

    inputs: Mapping[str, Json]
    runtime: Mapping[str, Json]


class Bound(NamedTuple):
    """Words of a command line, and where they sort."""

    key: Key
    words: list[str]


class Binding:
    """One ``inputBinding`` or entry of ``arguments``, compiled."""

    __slots__ = ("item_separator", "position", "prefix", "quote", "separate", "value_from")

    def __init__(self, given: Mapping[str, Json], javascript: Javascript, shell: bool) -> None:
        position = given.get("position") or 0
        self.position: int | Expression = (
            compile_expression(position, javascript) if isinstance(position, str) else position
        )
        self.prefix: str | None = given.get("prefix")
        self.separate: bool = given.get("separate", True)
        self.item_separator: str | None = given.get("itemSeparator")
        self.quote = shell and given.get("shellQuote", True)
        value_from = given.get("valueFrom")
        self.value_from: Expression | None = (
            None if value_from is None else compile_expression(value_from, javascript)
        )

    def place(self, value: Json, scope: Scope) -> int:
        """Returns its position.

        Raises:
            JobError: an expression for it gave no integer.
        """
        if isinstance(self.position, int):
            return self.position
        position = self.position(scope.inputs, value, scope.runtime)
        if position is None:
            return 0
        if not isinstance(position, int) or isinstance(position, bool):
            raise JobError(
                Cause.EXPRESSION, f"position must be an integer, but its expression gave {show(position)}"
            )
        return position

    @property
    def is_fixed(self) -> bool:
        """Whether it stands where it stands, whatever the inputs are."""
        return isinstance(self.position, int)

    def words(self, value: Json, scope: Scope) -> list[str]:
        """Returns the words that it adds for a value."""
        if self.value_from is not None:
            value = self.value_from(scope.inputs, value, scope.runtime)
        words = self._words(value)
        return [shlex.quote(word) for word in words] if self.quote else words

    def _words(self, value: Json) -> list[str]:
        if type(value) is str:
            return self._one(value)
        prefix = [] if self.prefix is None else [self.prefix]
        if isinstance(value, list):
            if not value:
                return prefix if self.value_from is not None else []
            if self.item_separator:
                return self._one(self.item_separator.join(as_word(each) for each in value))
            return [*prefix, *(as_word(each) for each in value)] if self.value_from is not None else prefix
        if isinstance(value, bool):
            return prefix if value else []
        if value is None:
            return []
        if isinstance(value, Mapping) and value.get("class") not in ("File", "Directory"):
            return prefix
        return self._one(as_word(value))

    def _one(self, word: str) -> list[str]:
        if self.prefix is None:
            return [word]
        return [self.prefix, word] if self.separate else [self.prefix + word]


def as_word(value: Json) -> str:
    """Returns a value as it stands on a command line: a file by its path, a number without exponent."""
    if type(value) is str:
        return value
    if isinstance(value, Mapping) and value.get("class") in ("File", "Directory"):
        return str(value["path"])
    if isinstance(value, float):
        text = repr(value)
        return format(Decimal(text), "f") if "e" in text else text
    return str(value)


Emit: TypeAlias = Callable[[Scope], "list[Bound]"]
"""Binds one thing; the result is sorted when its key is static."""


class CommandLine:
    """The command line of a tool, compiled: words from inputs and runtime."""

    def __init__(
        self, body: Mapping[str, Json], ports: tuple[Port, ...], javascript: Javascript, shell: bool
    ) -> None:
        self._javascript = javascript
        self._shell = shell
        self._compiled: dict[int, Binding] = {}
        self._kept: list[Mapping[str, Json]] = []
        self._emits: list[Emit] = []
        keys = [*self._add_words(body), *self._add_ports(ports)]
        self._static = None not in keys
        if self._static:
            order = sorted(range(len(keys)), key=lambda at: _sort_key(keys[at] or []))
            self._emits = [self._emits[at] for at in order]

    def words(self, scope: Scope) -> list[str]:
        """Returns the words of the command line, in CWL's order; quoted where a shell reads them."""
        bound = [each for emit in self._emits for each in emit(scope)]
        if not self._static:
            bound.sort(key=lambda each: _sort_key(each.key))
        return [word for each in bound for word in each.words]

    def _add_words(self, body: Mapping[str, Json]) -> list[Key | None]:
        """Adds the base command and the arguments; returns their static keys."""
        keys: list[Key | None] = []
        given: list[tuple[Key | None, int, Json]] = [
            ([-1000000, at], at, {"valueFrom": word, "position": -1000000})
            for at, word in enumerate(as_list(body.get("baseCommand") or []))
        ]
        for at, argument in enumerate(body.get("arguments") or ()):
            entry = argument if isinstance(argument, Mapping) else {"valueFrom": argument}
            static = not isinstance(entry.get("position"), str)
            given.append(([entry.get("position") or 0, at] if static else None, at, entry))
        for key, at, entry in given:
            base = key is not None and key[0] == -1000000
            binding = self._fixed(entry["valueFrom"]) if base else self._binding(entry)
            place = -1000000 if base else None
            if key is not None and (base or not is_expression(entry["valueFrom"])):
                self._emits.append(_constant(Bound(key, binding.words(None, _NOTHING))))
            else:
                self._emits.append(_argument(binding, at, place))
            keys.append(key)
        return keys

    def _fixed(self, word: str) -> Binding:
        binding = Binding({}, None, self._shell)
        binding.value_from = lambda inputs, self_value, runtime: word
        return binding

    def _add_ports(self, ports: tuple[Port, ...]) -> list[Key | None]:
        keys: list[Key | None] = []
        for port in ports:
            given = port.given.get("inputBinding")
            if given is None and not _binds(port.type):
                continue
            self._emits.append(self._port(port, given))
            position = None if given is None else given.get("position") or 0
            static = isinstance(position, int) and not _scatters(port.type)
            keys.append([position or 0, port.name] if static else None)
        return keys

    def _port(self, port: Port, given: Mapping[str, Json] | None) -> Emit:
        sort = given is not None and not _in_order(port.type)
        if given is not None and _is_plain(port.type) and self._binding(given).is_fixed:
            return _plain(port.name, self._binding(given))

        def emit(scope: Scope) -> list[Bound]:
            value = scope.inputs.get(port.name)
            if value is None:
                return []
            bound = self._bind(port.type, given, value, [], [port.name], scope)
            return sorted(bound, key=lambda each: _sort_key(each.key)) if sort else bound

        return emit

    def _binding(self, given: Mapping[str, Json]) -> Binding:
        binding = self._compiled.get(id(given))
        if binding is None:
            binding = self._compiled[id(given)] = Binding(given, self._javascript, self._shell)
            self._kept.append(given)
        return binding

    def _bind(
        self, kind: Type, given: Mapping[str, Json] | None, value: Json, lead: Key, tail: Key, scope: Scope
    ) -> list[Bound]:
        """Binds a value; ``given`` is the binding that holds where it stands."""
        if given is None:
            return self._below(kind, None, value, lead, tail, scope)
        binding = self._binding(given)
        key = [*lead, binding.place(value, scope), *tail]
        return self._bind_at(kind, given, key, value, lead, tail, scope)

    def _bind_at(
        self, kind: Type, given: Mapping[str, Json], key: Key, value: Json, lead: Key, tail: Key, scope: Scope
    ) -> list[Bound]:
        binding = self._binding(given)
        kind = _resolved(kind, value)
        if kind.kind == "array" and not kind.inline:
            return self._items(kind, given, key, value, tail, scope)
        own = Bound(key, binding.words(value, scope))
        if binding.value_from is not None:
            return [own]
        inner = _EMPTY if kind.inline and kind.kind == "array" and binding.item_separator is None else None
        below = self._below(kind, inner, value, lead, tail, scope)
        return [own, *(Bound(key + each.key, each.words) for each in below)]

    def _below(
        self, kind: Type, inner: Mapping[str, Json] | None, value: Json, lead: Key, tail: Key, scope: Scope
    ) -> list[Bound]:
        """Binds what lies in a value: by the type's own binding, or else by ``inner``."""
        kind = _resolved(kind, value)
        given = (kind.binding if kind.binding is not None else inner) if kind.inline else None
        if kind.kind == "array":
            if given is None:
                return self._items(kind, None, [], value, tail, scope)
            key = [*lead, self._binding(given).place(value, scope), *tail]
            return self._items(kind, given, key, value, tail, scope)
        below: list[Bound] = []
        if kind.kind == "record":
            for port in _fields(kind, value):
                if value.get(port.name) is not None:
                    field = port.given.get("inputBinding")
                    below += self._bind(port.type, field, value[port.name], lead, [port.name], scope)
        if given is None:
            return below
        key = [*lead, self._binding(given).place(value, scope), *tail]
        own = Bound(key, self._binding(given).words(value, scope))
        return [own, *(Bound(key + each.key, each.words) for each in below)]

    def _items(
        self, kind: Type, given: Mapping[str, Json] | None, key: Key, value: Json, tail: Key, scope: Scope
    ) -> list[Bound]:
        assert kind.items is not None
        bound: list[Bound] = []
        for at, item in enumerate(value):
            if given is None:
                bound += self._bind(kind.items, None, item, [at], tail, scope)
            else:
                bound += self._bind_at(kind.items, given, [at, *key, *tail], item, [at], tail, scope)
        return bound


_EMPTY: dict[str, Json] = {}
_ANY = Type("Any")
_NOTHING = Scope({}, {})


def _argument(binding: Binding, at: int, position: int | None) -> Emit:
    def emit(scope: Scope) -> list[Bound]:
        place = binding.place(None, scope) if position is None else position
        return [Bound([place, at], binding.words(None, scope))]

    return emit


def _constant(bound: Bound) -> Emit:
    always = [bound]
    return lambda scope: always


def _plain(name: str, binding: Binding) -> Emit:
    """Binds an input in which nothing else is bound."""
    assert isinstance(binding.position, int)
    key: Key = [binding.position, name]

    def emit(scope: Scope) -> list[Bound]:
        value = scope.inputs.get(name)
        return [] if value is None else [Bound(key, binding.words(value, scope))]

    return emit


def _resolved(kind: Type, value: Json) -> Type:
    """Returns the type without union and Any, as the value has it."""
    if kind.kind == "union":
        found = choose(kind, value)
        if found is None:
            raise JobError(Cause.BAD_INPUT, f"{show(value)} does not fit {kind}")
        return _resolved(found, value)
    if kind.kind != "Any":
        return kind
    if isinstance(value, list):
        return Type("array", items=_ANY)
    if isinstance(value, Mapping):
        return Type(value["class"] if value.get("class") in ("File", "Directory") else "record")
    return kind


def _fields(kind: Type, value: Json) -> tuple[Port, ...]:
    return kind.fields or tuple(Port(name, _ANY) for name in value)


def _binds(kind: Type) -> bool:
    """Returns whether something within a type has a binding of its own."""
    if kind.binding is not None:
        return True
    if any(port.given.get("inputBinding") is not None or _binds(port.type) for port in kind.fields):
        return True
    return any(_binds(each) for each in (*kind.alternatives, *((kind.items,) if kind.items else ())))


def _is_plain(kind: Type) -> bool:
    """Returns whether every value of a type is one word at most, and bound as the input says."""
    if kind.kind == "union":
        return all(_is_plain(each) for each in kind.alternatives)
    return kind.binding is None and (kind.kind in SCALARS | FILES or kind.kind == "enum")


def _scatters(kind: Type) -> bool:
    """Returns whether the items of a value may sort by their index first, apart from their input."""
    if kind.kind == "union":
        return any(_scatters(each) for each in kind.alternatives)
    return kind.kind == "Any" or (kind.kind == "array" and not kind.inline)


def _in_order(kind: Type) -> bool:
    """Returns whether what is bound within a value of it comes in order without sorting."""
    if kind.kind == "union":
        return all(_in_order(each) for each in kind.alternatives)
    if kind.kind == "array":
        return kind.items is not None and kind.items.kind not in ("array", "record", "Any", "union")
    return kind.kind not in ("record", "Any")


def _compare(first: Key, second: Key) -> int:
    for left, right in zip_longest(first, second):
        if left == right:
            continue
        if left is None:
            return -1
        if right is None:
            return 1
        if isinstance(left, str) or isinstance(right, str):
            return 1 if str(left) > str(right) else -1
        return 1 if left > right else -1
    return 0


_sort_key = cmp_to_key(_compare)
