"""The text of expressions: where they stand in it, and the escapes around them.

Source: CWL v1.2 CommandLineTool, section 3.4, with cwltool's behaviour where the text leaves a choice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

_SPECIAL = re.compile(r"\\|\$\(|\$\{")


class Code(str):
    """What stands between the ``$`` and the end of an expression, brackets included."""

    __slots__ = ()


def is_expression(value: Json) -> bool:
    """Returns whether a value is text with an expression in it."""
    return isinstance(value, str) and ("$(" in value or "${" in value)


def modernise(value: Json) -> Json:
    r"""Returns a document of CWL v1.0 or v1.1 with the escapes of its expressions as v1.2 writes them.

    There a backslash before any character stands for the bare character.  Defaults and expression libraries
    are left alone.
    """
    if isinstance(value, Mapping):
        skipped = ("default", "expressionLib")
        return {key: each if key in skipped else modernise(each) for key, each in value.items()}
    if isinstance(value, list):
        return [modernise(each) for each in value]
    if not is_expression(value) or "\\" not in value:
        return value
    text = ""
    at = 0
    while match := _SPECIAL.search(value, at):
        text += value[at : match.start()]
        if match[0] == "\\":
            at = match.start() + 2
            if value[at - 1 : at] in ("(", "{") and text.endswith("$"):
                text = text[:-1] + "\\$"
            text += _escaped(value[at - 1 : at + 1])
        else:
            at = _closing(value, match.start() + 1)
            text += value[match.start() : at]
    return text + value[at:]


def _escaped(text: str) -> str:
    """Returns how v1.2 writes the first character of a text."""
    return f"\\{text[0]}" if text[:2] in ("$(", "${") or text[:1] == "\\" else text[:1]


def pieces_of(text: str) -> list[str]:
    """Returns literal texts and the code of expressions, in order, with escapes undone."""
    pieces: list[str] = []
    literal = ""
    at = 0
    while match := _SPECIAL.search(text, at):
        literal += text[at : match.start()]
        if match[0] == "\\":
            plain, at = _unescape(text, match.start())
            literal += plain
            continue
        stop = _closing(text, match.start() + 1)
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(Code(text[match.start() + 1 : stop]))
        at = stop
    literal += text[at:]
    return [*pieces, literal] if literal or not pieces else pieces


def _unescape(text: str, at: int) -> tuple[str, int]:
    r"""Returns what the backslash at a position stands for, and where to go on.

    ``\$(`` and ``\${`` are the bare characters, ``\\`` is one backslash, any other stands for itself.
    """
    if text[at : at + 3] in ("\\$(", "\\${"):
        return text[at + 1 : at + 3], at + 3
    if text[at : at + 2] == "\\\\":
        return "\\", at + 2
    return text[at : at + 2], at + 2


def _closing(text: str, start: int) -> int:
    """Returns the position after the bracket that closes the one at ``start``."""
    opening = text[start]
    closing = ")" if opening == "(" else "}"
    depth = 0
    quote = ""
    at = start
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    raise failed(text, f"the {opening!r} at position {start} is never closed")


def failed(text: str, reason: str) -> JobError:
    """Returns the error of an expression that names it."""
    shown = text if len(text) <= 300 else text[:297] + "..."
    return JobError(Cause.EXPRESSION, f"expression {shown!r}: {reason}", text)
