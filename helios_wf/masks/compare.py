"""Whether masks overlap, and whether a pattern can build a name that a mask takes."""

from __future__ import annotations

from collections.abc import Mapping

from helios_wf.masks import machine
from helios_wf.masks.machine import BIT, IN_SEGMENT, Accept, Fork, Program, Take, bits
from helios_wf.masks.mask import Mask
from helios_wf.masks.pattern import NamePattern
from helios_wf.masks.syntax import Kind


def overlap(left: Mask, right: Mask) -> str | None:
    """Returns a shortest dataset name that both masks take, or None.

    Exact, but for captures that stand twice in one mask: there an overlap may be said where there is none
    (the name is then one that the masks would take if those captures were not the same).
    """
    if _apart(left, right):
        return None
    return machine.common(_NAMES, left.program, right.program)


def may_produce(pattern: NamePattern, mask: Mask, kinds: Mapping[str, Kind] | None = None) -> bool:
    """Says whether some values of its parts make a pattern build a name that a mask takes.

    Args:
        pattern: of an output's name; bind what is constant first, such as the version.
        mask: what might take it.
        kinds: what is known of the parts' values, such as ``Mask.kinds``.
    """
    return machine.common(_NAMES, pattern.program(kinds or {}), mask.program) is not None


def _apart(left: Mask, right: Mask) -> bool:
    """Says whether two masks differ in a literal segment or separator before any ``**``: a quick no."""
    for a, b in zip(left.elements, right.elements, strict=False):
        if a.deep or b.deep:
            return False
        if a.separator != b.separator:
            return True
        if a.literal is not None and b.literal is not None and a.literal != b.literal:
            return True
    deep = any(element.deep for element in (*left.elements, *right.elements))
    return not deep and len(left.elements) != len(right.elements)


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
