"""YAML and JSON text to trees that know their lines, within limits that hostile text cannot pass.

ruamel.yaml is slow to import: import this module where a text is to be read, not before.
"""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from helios_wf.cwl.marks import MAX_BYTES
from helios_wf.errors import Problem, TemplateError
from helios_wf.model import Place

MAX_DEPTH = 80
MAX_NODES = 1_000_000
"""Limits of one document: its nesting, and its nodes with every alias written out."""

_DEEP = re.compile(rf"(?:[\[{{][^\[\]{{}}]{{0,99}}){{{MAX_DEPTH + 1}}}")
"""Brackets in brackets, over which the YAML reader would ponder for seconds."""


_TWICE = re.compile(r'found duplicate key "(.*?)" with value')
"""What the YAML reader says of a key that stands twice; the rest are both values."""


class _Constructor(RoundTripConstructor):
    """Keeps dates as the text that was written: CWL has no dates."""

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        """Returns the text of the node."""
        return node.value


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def parse(text: str, file: str) -> Any:
    """Returns the tree of a YAML (or JSON) text, as ruamel's maps and sequences with ``lc`` marks.

    Raises:
        TemplateError: It is no YAML, too long, nests too deeply, or grows too much through its aliases.
    """
    if len(text) > MAX_BYTES:
        raise _error(file, f"{len(text)} characters are too many; at most {MAX_BYTES}")
    if _DEEP.search(text):
        raise _error(file, f"nests too deeply; at most {MAX_DEPTH} levels")
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    yaml.preserve_quotes = True  # numbers in quotes stay text when cwltool's loader sees the same tree
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        raise _marked(error, file) from error
    except RecursionError:
        raise _error(file, f"nests too deeply; at most {MAX_DEPTH} levels") from None
    except (YAMLError, ValueError) as error:
        raise _error(file, f"is no YAML: {error}") from error
    _measure(tree, file)
    return tree


def _marked(error: MarkedYAMLError, file: str) -> TemplateError:
    mark = error.problem_mark or error.context_mark
    text = str(error.problem or error.context or "is no YAML").strip()
    twice = _TWICE.match(text)
    if twice and mark:
        message = f"the key {twice[1]!r} stands twice in one map; take one away, or give it another name"
        return TemplateError([Problem(Place(file, mark.line + 1, mark.column + 1), f"YAML: {message}")])
    if error.context and error.problem:
        text = f"{error.context}: {text}"
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    return TemplateError([Problem(place, f"YAML: {' '.join(text.split())}")])


def _error(file: str, message: str) -> TemplateError:
    return TemplateError([Problem(Place(file, 1, 1), message)])


def _measure(tree: Any, file: str) -> None:
    """Counts nodes as if aliases were written out; each node is visited once."""
    sizes: dict[int, tuple[int, int]] = {}
    open_: set[int] = set()

    def measure(node: Any, level: int) -> tuple[int, int]:
        if not isinstance(node, dict | list):
            return 1, 0
        if id(node) in open_:
            raise _error(file, "an alias leads back into its own anchor")
        if id(node) not in sizes:
            if level > MAX_DEPTH:
                raise _error(file, f"nests too deeply; at most {MAX_DEPTH} levels")
            open_.add(id(node))
            parts = [measure(child, level + 1) for child in _children(node)]
            open_.remove(id(node))
            sizes[id(node)] = 1 + sum(size for size, _ in parts), 1 + max((d for _, d in parts), default=0)
        size, depth = sizes[id(node)]
        if size > MAX_NODES or level + depth > MAX_DEPTH + 1:
            what = f"grows to more than {MAX_NODES} nodes" if size > MAX_NODES else "nests too deeply"
            raise _error(file, f"{what} through its aliases")
        return size, depth

    measure(tree, 0)


def _children(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else list(node)
