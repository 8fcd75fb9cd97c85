"""Why a mask does not take a name."""

from __future__ import annotations

from helios_wf.errors import MaskError
from helios_wf.masks.elements import Element, Elements
from helios_wf.masks.mask import Mask
from helios_wf.masks.names import check_name, split_name


def difference(mask: Mask, name: str) -> str | None:
    """Returns where a name and a mask first differ, such as ``segment 3 is 'raw', mask wants 'calib'``.

    None when the mask takes the name.
    """
    try:
        check_name(name)
    except MaskError as error:
        return str(error)
    if mask.take(name) is not None:
        return None
    return _from_left(mask, name) or _from_right(mask, name) or _elsewhere(mask, name)


def _from_left(mask: Mask, name: str) -> str | None:
    segments, separators = split_name(name)
    for number, element in enumerate(mask.elements, 1):
        if element.deep:
            return None
        if number > len(segments):
            return f"it ends after segment {number - 1}, mask wants {_rest(mask, number - 1)!r} next"
        if number > 1 and element.separator != separators[number - 2]:
            return (
                f"{separators[number - 2]!r} stands before segment {number}, mask wants {element.separator!r}"
            )
        if not _takes(element, segments[number - 1]):
            return f"segment {number} is {segments[number - 1]!r}, mask wants {str(element)!r}"
    if len(segments) > len(mask.elements):
        return f"it has {len(segments)} segments, mask wants {len(mask.elements)}"
    return None


def _from_right(mask: Mask, name: str) -> str | None:
    segments = split_name(name)[0]
    for back, element in enumerate(reversed(mask.elements), 1):
        if element.deep:
            return None
        if back > len(segments):
            return f"it has only {len(segments)} segments, mask wants more"
        if not _takes(element, segments[-back]):
            number = len(segments) - back + 1
            return f"segment {number} is {segments[-back]!r}, mask wants {str(element)!r} there"
    return None


def _elsewhere(mask: Mask, name: str) -> str:
    segments = split_name(name)[0]
    for element in mask.elements:
        if not element.deep and not any(_takes(element, segment) for segment in segments):
            return f"no segment is {str(element)!r}, which the mask wants"
    twice = {part.name for part in mask.parts if sum(other.name == part.name for other in mask.parts) > 1}
    if twice:
        which = ", ".join(sorted(twice))
        return f"{which}: twice in the mask, and not the same in the name"
    return "its segments are not in the mask's order, or joined by other separators"


def _rest(mask: Mask, at: int) -> str:
    elements = mask.elements[at:]
    return "".join((element.separator if at else "") + str(element) for at, element in enumerate(elements))


def _takes(element: Element, segment: str) -> bool:
    return Mask(str(element), Elements([Element("", element.items, 1)])).take(segment) is not None
