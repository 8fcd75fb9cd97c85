"""One layout for CWL documents, comments kept: indentation, spaces, blank lines, line ends.

What a document says is never changed: the formatted text is read again, and must be the same tree with the
same comments.  Order of keys, quotes and the choice between ``{a: b}`` and lines stay the author's.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.tokens import CommentToken

from helios_wf.cwl.yaml_text import parse
from helios_wf.errors import Problem, TemplateError
from helios_wf.model import Place

WIDTHS = (120, 1 << 16)
"""Where flow maps, lists and long text are broken; the next where one would change the spaces of a text."""

_ROUNDS = 4
"""So often at most a text is laid out until it stays as it is."""

_COMMENT = re.compile(r"(?:^|\s)#.*")


def formatted(text: str, file: str) -> str:
    """Returns a document in the one layout; JSON stays JSON.

    Raises:
        TemplateError: the text is no YAML, or cannot be laid out without changing what it says.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tree = parse(text, file)
    if text.lstrip().startswith("{") and (value := _as_json(text)) is not None:
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    for width in WIDTHS:
        laid_out = _laid_out(text, file, width)
        if _plain(parse(laid_out, file)) == _plain(tree) and _comments(laid_out) == _comments(text):
            return laid_out
    raise TemplateError([Problem(Place(file, 1, 1), "cannot be laid out without a change of what it says")])


def _laid_out(text: str, file: str, width: int) -> str:
    for _ in range(_ROUNDS):
        before, text = text, _squeezed(_dumped(parse(text, file), width))
        if text == before:
            break
    return text


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _dumped(tree: Any, width: int) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = width
    yaml.indent(mapping=2, sequence=4, offset=2)
    _settle(tree)
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()


def _settle(node: Any) -> None:
    """Lets comments behind values stand two spaces away from them, whatever column they stood in."""
    if isinstance(node, CommentedMap | CommentedSeq):
        for tokens in node.ca.items.values():
            for token in tokens:
                if isinstance(token, CommentToken) and token.value.startswith("#"):
                    token.column, token.value = 0, f" {token.value}"
        for child in node.values() if isinstance(node, CommentedMap) else node:
            _settle(child)


def _squeezed(text: str) -> str:
    """Returns text without spaces at line ends, and with single blank lines, outside block scalars."""
    lines: list[str] = []
    block: int | None = None
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(" "))
        if block is not None and line.strip() and depth <= block:
            block = None
        if block is None:
            line = line.rstrip()
            if not line and (not lines or not lines[-1]):
                continue
            if re.search(r"(?:^|[:\-]\s)\s*[|>][-+0-9]*\s*(?:#.*)?$", line):
                block = depth
        lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


def _plain(node: Any) -> Any:
    """Returns a tree as plain values, to compare."""
    if isinstance(node, dict):
        return [(key, _plain(value)) for key, value in node.items()]
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return next(kind.__name__ for kind in (bool, int, float, str, object) if isinstance(node, kind)), node


def _comments(text: str) -> list[str]:
    """Returns what may be comments of a text, in order."""
    return [found.group().strip() for line in text.split("\n") if (found := _COMMENT.search(line))]
