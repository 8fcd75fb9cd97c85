"""CWL types of inputs and outputs: read once, then asked whether a value fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from helios_wf.cwl.requirements import requirement
from helios_wf.errors import HeliosError
from helios_wf.model import Json

SCALARS = frozenset({"null", "boolean", "int", "long", "float", "double", "string"})
FILES = frozenset({"File", "Directory"})
STREAMS = frozenset({"stdin", "stdout", "stderr"})


class UncoveredError(HeliosError):
    """The compiler does not cover a feature; cwltool runs the tool instead.  The message is the reason."""


@dataclass(frozen=True, slots=True)
class Type:
    """A CWL type.

    ``kind`` is a scalar's or file's name, ``array``, ``record``, ``enum``, ``union`` or ``Any``.  ``inline``
    types stand in the document where they are used, and may have an input binding of their own.
    """

    kind: str
    items: Type | None = None
    fields: tuple[Port, ...] = ()
    symbols: frozenset[str] = frozenset()
    alternatives: tuple[Type, ...] = ()
    inline: bool = False
    binding: dict[str, Json] | None = None

    @property
    def optional(self) -> bool:
        """Whether null fits."""
        return self.kind == "null" or any(each.optional for each in self.alternatives)

    def holds_files(self) -> bool:
        """Returns whether a value of it may hold a File or a Directory."""
        if self.kind in FILES or self.kind == "Any":
            return True
        below = [
            *self.alternatives,
            *(port.type for port in self.fields),
            *((self.items,) if self.items else ()),
        ]
        return any(each.holds_files() for each in below)

    def __str__(self) -> str:
        if self.kind == "union":
            return " or ".join(str(each) for each in self.alternatives)
        if self.kind == "array":
            return f"{self.items}[]" if self.items and self.items.kind != "union" else f"({self.items})[]"
        return f"enum of {', '.join(sorted(self.symbols))}" if self.kind == "enum" else self.kind


@dataclass(frozen=True, slots=True)
class Port:
    """An input, an output or the field of a record; ``given`` is what the document says of it."""

    name: str
    type: Type
    given: dict[str, Json] = field(default_factory=dict)


def short(name: str) -> str:
    """Returns the last part of an identifier: ``file:///x.cwl#tool/name`` is ``name``."""
    return name.rsplit("#", 1)[-1].rsplit("/", 1)[-1]


class Types:
    """The types that a tool's ports may name: CWL's own, and those of its SchemaDefRequirement."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        found = requirement(body, "SchemaDefRequirement") or {}
        self._named = {short(entry["name"]): entry for entry in found.get("types") or () if "name" in entry}
        self._open: list[str] = []

    def read(self, given: Json) -> Type:
        """Returns the type that a document's ``type`` field says.

        Raises:
            UncoveredError: it names a type that is not known here, or one that holds itself.
        """
        if isinstance(given, str):
            return self._read_name(given)
        if isinstance(given, Mapping):
            return self._read_inline(given, inline=True)
        return Type("union", alternatives=tuple(self.read(each) for each in given))

    def ports(self, given: Json) -> tuple[Port, ...]:
        """Returns the ports (or fields) of a list or map, in the document's order."""
        if isinstance(given, Mapping):
            given = [
                {"id": key, **(value if isinstance(value, Mapping) else {"type": value})}
                for key, value in given.items()
            ]
        return tuple(
            Port(short(entry.get("id") or entry["name"]), self.read(entry["type"]), dict(entry))
            for entry in given or ()
        )

    def _read_name(self, name: str) -> Type:
        if name.endswith("?"):
            return Type("union", alternatives=(Type("null"), self.read(name[:-1])))
        if name.endswith("[]"):
            return Type("array", items=self.read(name[:-2]), inline=True)
        plain = short(name)
        if plain in self._named:
            if plain in self._open:
                raise UncoveredError(f"the type {plain} holds itself")
            self._open.append(plain)
            try:
                return self._read_inline(self._named[plain], inline=False)
            finally:
                self._open.pop()
        if plain in SCALARS | FILES | STREAMS | {"Any"}:
            return Type(plain)
        raise UncoveredError(f"the type {name!r} is not known")

    def _read_inline(self, given: Mapping[str, Json], inline: bool) -> Type:
        kind = given["type"]
        binding = given.get("inputBinding")
        if kind == "array":
            return Type("array", items=self.read(given["items"]), inline=inline, binding=binding)
        if kind == "record":
            fields = self.ports(_fields(given.get("fields")))
            return Type("record", fields=fields, inline=inline, binding=binding)
        if kind == "enum":
            symbols = frozenset(short(symbol) for symbol in given["symbols"])
            return Type("enum", symbols=symbols, inline=inline, binding=binding)
        if isinstance(kind, str):
            return self._read_name(kind)
        raise UncoveredError(f"the type {given!r} is not known")


def _fields(given: Json) -> Json:
    if isinstance(given, Mapping):
        return [
            {"name": key, **(value if isinstance(value, Mapping) else {"type": value})}
            for key, value in given.items()
        ]
    return given


def fits(kind: Type, value: Json) -> bool:
    """Returns whether a value is one of the type."""
    if kind.kind in SCALARS:
        return _fits_scalar(kind.kind, value)
    match kind.kind:
        case "union":
            return any(fits(each, value) for each in kind.alternatives)
        case "array":
            return (
                isinstance(value, list)
                and kind.items is not None
                and all(fits(kind.items, each) for each in value)
            )
        case "record":
            return isinstance(value, Mapping) and all(
                fits(port.type, value.get(port.name)) for port in kind.fields
            )
        case "enum":
            return isinstance(value, str) and value in kind.symbols
        case "Any":
            return value is not None
        case "File" | "stdin" | "stdout" | "stderr":
            return isinstance(value, Mapping) and value.get("class") == "File"
        case "Directory":
            return isinstance(value, Mapping) and value.get("class") == "Directory"
    return False


def _fits_scalar(kind: str, value: Json) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind in ("float", "double"):
        return True
    bits = 31 if kind == "int" else 63
    return isinstance(value, int) and -(1 << bits) <= value < (1 << bits)


def show(value: Json) -> str:
    """Returns a value as a message shows it, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def choose(kind: Type, value: Json) -> Type | None:
    """Returns the first alternative of a union that the value fits, or None."""
    return next((each for each in kind.alternatives if fits(each, value)), None)


def as_list(value: Json) -> Sequence[Json]:
    """Returns a list as it is, and another value as the only element of one."""
    return value if isinstance(value, list | tuple) else [value]
