"""Patterns that build a text: output names, file names and the values of ``helios:value``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

from helios_wf.errors import MaskError, did_you_mean
from helios_wf.masks import machine
from helios_wf.masks.elements import Shape
from helios_wf.masks.machine import Program
from helios_wf.masks.names import ALLOWED, SEGMENT, SEPARATORS, check_name, is_name, split_name
from helios_wf.masks.syntax import Kind, Part, Piece, Source, in_segment, scan, write

Use: TypeAlias = Literal["name", "value", "file"]
"""What a pattern builds: a dataset name, free text, or the name of a file."""

FREE_PARTS = frozenset({"dataset", "stem", "basename", "ext"})
"""Parts of a file name whose text is not confined to one segment."""
MAX_FILE_NAME = 255

_LABELS = {"name": "name", "value": "value", "file": "file name"}
_FILE_CHARACTERS = frozenset(SEGMENT + ".")


class NamePattern:
    """Literals and parts; ``build`` puts the parts' values in."""

    def __init__(self, text: str, use: Use, items: tuple[str | Part, ...]) -> None:
        self.text = text
        self.use: Use = use
        self.items = items

    @classmethod
    def parse(cls, text: str, use: Use = "name") -> NamePattern:
        """Returns the pattern that a text says; in a value, ``{{`` and ``}}`` stand for braces.

        Raises:
            MaskError: with the column of the mistake and what would have been right.
        """
        source = Source(_LABELS[use], text)
        pieces = list(scan(source, escapes=use == "value"))
        if not pieces:
            raise MaskError(f"{source.label}: it is empty")
        if use == "name":
            _check_as_name(source, pieces)
        elif use == "file":
            _check_as_file(source, pieces)
        return cls(text, use, _joined(pieces))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts, each once, in order of appearance."""
        return tuple(dict.fromkeys(item.name for item in self.items if isinstance(item, Part)))

    def build(self, values: Mapping[str, Any]) -> str:
        """Returns the text for some values of the parts (more values than parts do no harm).

        Raises:
            MaskError: a part has no value or one that does not fit, or what comes out is no name.
        """
        built = "".join(item if isinstance(item, str) else self._write(item, values) for item in self.items)
        if self.use == "name":
            try:
                return check_name(built)
            except MaskError as error:
                raise MaskError(f"name {self.text!r} becomes what is none: {error}") from None
        if self.use == "file":
            self._check_file(built)
        return built

    def bind(self, values: Mapping[str, Any]) -> NamePattern:
        """Returns the pattern with the given values put in and the other parts left.

        Raises:
            MaskError: a value does not fit.
        """
        items = tuple(
            self._write(item, values) if isinstance(item, Part) and item.name in values else item
            for item in self.items
        )
        return NamePattern(self.text, self.use, items)

    def shown(self) -> str:
        """Returns the text, with what ``bind`` put in."""
        return "".join(str(item) for item in self.items)

    @cached_property
    def shape(self) -> Shape:
        """The separators and literal segments of the names that it builds."""
        marked = "".join(item if isinstance(item, str) else "*" for item in self.items)
        segments, separators = split_name(marked)
        literals = (None if "*" in segment else segment for segment in segments)
        return tuple(zip(["", *separators], literals, strict=True))

    def program(self, kinds: Mapping[str, Kind]) -> Program:
        """Returns what ``machine`` runs for the names that it can build.

        Args:
            kinds: what is known of the values of parts; it counts where the part has no format itself.
        """
        program: Program = []
        for item in self.items:
            if isinstance(item, Part) and item.kind.form == "text":
                item = Part(item.name, kinds.get(item.name, item.kind))
            machine.item(program, item, 0)
        program.append(machine.Accept())
        return program

    def __repr__(self) -> str:
        return f"NamePattern.parse({self.text!r}, {self.use!r})"

    def _write(self, part: Part, values: Mapping[str, Any]) -> str:
        where = f"{_LABELS[self.use]} {self.text!r}: the part {{{part.name}}}"
        if part.name not in values:
            raise MaskError(f"{where} has no value{did_you_mean(part.name, values)}")
        try:
            text = write(part, values[part.name])
        except ValueError as error:
            raise MaskError(f"{where} {error}") from None
        if self.use == "value" or (self.use == "file" and part.name in FREE_PARTS):
            return text
        if not text or not in_segment(text):
            wrong = next((repr(c) for c in text if c not in SEGMENT), "nothing")
            raise MaskError(f"{where} is {text!r:.60}, with {wrong} in it; a part is made of {ALLOWED}")
        return text

    def _check_file(self, built: str) -> None:
        if "/" in built or "\0" in built or built in ("", ".", ".."):
            raise MaskError(f"file name {self.text!r} becomes {built!r:.80}; a file name has no '/'")
        if len(built.encode()) > MAX_FILE_NAME:
            raise MaskError(f"file name {self.text!r} becomes {len(built.encode())} bytes long; at most 255")


def _joined(pieces: list[Piece]) -> tuple[str | Part, ...]:
    items: list[str | Part] = []
    for piece in pieces:
        if isinstance(piece.what, str) and items and isinstance(items[-1], str):
            items[-1] += piece.what
        else:
            items.append(piece.what)
    return tuple(items)


def _check_as_name(source: Source, pieces: list[Piece]) -> None:
    for piece in pieces:
        if isinstance(piece.what, str) and piece.what not in SEGMENT + SEPARATORS:
            raise source.error(piece.column, _no_name_character(piece.what))
    before = "."
    for piece in pieces:
        if isinstance(piece.what, str) and piece.what in SEPARATORS and before in SEPARATORS:
            raise source.error(
                piece.column, f"an empty segment before {piece.what!r}; put a literal or a part there"
            )
        before = piece.what if isinstance(piece.what, str) else "x"
    if before in SEPARATORS:
        raise source.error(len(source.text), f"it ends with {before!r}; end it with a segment")
    if not is_name("".join(piece.what if isinstance(piece.what, str) else "x" for piece in pieces)):
        raise MaskError(f"{source.label} {source.text!r}: it is too long, or ':' does not follow a scope")


def _check_as_file(source: Source, pieces: list[Piece]) -> None:
    for piece in pieces:
        if isinstance(piece.what, str) and piece.what not in _FILE_CHARACTERS:
            raise source.error(
                piece.column, f"{piece.what!r} cannot stand in the name of a file; use {ALLOWED} and '.'"
            )


def _no_name_character(character: str) -> str:
    if character in "*?":
        return f"{character!r} belongs in a mask; a name is built from literals and parts such as {{run:08d}}"
    return f"unexpected character {character!r}; segments are made of {ALLOWED}, and joined by '.' or '/'"
