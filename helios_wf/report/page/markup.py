"""Small pieces of HTML and SVG; every text from outside goes through ``text``."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def text(value: object) -> str:
    """Returns a value as text of a page, also of an attribute: nothing in it is markup."""
    return html.escape(_CONTROL.sub("\ufffd", _COLOUR.sub("", str(value))))


def cut(shown: str, most: int) -> str:
    """Returns a text of at most so many characters."""
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def code(value: object) -> str:
    """Returns a text that stands for itself: a path, a command."""
    return f"<code>{text(value)}</code>"


def mute(value: object) -> str:
    """Returns a text that matters less."""
    return f'<span class="mute">{text(value)}</span>'


def rect(
    kind: str, x: float, y: float, width: float, height: float, said: str = "", round_by: float = 0
) -> str:
    """Returns a rectangle of a class; ``said`` is told where the pointer is on it."""
    told = f' data-t="{text(said)}"' if said else ""
    corner = f' rx="{round_by:g}"' if round_by else ""
    place = f'x="{x:.6g}" y="{y:.6g}" width="{width:.4g}" height="{height:.4g}"'
    return f'<rect class="{kind}" {place}{corner}{told}/>'


def label(shown: str, x: float, y: float, kind: str = "") -> str:
    """Returns text in a drawing; classes ``mid`` and ``end`` say where ``x`` is in it."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.6g}" y="{y:.6g}">{text(shown)}</text>'


def told(said: str, *parts: str) -> str:
    """Returns parts of a drawing for which ``said`` is told where the pointer is."""
    return f'<g data-t="{text(said)}">{"".join(parts)}</g>'


class Cell(NamedTuple):
    """A cell of a table: its HTML, what it is sorted by, and whether it is a number."""

    shown: str
    key: str | float | None = None
    is_number: bool = False


def words(value: object) -> Cell:
    """Returns a cell of text."""
    return Cell(text(value), str(value))


def number(value: float | None, said: Callable[[float], str] = lambda value: f"{value:,}") -> Cell:
    """Returns a cell of a number, or of nothing."""
    return Cell("", None, True) if value is None else Cell(text(said(value)), value, True)


def table(headers: Sequence[str], rows: Iterable[Sequence[Cell]], label: str, attributes: str = "") -> str:
    """Returns a table that can be sorted by each of its columns; those without anything are left out."""
    kept = [list(row) for row in rows]
    used = [index for index in range(len(headers)) if any(row[index].shown for row in kept)]
    head = "".join(
        f'<th scope="col"{_right(kept[0][index].is_number)}>'
        f'<button type="button">{text(headers[index])}</button></th>'
        for index in used
    )
    body = "".join(f"<tr>{''.join(_cell(row[index]) for index in used)}</tr>\n" for row in kept)
    return (
        f'<div class="wide"><table class="sorts" aria-label="{text(label)}"{attributes}>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    is_plain = cell.key is None or (isinstance(cell.key, str) and text(cell.key) == cell.shown)
    key = "" if is_plain else f' data-k="{text(cell.key)}"'
    return f"<td{_right(cell.is_number)}{key}>{cell.shown}</td>"


def _right(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Returns named values; the values are HTML."""
    return f"<dl>{''.join(f'<dt>{text(name)}</dt><dd>{value}</dd>' for name, value in rows)}</dl>"


def section(name: str, title: str, *parts: str, lead: str = "") -> str:
    """Returns a section of the page, or nothing where it has no parts; ``lead`` is text, the parts HTML."""
    body = "".join(parts)
    if not body:
        return ""
    said = f'<p class="lead">{text(lead)}</p>' if lead else ""
    head = f'<h2 id="{name}-h">{text(title)}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-h">{head}{said}{body}</section>\n'
