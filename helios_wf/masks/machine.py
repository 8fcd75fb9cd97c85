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


MAX_STATES = 500_000
"""States of a comparison after which it is given up."""

Instruction: TypeAlias = Take | Fork | Mark | Accept
Program: TypeAlias = list[Instruction]
_State: TypeAlias = tuple[tuple[int, ...], tuple[frozenset[int], ...]]
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


def common(programs: Sequence[Program], without: Sequence[Program] = ()) -> str | None:
    """Returns a shortest name that all programs take and none of the others, or None when there is none.

    Names longer than is legal do not count; nor do those that are not found within MAX_STATES states, which
    only masks made to be hard need.
    """
    takers = [_Walk(program) for program in programs]
    others = [_Walk(program) for program in without]
    avoided = tuple(frozenset(walk.after[0]) for walk in others)
    waiting: deque[tuple[_State, int]] = deque()
    came: dict[_State, tuple[_State, str] | None] = {}
    for start in product(*(walk.after[0] for walk in takers)):
        waiting.append(((start, avoided), 0))
        came[start, avoided] = None
    while waiting and len(came) < MAX_STATES:
        state, length = waiting.popleft()
        ats, avoided = state
        if all(walk.accepts(at) for walk, at in zip(takers, ats, strict=True)) and not any(
            walk.accepts(at) for walk, set_ in zip(others, avoided, strict=True) for at in set_
        ):
            return _spelled(came, state)
        shared = ANY if length < MAX_NAME else 0
        for walk, at in zip(takers, ats, strict=True):
            shared &= walk.taken(at)
        for bit in _told_apart(shared, others, avoided):
            then = tuple(walk.step(set_, bit) for walk, set_ in zip(others, avoided, strict=True))
            for following in product(*(walk.after[at + 1] for walk, at in zip(takers, ats, strict=True))):
                if (following, then) not in came:
                    came[following, then] = (state, ALPHABET[bit.bit_length() - 1])
                    waiting.append(((following, then), length + 1))
    return None


class _Walk:
    """A program, and where its instructions lead without taking a character."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.after = [tuple(_closure(program, at)) for at in range(len(program))]

    def accepts(self, at: int) -> bool:
        return isinstance(self.program[at], Accept)

    def taken(self, at: int) -> int:
        step = self.program[at]
        return step.characters if isinstance(step, Take) else 0

    def step(self, ats: frozenset[int], bit: int) -> frozenset[int]:
        """Returns all that is reached from any of some instructions by one character."""
        return frozenset(then for at in ats if self.taken(at) & bit for then in self.after[at + 1])


def _told_apart(shared: int, walks: Sequence[_Walk], avoided: tuple[frozenset[int], ...]) -> Iterator[int]:
    """Yields one character of each group that the walks treat alike."""
    groups = [shared] if shared else []
    for walk, ats in zip(walks, avoided, strict=True):
        for at in ats:
            taken = walk.taken(at)
            groups = [part for group in groups for part in (group & taken, group & ~taken) if part]
    for group in groups:
        yield group & -group


def _spelled(came: dict[_State, tuple[_State, str] | None], state: _State) -> str:
    characters = []
    while (before := came[state]) is not None:
        state, character = before
        characters.append(character)
    return "".join(reversed(characters))


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
