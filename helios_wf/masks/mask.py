"""A mask: parsed, compiled, and matched against names."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TypeAlias

from helios_wf.errors import MaskError
from helios_wf.masks import machine
from helios_wf.masks.elements import Elements, Shape, read_elements
from helios_wf.masks.machine import Program
from helios_wf.masks.names import MAX_NAME, is_name
from helios_wf.masks.regex import regex
from helios_wf.masks.syntax import MAX_DIGITS, Kind, Part, Source

Captures: TypeAlias = dict[str, str | int]
"""What a mask took from a name, by capture; numbers are ints."""


class Mask:
    """The pattern of dataset names that an input takes; equal to another of the same text.

    Where a name can be read in several ways, each ``*``, ``**`` and capture takes as little as will do,
    from left to right.  A capture that stands twice must have taken the same value twice.
    """

    def __init__(self, text: str, elements: Elements) -> None:
        self.text = text
        self.elements = elements
        self.parts: tuple[Part, ...] = elements.parts()

    @classmethod
    def parse(cls, text: str) -> Mask:
        """Returns the mask that a text says.

        Raises:
            MaskError: with the column of the mistake and what would have been right.
        """
        mask = cls(text, read_elements(Source("mask", text)))
        mask._check_parts()
        return mask

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """What each capture takes, by name in order of appearance."""
        kinds: dict[str, Kind] = {}
        for part in self.parts:
            kinds.setdefault(part.name, part.kind)
        return kinds

    @property
    def captures(self) -> tuple[str, ...]:
        """The names of the captures, each once, in order of appearance."""
        return tuple(self.kinds)

    def match(self, name: str) -> Captures | None:
        """Returns the captures when the mask takes a name, else None; a text that is no name is not taken."""
        return self.take(name) if is_name(name) else None

    @cached_property
    def take(self) -> Callable[[str], Captures | None]:
        """``match`` for what is known to be a dataset name: quicker by that check."""
        pattern = regex(self.elements)
        return self._by_machine if pattern is None else self._by_regex(re.compile(pattern, re.ASCII))

    @cached_property
    def program(self) -> Program:
        """The mask for ``machine``; it takes some texts that are no names."""
        return self.elements.program()

    @cached_property
    def shape(self) -> Shape:
        """The separators and literal segments, for a quick comparison."""
        return self.elements.shape()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Mask.parse({self.text!r})"

    def _by_regex(self, pattern: re.Pattern[str]) -> Callable[[str], Captures | None]:
        fullmatch, gather = pattern.fullmatch, self._gather

        def take(name: str) -> Captures | None:
            found = fullmatch(name)
            return None if found is None else gather(found.groups())

        return take

    def _by_machine(self, name: str) -> Captures | None:
        marks = machine.match(self.program, name)
        if marks is None:
            return None
        return self._gather(tuple(name[a:b] for a, b in zip(marks[::2], marks[1::2], strict=True)))

    def _gather(self, texts: tuple[str, ...]) -> Captures | None:
        captures: Captures = {}
        for part, text in zip(self.parts, texts, strict=True):
            value: str | int = text
            if part.kind.numeric:
                if len(text) > MAX_DIGITS:
                    return None
                value = int(text)
            if captures.setdefault(part.name, value) != value:
                return None
        return captures

    def _check_parts(self) -> None:
        source = Source("mask", self.text)
        first: dict[str, Part] = {}
        for part in self.parts:
            known = first.setdefault(part.name, part)
            if known.kind.numeric != part.kind.numeric:
                raise source.error(
                    part.column,
                    f"{part} and {known} can never be equal: one is a number, the other text; "
                    "give both a number format, or none",
                )
        shortest = self.elements.shortest()
        if shortest > MAX_NAME:
            raise MaskError(
                f"mask {self.text!r:.80}: a name that it takes has at least {shortest} characters; "
                f"names have at most {MAX_NAME}"
            )
