"""Where the expressions of a document stand in its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.marks import value_place
from helios_wf.cwl.sources import Source
from helios_wf.model import Json, Place


def expression_places(process: Json, sources: Mapping[str, Source]) -> dict[str, tuple[Place, ...]]:
    """Returns for each expression (and each part of an expression library) of a process where it stands.

    Args:
        process: as plain values.
        sources: the files that it was read from.
    """
    wanted = set(_texts(process, False))
    found: dict[str, list[Place]] = {}
    for source in sources.values():
        if source.tree is None:
            found.setdefault(source.text, []).append(Place(source.path, 1, 1))
        else:
            for text, place in _marked(source.tree, source.path):
                found.setdefault(text, []).append(place)
    return {text: tuple(places) for text, places in found.items() if text in wanted}


def _texts(value: Json, is_library: bool) -> Iterator[str]:
    """Yields the expressions in plain values, and what libraries hold."""
    if isinstance(value, str):
        if is_library or is_expression(value):
            yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, key in ("expressionLib", "javascript"))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, is_library)


def _marked(tree: Any, file: str) -> Iterator[tuple[str, Place]]:
    """Yields all text in a tree with its place."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in entries:
        if isinstance(value, str):
            yield str(value), value_place(tree, key, file)
        else:
            yield from _marked(value, file)
