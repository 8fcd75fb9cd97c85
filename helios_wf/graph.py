"""Tasks as a directed acyclic graph: the only door to NetworkX.

NetworkX takes longer to import than a plan to make, so it is only imported to name a circle.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def order(dependencies: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """Returns the keys so that each stands behind its dependencies; ties keep the mapping's order.

    Raises:
        CycleError: they depend on each other in a circle.
    """
    position = {node: index for index, node in enumerate(dependencies)}
    nodes = list(dependencies)
    missing = {node: set(befores) for node, befores in dependencies.items()}
    behind: dict[Node, list[Node]] = {node: [] for node in dependencies}
    for node, befores in missing.items():
        for before in befores:
            behind[before].append(node)
    ready = [position[node] for node, befores in missing.items() if not befores]
    found: list[Node] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        found.append(node)
        for after in behind[node]:
            missing[after].discard(node)
            if not missing[after]:
                heapq.heappush(ready, position[after])
    if len(found) < len(nodes):
        raise CycleError(_circle(dependencies))
    return found


def _circle(dependencies: Mapping[Node, Iterable[Node]]) -> list[Hashable]:
    import networkx as nx

    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_edges_from((before, node) for node, befores in dependencies.items() for before in befores)
    return [edge[0] for edge in nx.find_cycle(graph)]


def levels(dependencies: Mapping[Node, Iterable[Node]]) -> list[list[Node]]:
    """Returns the keys level by level: each stands right behind the last of what it depends on."""
    level: dict[Node, int] = {}
    for node in order(dependencies):
        level[node] = max((level[before] + 1 for before in dependencies[node]), default=0)
    found: list[list[Node]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for node in dependencies:
        found[level[node]].append(node)
    return found


def reduction(dependencies: Mapping[Node, Iterable[Node]]) -> dict[Node, list[Node]]:
    """Returns the dependencies without those that others imply."""
    above: dict[Node, set[Node]] = {}
    found: dict[Node, list[Node]] = {}
    for node in order(dependencies):
        befores = list(dict.fromkeys(dependencies[node]))
        implied = set().union(*(above[before] for before in befores))
        above[node] = implied.union(befores)
        found[node] = [before for before in befores if before not in implied]
    return found


class CycleError(ValueError):
    """Nodes depend on each other in a circle; ``nodes`` lists them in order."""

    def __init__(self, nodes: list[Hashable]) -> None:
        self.nodes = nodes
        super().__init__(" -> ".join(str(node) for node in [*nodes, nodes[0]]))
