"""A small machine that runs masks: no run of it takes more than (program size) x (name length) steps.

A program is a list of instructions that starts at 0.  ``match`` follows them through a name, what is
preferred first, and never enters one instruction twice at the same character, so nothing blows up.
``common`` walks several programs at once for the shortest name that all of them take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

from helios_wf.masks.names import ALPHABET, DIGITS, MAX_NAME, SEGMENT
from helios_wf.masks.syntax import Item, Part, Wild


class Take(NamedTuple):
    """Takes one character out of a set, as bits in the order of the alphabet; goes to the next."""

    characters: int


class Fork(NamedTuple):
    """Goes to the first of some instructions from which the rest matches."""

    targets: tuple[int, ...]


class Mark(NamedTuple):
    """Notes the position in a slot; goes to the next."""

    slot: int


class Accept(NamedTuple):
    """Matches at the end of the name."""


Instruction: TypeAlias = Take | Fork | Mark | Accept
Program: TypeAlias = list[Instruction]
_State: TypeAlias = tuple[int, ...]
_Marks: TypeAlias = "tuple[int, int, _Marks] | None"

BIT = {character: 1 << at for at, character in enumerate(ALPHABET)}


def bits(characters: str) -> int:
    """Returns a set of characters as bits."""
    return sum({BIT[character] for character in characters})


ANY = bits(ALPHABET)
IN_SEGMENT = bits(SEGMENT)
DIGIT = bits(DIGITS)


def loop(program: Program, characters: int) -> None:
    """Appends: any number of some characters, as few as will do."""
    at = len(program)
    program += [Fork((at + 3, at + 1)), Take(characters), Fork((at,))]


def item(program: Program, what: Item, slot: int) -> None:
    """Appends what takes one item of a segment; a part marks ``slot`` and ``slot + 1``."""
    if isinstance(what, str):
        program += [Take(BIT[character]) for character in what]
    elif isinstance(what, Wild):
        if what.text == "*":
            loop(program, IN_SEGMENT)
        else:
            program.append(Take(IN_SEGMENT))
    else:
        program.append(Mark(slot))
        _part(program, what)
        program.append(Mark(slot + 1))


def _part(program: Program, part: Part) -> None:
    kind = part.kind
    match kind.form:
        case "text":
            program.append(Take(IN_SEGMENT))
            loop(program, IN_SEGMENT)
        case "digits":
            program += [Take(DIGIT)] * kind.width
        case "choice":
            choose(program, [[Take(BIT[c]) for c in choice] for choice in kind.choices])
        case "int":
            at = len(program)
            zero: Program = [Take(BIT["0"])]
            choose(program, [zero, [Take(DIGIT & ~BIT["0"])]])
            program[-1] = Fork((len(program),))
            loop(program, DIGIT)
            program[at + 2] = Fork((len(program),))


def choose(program: Program, ways: Sequence[Program]) -> None:
    """Appends a choice between some straight stretches, earlier ones preferred."""
    starts, at = [], len(program) + 1
    for way in ways:
        starts.append(at)
        at += len(way) + 1
    program.append(Fork(tuple(starts)))
    for way in ways:
        program += [*way, Fork((at,))]


def match(program: Program, name: str) -> list[int] | None:
    """Returns the marked positions by slot, or None when the program does not take the name."""
    characters = [BIT.get(character, 0) for character in name]
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[int, int, _Marks]] = [(0, 0, None)]
    while waiting:
        at, position, marks = waiting.pop()
        while (at, position) not in seen:
            seen.add((at, position))
            step = program[at]
            if isinstance(step, Take):
                if position == len(characters) or not characters[position] & step.characters:
                    break
                at, position = at + 1, position + 1
            elif isinstance(step, Fork):
                waiting += [(other, position, marks) for other in reversed(step.targets[1:])]
                at = step.targets[0]
            elif isinstance(step, Mark):
                at, marks = at + 1, (step.slot, position, marks)
            elif position == len(characters):
                return _positions(marks)
            else:
                break
    return None


def _positions(marks: _Marks) -> list[int]:
    found: dict[int, int] = {}
    while marks is not None:
        slot, position, marks = marks
        found[slot] = position
    return [found[slot] for slot in sorted(found)]


def common(*programs: Program) -> str | None:
    """Returns the shortest name that all programs take, or None when there is none of legal length."""
    steps = [_reachable(program) for program in programs]
    waiting = deque((start, 0) for start in product(*(after[0] for after in steps)))
    came: dict[_State, tuple[_State, str] | None] = {start: None for start, _ in waiting}
    while waiting:
        state, length = waiting.popleft()
        here = [program[at] for program, at in zip(programs, state, strict=True)]
        if all(isinstance(step, Accept) for step in here):
            return _spelled(came, state)
        shared = ANY
        for step in here:
            shared &= step.characters if isinstance(step, Take) else 0
        if not shared or length == MAX_NAME:
            continue
        character = ALPHABET[(shared & -shared).bit_length() - 1]
        for following in product(*(after[at + 1] for after, at in zip(steps, state, strict=True))):
            if following not in came:
                came[following] = (state, character)
                waiting.append((following, length + 1))
    return None


def _spelled(came: dict[_State, tuple[_State, str] | None], state: _State) -> str:
    characters = []
    while (before := came[state]) is not None:
        state, character = before
        characters.append(character)
    return "".join(reversed(characters))


def _reachable(program: Program) -> list[tuple[int, ...]]:
    """Returns for every instruction the takes and accepts that it leads to without taking a character."""
    return [tuple(_closure(program, at)) for at in range(len(program))]


def _closure(program: Program, start: int) -> Iterator[int]:
    waiting, seen = [start], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        step = program[at]
        if isinstance(step, Fork):
            waiting.extend(step.targets)
        elif isinstance(step, Mark):
            waiting.append(at + 1)
        else:
            yield at
