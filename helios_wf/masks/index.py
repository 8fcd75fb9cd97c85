"""Thousands of masks at once: which of them take a name."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from helios_wf.masks.mask import Captures, Mask
from helios_wf.masks.names import is_name, split_name

Key = TypeVar("Key")

_Place: TypeAlias = tuple[int | None, str]
"""A literal segment, and where a name has it: from the left (0, 1...), the right (-1, -2...), anywhere."""


class MaskIndex(Generic[Key]):
    """Masks by their literal segments.

    Each mask waits at one of its literal segments, the one at which the fewest others waited when it was
    added.  A name wakes the masks that wait at its own segments; only these are matched in full, and those
    without a literal segment.
    """

    def __init__(self) -> None:
        self._masks: list[tuple[Key, Mask]] = []
        self._waiting: dict[_Place, list[int]] = {}
        self._always: list[int] = []

    def add(self, key: Key, mask: Mask) -> None:
        """Adds a mask under a key; keys need not differ."""
        number = len(self._masks)
        self._masks.append((key, mask))
        places = _places(mask)
        if not places:
            self._always.append(number)
            return
        best = min(places, key=lambda place: (len(self._waiting.get(place, ())), place[0] is None))
        self._waiting.setdefault(best, []).append(number)

    def __len__(self) -> int:
        return len(self._masks)

    def match(self, name: str) -> list[tuple[Key, Captures]]:
        """Returns the keys of all masks that take a name, with the captures, in the order they were added."""
        if not is_name(name):
            return []
        found = []
        for number in self._candidates(name):
            key, mask = self._masks[number]
            captures = mask.take(name)
            if captures is not None:
                found.append((key, captures))
        return found

    def _candidates(self, name: str) -> list[int]:
        segments = split_name(name)[0]
        waiting, count = self._waiting, len(segments)
        numbers = list(self._always)
        for at, segment in enumerate(segments):
            for place in ((at, segment), (at - count, segment)):
                if place in waiting:
                    numbers += waiting[place]
        for segment in set(segments):
            if (None, segment) in waiting:
                numbers += waiting[None, segment]
        numbers.sort()
        return numbers


def _places(mask: Mask) -> list[_Place]:
    """Returns where a name that the mask takes must have which literal segments."""
    elements = mask.elements
    deep = [at for at, element in enumerate(elements) if element.deep]
    places: list[_Place] = []
    for at, element in enumerate(elements):
        if element.literal is None:
            continue
        if not deep or at < deep[0]:
            places.append((at, element.literal))
        elif at > deep[-1]:
            places.append((at - len(elements), element.literal))
        else:
            places.append((None, element.literal))
    return places
