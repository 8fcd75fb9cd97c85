"""Long arrays kept as JSON text: a hundred thousand Files as Python objects would take four times as much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, SupportsIndex

import msgspec

from helios_wf.model.noun import Json

LONG = 1000
"""Arrays of more elements than this are packed."""

# as in a digest, which is to be that of the plain array
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode
_pieces = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Packed(list[Json]):
    """An array whose elements are JSON text; each is decoded anew whenever it is read.

    It is a list, since arrays are lists everywhere, that cannot be changed.  ``msgspec.json`` copies the
    text; what else goes through its elements (loops, indices, ``json``) decodes them one by one.

    Args:
        pieces: the texts.
    """

    __hash__ = None

    def __init__(self, pieces: Iterable[msgspec.Raw]) -> None:
        super().__init__(pieces)

    def __iter__(self) -> Iterator[Json]:
        """Yields the elements."""
        for piece in super().__iter__():
            yield _decode(piece)

    def __reversed__(self) -> Iterator[Json]:
        """Yields the elements, the last one first."""
        for piece in super().__reversed__():
            yield _decode(piece)

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        """Returns an element; of a slice, those in it, as a plain list."""
        found: Any = super().__getitem__(index)
        return [_decode(piece) for piece in found] if isinstance(index, slice) else _decode(found)

    def __contains__(self, value: object) -> bool:
        """Says whether an element is equal to a value."""
        return any(one == value for one in self)

    def __eq__(self, other: object) -> bool:
        """Says whether an array has equal elements."""
        if not isinstance(other, list) or len(self) != len(other):
            return False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    def __ne__(self, other: object) -> bool:
        """Says whether an array has other elements."""
        return not self == other

    def __add__(self, other: list[Any]) -> list[Any]:
        """Returns the elements of both as a plain list."""
        return [*self, *other]

    def __radd__(self, other: list[Any]) -> list[Any]:
        """Returns the elements of both as a plain list."""
        return [*other, *self]

    def raw(self, first: int, stop: int) -> list[msgspec.Raw]:
        """Returns some of the texts."""
        return list(super().__getitem__(slice(first, stop)))

    def __copy__(self) -> Packed:
        """Returns itself: it never changes, nor does what it gives stay its own."""
        return self

    def __deepcopy__(self, memo: object) -> Packed:
        """Returns itself."""
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Returns what a pickle makes it of: a plain list."""
        return list, (list(self),)

    def __repr__(self) -> str:
        """Returns how many elements there are."""
        return f"<array of {len(self)} values>"

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a packed array cannot be changed; make a list of it")

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


def pack(values: Iterable[Json]) -> list[Json]:
    """Returns values as an array, packed; a plain list where one has text that is not UTF-8."""
    pieces: list[msgspec.Raw] = []
    rest = iter(values)
    for value in rest:
        try:
            pieces.append(msgspec.Raw(_encode(value)))
        except UnicodeEncodeError:
            return [*Packed(pieces), value, *rest]
    return Packed(pieces)


def changed(values: list[Json], change: Callable[[Json], Json]) -> list[Json]:
    """Returns an array with every element changed; packed where that was."""
    return pack(map(change, values)) if isinstance(values, Packed) else [change(each) for each in values]


def pieces(text: str) -> list[msgspec.Raw]:
    """Returns the elements of an array in JSON, each as its text.

    Raises:
        msgspec.DecodeError: it is no array, or not UTF-8.
    """
    found = _pieces(text)
    for piece in found:
        _decode(piece)
    return found
