"""Whether masks overlap, and whether a pattern can build a name that a mask takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from helios_wf.masks import machine
from helios_wf.masks.elements import Shape
from helios_wf.masks.machine import BIT, IN_SEGMENT, Accept, Fork, Program, Take, bits
from helios_wf.masks.mask import Mask
from helios_wf.masks.pattern import NamePattern
from helios_wf.masks.syntax import Kind


def overlap(left: Mask, right: Mask, exclude: Iterable[Mask] = ()) -> str | None:
    """Returns a shortest dataset name that both masks take, and none of the excluded ones, or None.

    Exact, but for captures that stand twice in one mask: there an overlap may be said where there is none
    (the name is then one that the masks would take if those captures were not the same).
    """
    if _apart(left.shape, right.shape):
        return None
    return _common(left.program, right.program, exclude)


def may_produce(
    pattern: NamePattern, mask: Mask, kinds: Mapping[str, Kind] | None = None, exclude: Iterable[Mask] = ()
) -> str | None:
    """Returns a name that a pattern can build and a mask takes, or None when there is none.

    Args:
        pattern: of an output's name; bind what is constant first, such as the version.
        mask: what might take it.
        kinds: what is known of the parts' values, such as ``Mask.kinds``.
        exclude: masks whose names are not taken after all.
    """
    if _apart(pattern.shape, mask.shape):
        return None
    return _common(pattern.program(kinds or {}), mask.program, exclude)


def _common(left: Program, right: Program, exclude: Iterable[Mask]) -> str | None:
    # A capture that stands twice makes a mask take fewer names than its program: it excludes nothing surely.
    without = [mask.program for mask in exclude if len(mask.captures) == len(mask.parts)]
    return machine.common([_NAMES, left, right], without)


def _apart(left: Shape, right: Shape) -> bool:
    """Says whether shapes differ in a separator or literal segment before any ``**``: a quick no."""
    for a, b in zip(left, right, strict=False):
        if a is None or b is None:
            return False
        if a[0] != b[0] or (a[1] is not None and b[1] is not None and a[1] != b[1]):
            return True
    return len(left) != len(right) and None not in left and None not in right


def _names() -> Program:
    """Returns a program that takes dataset names and nothing else."""
    segment: Program = [Take(IN_SEGMENT), Fork((0, 2))]
    scoped: Program = [*segment, Fork((3, 5)), Take(BIT["."]), Fork((0,)), Take(BIT[":"])]
    start = 1 + len(scoped)
    program: Program = [Fork((start, 1)), *_moved(scoped, 1)]
    program += [Take(IN_SEGMENT), Fork((start, start + 2)), Fork((start + 3, start + 5))]
    return [*program, Take(bits("./")), Fork((start,)), Accept()]


def _moved(program: Program, by: int) -> Program:
    return [Fork(tuple(t + by for t in step.targets)) if isinstance(step, Fork) else step for step in program]


_NAMES = _names()
