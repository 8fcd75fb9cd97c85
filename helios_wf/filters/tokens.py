"""Text of a filter to tokens, and errors that point at a column."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from helios_wf.errors import FilterError

MAX_LENGTH = 65_536
"""Characters in a filter: room for a list of some thousand run numbers."""

KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})

Kind: TypeAlias = Literal["number", "string", "name", "keyword", "op", "end"]

_SHOWN = 60

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<quoted>`[^`\n]+`)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<op>==|!=|<=|>=|[-<>+*/%(),\[\]])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_MEANT = {
    "&&": "'and'",
    "||": "'or'",
    "&": "'and'",
    "|": "'or'",
    "=": "'=='",
    "!": "'not'",
    "<>": "'!='",
    "===": "'=='",
    "**": "'*' (there is no power)",
}


class Token(NamedTuple):
    """A token; ``text`` is as written, ``value`` what a literal or name stands for."""

    kind: Kind
    text: str
    value: str | int | float
    column: int


def error_at(text: str, column: int, message: str) -> FilterError:
    """Returns a FilterError that shows the filter with a caret below a column (counted from 1)."""
    start = max(0, column - 1 - _SHOWN // 2)
    window = text[start : start + _SHOWN]
    shown = "".join(c if c.isprintable() else " " for c in window)
    before, after = "..." * (start > 0), "..." * (start + _SHOWN < len(text))
    caret = " " * (len(before) + column - 1 - start) + "^"
    return FilterError(f"filter: column {column}: {message}\n    {before}{shown}{after}\n    {caret}")


def tokenize(text: str) -> list[Token]:
    """Returns the tokens of a filter, an ``end`` token last.

    Raises:
        FilterError: the text is too long or has a character that starts no token.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"filter: it has {len(text)} characters; at most {MAX_LENGTH} are read")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _stray(text, at)
        if found.lastgroup != "space":
            tokens.append(_token(text, found))
        at = found.end()
    tokens.append(Token("end", "", "", len(text) + 1))
    return tokens


def _token(text: str, found: re.Match[str]) -> Token:
    word, column = found.group(), found.start() + 1
    match found.lastgroup:
        case "number":
            return Token("number", word, _number(text, word, column), column)
        case "string":
            return Token("string", word, _unescape(text, word, column), column)
        case "quoted":
            return Token("name", word, word[1:-1], column)
        case "name":
            return Token("keyword" if word in KEYWORDS else "name", word, word, column)
        case _:
            return Token("op", word, word, column)


def _number(text: str, word: str, column: int) -> int | float:
    if word.isdigit():
        if len(word.lstrip("0")) > 20 or int(word) >= 2**64:
            raise error_at(text, column, f"the number {word} does not fit 64 bits")
        return int(word)
    value = float(word)
    if value == float("inf"):
        raise error_at(text, column, f"the number {word} is too large for a double")
    return value


def _unescape(text: str, word: str, column: int) -> str:
    parts: list[str] = []
    at = 1
    while at < len(word) - 1:
        if word[at] == "\\":
            at += 1
            if word[at] not in _ESCAPES:
                known = " ".join("\\" + letter for letter in "ntr\\\"'")
                raise error_at(text, column + at - 1, f"unknown escape \\{word[at]}; known: {known}")
            parts.append(_ESCAPES[word[at]])
        else:
            parts.append(word[at])
        at += 1
    return "".join(parts)


def _stray(text: str, at: int) -> FilterError:
    character = text[at]
    if character in "\"'":
        return error_at(text, at + 1, f"the text that starts with {character} here is never closed")
    if character == "`":
        return error_at(text, at + 1, "a name in backticks is not empty and ends on its line")
    for wrong in sorted(_MEANT, key=len, reverse=True):
        if text.startswith(wrong, at):
            return error_at(text, at + 1, f"unknown operator {wrong!r}; write {_MEANT[wrong]}")
    return error_at(
        text, at + 1, f"unexpected character {character!r}; a column with odd characters stands in backticks"
    )
