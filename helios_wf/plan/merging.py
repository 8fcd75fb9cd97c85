"""How the inputs of a merge are grouped: which outputs there are, and the tree below each (pure).

A merge's *scheme* is plain JSON: for each output a list of levels, for each level a list of groups
``[first, stop)``: over the merge's inputs on level 0, over the level below elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Groups: TypeAlias = list[list[int]]
Scheme: TypeAlias = list[list[Groups]]


def scheme(
    n_inputs: int, max_inputs: int | None, weights: Sequence[int] | None, target: int | None
) -> Scheme:
    """Returns the scheme of a merge.

    Args:
        n_inputs: how many inputs there are; none give one output of none.
        max_inputs: most inputs of one job, or None.
        weights: size (bytes) or number of events of each input, where there is a target.
        target: an output closes before it outgrows this, in input order; None: one output.
    """
    outputs = [[0, n_inputs]] if target is None or weights is None else _close(weights, target)
    return [_tree(first, stop, max_inputs) for first, stop in outputs]


def _close(weights: Sequence[int], target: int) -> Groups:
    outputs: Groups = []
    first, weight = 0, 0
    for index, more in enumerate(weights):
        if index > first and weight + more > target:
            outputs.append([first, index])
            first, weight = index, 0
        weight += more
    outputs.append([first, len(weights)])
    return outputs


def _tree(first: int, stop: int, max_inputs: int | None) -> list[Groups]:
    levels = [_near_equal(first, stop, max_inputs)]
    while len(levels[-1]) > 1:
        levels.append(_near_equal(0, len(levels[-1]), max_inputs))
    return levels


def _near_equal(first: int, stop: int, most: int | None) -> Groups:
    n_items = stop - first
    n_groups = 1 if most is None else max(1, -(-n_items // most))
    bounds = [first + n_items * group // n_groups for group in range(n_groups + 1)]
    return [[a, b] for a, b in pairwise(bounds)]
