"""Tasks as a directed acyclic graph: the only door to NetworkX."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

import networkx as nx

Node = TypeVar("Node", bound=Hashable)


def order(dependencies: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """Returns the keys so that each stands behind its dependencies; ties keep the mapping's order.

    Raises:
        CycleError: they depend on each other in a circle.
    """
    graph = _graph(dependencies)
    position = {node: index for index, node in enumerate(dependencies)}
    try:
        return list(nx.lexicographical_topological_sort(graph, key=lambda node: position.get(node, -1)))
    except nx.NetworkXUnfeasible:
        raise CycleError([edge[0] for edge in nx.find_cycle(graph)]) from None


def levels(dependencies: Mapping[Node, Iterable[Node]]) -> list[list[Node]]:
    """Returns the keys level by level: each stands right behind the last of what it depends on."""
    position = {node: index for index, node in enumerate(dependencies)}
    found = nx.topological_generations(_graph(dependencies))
    return [sorted(level, key=position.__getitem__) for level in found]


def reduction(dependencies: Mapping[Node, Iterable[Node]]) -> dict[Node, list[Node]]:
    """Returns the dependencies without those that others imply."""
    reduced = nx.transitive_reduction(_graph(dependencies))
    return {
        node: [before for before in dict.fromkeys(befores) if reduced.has_edge(before, node)]
        for node, befores in dependencies.items()
    }


def _graph(dependencies: Mapping[Node, Iterable[Node]]) -> nx.DiGraph[Node]:
    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from((before, node) for node, befores in dependencies.items() for before in befores)
    return graph


class CycleError(ValueError):
    """Nodes depend on each other in a circle; ``nodes`` lists them in order."""

    def __init__(self, nodes: list[Hashable]) -> None:
        self.nodes = nodes
        super().__init__(" -> ".join(str(node) for node in [*nodes, nodes[0]]))
