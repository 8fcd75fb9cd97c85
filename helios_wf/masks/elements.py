"""The structure of a mask: segments, ``**`` and the separators before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from helios_wf.errors import MaskError
from helios_wf.masks import machine
from helios_wf.masks.machine import Program
from helios_wf.masks.names import ALLOWED, SEGMENT, SEPARATORS
from helios_wf.masks.syntax import Item, Part, Piece, Source, Wild, scan
from helios_wf.model.noun import Noun

Shape: TypeAlias = tuple[tuple[str, str | None] | None, ...]
"""Of every segment the separator before it and the text, when it is literal; None for ``**``."""

ANY_SEPARATOR = "any"
"""Stands between the segment and the rest in ``.test.``."""


class Element(Noun, frozen=True):
    """A segment pattern, or ``**`` (no items); ``separator`` stands before it, empty at the start."""

    separator: str
    items: tuple[Item, ...]
    column: int

    @property
    def deep(self) -> bool:
        """Whether it is ``**``."""
        return not self.items

    @property
    def literal(self) -> str | None:
        """The segment, when it has nothing but itself."""
        return self.items[0] if len(self.items) == 1 and isinstance(self.items[0], str) else None

    @property
    def loose(self) -> int:
        """How many of its items have no fixed length."""
        return sum(
            what.text == "*" if isinstance(what, Wild) else what.kind.form != "digits"
            for what in self.items
            if not isinstance(what, str)
        )

    def __str__(self) -> str:
        return "".join(str(what) for what in self.items) or "**"


class Elements(tuple[Element, ...]):
    """All elements of a mask, in order."""

    def parts(self) -> tuple[Part, ...]:
        """Returns every capture, as often as it stands."""
        return tuple(what for element in self for what in element.items if isinstance(what, Part))

    def shortest(self) -> int:
        """Returns the length in characters below which no name is taken."""
        return sum(bool(element.separator) + _shortest(element) for element in self if not element.deep)

    def shape(self) -> Shape:
        """Returns the separators and literal segments."""
        return tuple(None if element.deep else (element.separator, element.literal) for element in self)

    def program(self) -> Program:
        """Returns what ``machine`` runs."""
        program: Program = []
        slot = 0
        for at, element in enumerate(self):
            if element.deep:
                _deep(program, element, first=at == 0, last=at == len(self) - 1, after=self[at + 1 : at + 2])
                continue
            if element.separator and not (at == 1 and self[0].deep):
                program.append(_separator(element.separator))
            for what in element.items:
                machine.item(program, what, slot)
                slot += 2 * isinstance(what, Part)
        program.append(machine.Accept())
        return program


def read_elements(source: Source) -> Elements:
    """Returns the elements of a mask.

    Raises:
        MaskError: with the column of the mistake and what would have been right.
    """
    text = source.text
    if not text:
        raise MaskError("mask: it is empty; write '**' for every name")
    anywhere = len(text) > 2 and text[0] == "." and text[-1] == "."
    pieces = list(scan(source))
    groups = _groups(source, pieces[1:-1] if anywhere else pieces)
    found = [_element(source, separator, group) for separator, group in groups]
    _check_order(source, found)
    if anywhere:
        first = found[0]
        found[0] = Element(ANY_SEPARATOR, first.items, first.column)
        found = [Element("", (), 1), *found, Element(ANY_SEPARATOR, (), len(text))]
    return Elements(found)


def _groups(source: Source, pieces: list[Piece]) -> Iterator[tuple[Piece, list[Piece]]]:
    """Yields the pieces of each segment with the separator before it."""
    separator, group = Piece("", 1), list[Piece]()
    for piece in pieces:
        if isinstance(piece.what, str) and piece.what in SEPARATORS:
            if not group:
                raise source.error(piece.column, _empty(separator.what, piece))
            yield separator, group
            separator, group = piece, []
        else:
            group.append(piece)
    if not group:
        raise source.error(
            separator.column, f"the mask ends with {separator.what!r}; end it with a segment or '**'"
        )
    yield separator, group


def _empty(before: Part | str, piece: Piece) -> str:
    if before:
        return f"two separators meet; put a segment, '*' or '**' before this {piece.what!r}"
    return (
        f"the mask starts with {piece.what!r}; start it with a segment or '**', "
        "or write '.test.' for a segment anywhere"
    )


def _element(source: Source, separator: Piece, group: list[Piece]) -> Element:
    column = group[0].column
    if [piece.what for piece in group] == ["*", "*"]:
        return Element(str(separator.what), (), column)
    items: list[Item] = []
    for before, piece in zip([None, *group], group, strict=False):
        _join(source, items, before, piece)
    return Element(str(separator.what), tuple(items), column)


def _join(source: Source, items: list[Item], before: Piece | None, piece: Piece) -> None:
    """Appends a piece to the items of its segment."""
    what = piece.what
    last = items[-1] if items else None
    if what == "*":
        if before is not None and before.what == "*":
            raise source.error(
                piece.column - 1, "'**' stands alone between separators; inside a segment write '*'"
            )
        items.append(Wild("*", piece.column))
    elif what == "?":
        items.append(Wild("?", piece.column))
    elif isinstance(what, Part):
        _check_apart(source, items, what)
        items.append(what)
    elif what not in SEGMENT:
        raise source.error(piece.column, f"unexpected character {what!r}; segments are made of {ALLOWED}")
    elif isinstance(last, str):
        items[-1] = last + what
    else:
        items.append(what)
    if len(items) > 1:
        _check_neighbours(source, items[-2], items[-1], piece.column)


def _check_apart(source: Source, items: list[Item], part: Part) -> None:
    for earlier in reversed(items):
        if isinstance(earlier, str):
            return
        if isinstance(earlier, Part):
            raise source.error(part.column, f"{earlier} and {part} meet; put a literal between two captures")


def _check_neighbours(source: Source, left: Item, right: Item, column: int) -> None:
    for star, part in ((left, right), (right, left)):
        if isinstance(star, Wild) and star.text == "*" and isinstance(part, Part) and part.kind.open_ended:
            raise source.error(
                column, f"nothing tells {part} and '*' apart where they meet; put a literal between them"
            )


def _check_order(source: Source, elements: list[Element]) -> None:
    before: Element | None = None
    seen: set[str] = set()
    for element in elements:
        if before is not None and before.deep and element.deep:
            raise source.error(element.column, "'**' follows '**'; one of them is enough")
        if element.separator == ":" and ":" in seen:
            raise source.error(element.column - 1, "':' stands twice; only a scope is followed by ':'")
        if element.separator == ":" and "/" in seen:
            raise source.error(
                element.column - 1, "'/' stands before ':'; a scope is made of segments joined by '.'"
            )
        before = element
        seen.add(element.separator)


def _shortest(element: Element) -> int:
    total = 0
    for what in element.items:
        if isinstance(what, str):
            total += len(what)
        elif isinstance(what, Part):
            total += what.kind.width or min(map(len, what.kind.choices), default=1)
        else:
            total += what.text == "?"
    return max(1, total)


def _separator(separator: str) -> machine.Take:
    return machine.Take(machine.bits(SEPARATORS if separator == ANY_SEPARATOR else separator))


def _deep(program: Program, element: Element, first: bool, last: bool, after: tuple[Element, ...]) -> None:
    """Appends ``**``: nothing, or any characters with the separator that joins them to the rest."""
    if first and last:
        machine.loop(program, machine.ANY)
        return
    fork = len(program)
    program.append(machine.Accept())
    if not first:
        program.append(_separator(element.separator))
    machine.loop(program, machine.ANY)
    if first:
        program.append(_separator(after[0].separator))
    program[fork] = machine.Fork((len(program), fork + 1))
