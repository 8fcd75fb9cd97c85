"""What masks and name patterns are written with: parts in braces, and pieces between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from helios_wf.errors import MaskError
from helios_wf.masks.names import ALLOWED, SEGMENT
from helios_wf.model.noun import Noun

MAX_TEXT = 400
"""Characters in a mask or pattern."""
MAX_DIGITS = 18
"""Digits of a number in a name: it fits 64 bits."""

_PART_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_DIGITS = re.compile(r"0([1-9][0-9]*)d", re.ASCII)
_CHOICES = re.compile(r"[A-Za-z0-9_+=-]+(?:\|[A-Za-z0-9_+=-]+)+", re.ASCII)
_INT = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class Kind(Noun, frozen=True):
    """What a part takes: any text of one segment, a number without leading zeros, exactly ``width`` digits,
    or one of some choices."""

    form: Literal["text", "int", "digits", "choice"] = "text"
    width: int = 0
    choices: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether its values are integers."""
        return self.form in ("int", "digits")

    @property
    def open_ended(self) -> bool:
        """Whether its length is not fixed by what it is."""
        return self.form in ("text", "int")

    def __str__(self) -> str:
        match self.form:
            case "int":
                return ":int"
            case "digits":
                return f":0{self.width}d"
            case "choice":
                return ":" + "|".join(self.choices)
        return ""


TEXT = Kind()
INT = Kind("int")


class Part(Noun, frozen=True):
    """A part in braces: a capture of a mask, or what a pattern fills in; ``column`` counts from 1."""

    name: str
    kind: Kind = TEXT
    column: int = 0

    def __str__(self) -> str:
        return f"{{{self.name}{self.kind}}}"


class Wild(Noun, frozen=True):
    """``*`` or ``?`` inside a segment."""

    text: Literal["*", "?"]
    column: int = 0

    def __str__(self) -> str:
        return self.text


Item: TypeAlias = str | Part | Wild
"""A stretch of a segment; a str stands for itself."""


class Piece(NamedTuple):
    """What ``scan`` yields: a part, or one character that stands outside of braces."""

    what: Part | str
    column: int


class Source(NamedTuple):
    """A text and what it is, for messages."""

    label: str
    text: str

    def error(self, column: int, message: str) -> MaskError:
        """Returns the error for a mistake at a column, counted from 1."""
        return MaskError(f"{self.label} {self.text!r}: column {column}: {message}")


def scan(source: Source, escapes: bool = False) -> Iterator[Piece]:
    """Yields the parts and the single characters of a text.

    Args:
        source: the text and its label.
        escapes: whether ``{{`` and ``}}`` stand for braces.

    Raises:
        MaskError: a part is not well-formed, or the text is too long.
    """
    text = source.text
    if len(text) > MAX_TEXT:
        raise MaskError(f"{source.label}: it has {len(text)} characters; at most {MAX_TEXT} are read")
    at = 0
    while at < len(text):
        character = text[at]
        if escapes and text[at : at + 2] in ("{{", "}}"):
            yield Piece(character, at + 1)
            at += 2
        elif character == "{":
            end = text.find("}", at)
            if end < 0:
                raise source.error(at + 1, "'{' is never closed; write a part as {name}")
            yield Piece(_part(source, text[at + 1 : end], at + 1), at + 1)
            at = end + 1
        elif character == "}":
            raise source.error(at + 1, "'}' without '{'; write a part as {name}")
        else:
            yield Piece(character, at + 1)
            at += 1


def _part(source: Source, inside: str, column: int) -> Part:
    name, colon, form = inside.partition(":")
    if not _PART_NAME.fullmatch(name):
        raise source.error(
            column + 1,
            f"{name!r} is no name of a part; start with a letter, go on with letters, digits and _",
        )
    return Part(name, _kind(source, name, form, column + len(name) + 2) if colon else TEXT, column)


def _kind(source: Source, name: str, form: str, column: int) -> Kind:
    if form == "int":
        return INT
    if digits := _DIGITS.fullmatch(form):
        width = digits.group(1)
        if len(width) > 2 or int(width) > MAX_DIGITS:
            raise source.error(column, f"{form!r} asks for more than {MAX_DIGITS} digits")
        return Kind("digits", int(width))
    if _CHOICES.fullmatch(form):
        return Kind("choice", choices=tuple(dict.fromkeys(form.split("|"))))
    known = f"{{{name}}}, {{{name}:int}}, {{{name}:06d}} (exactly six digits) or {{{name}:a|b}}"
    if "|" in form:
        raise source.error(column, f"the choices in {form!r} must not be empty and are made of {ALLOWED}")
    raise source.error(column, f"unknown format {form!r}; write {known}")


def write(part: Part, value: Any) -> str:
    """Returns the text of a part's value.

    Raises:
        ValueError: it does not fit the part's kind; says why.
    """
    if value is None:
        raise ValueError("is null")
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int):
        raise ValueError(f"is {value!r:.60}, a {type(value).__name__}; a name takes text and integers")
    text = str(value)
    if part.kind.numeric:
        return _write_number(part, value)
    if part.kind.form == "choice" and text not in part.kind.choices:
        raise ValueError(f"is {text!r:.60}; {part} takes {' or '.join(map(repr, part.kind.choices))}")
    return text


def _write_number(part: Part, value: str | int) -> str:
    if not isinstance(value, int):
        raise ValueError(f"is the text {value!r:.60}; {part} takes an integer")
    if value < 0:
        raise ValueError(f"is {value}; {part} takes no negative number")
    width = part.kind.width or MAX_DIGITS
    text = str(value) if value < 10**MAX_DIGITS else "9" * (MAX_DIGITS + 1)
    if len(text) > width:
        raise ValueError(f"is {value}; {part} has room for {width} digits")
    return text.zfill(part.kind.width)


def in_segment(text: str) -> bool:
    """Says whether a text is made of the characters of segments only."""
    return all(character in SEGMENT for character in text)
