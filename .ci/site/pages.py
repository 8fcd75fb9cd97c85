"""What the site makes of the pages beyond Markdown: links to files of the repository, and diagrams."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import mermaidx

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

LINK = re.compile(r"\[([^\]]+)\]\(([^)\s:]+)\)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Returns the page with its diagrams drawn, and links out of the site turned into paths."""
    folder = Path(page.file.abs_src_path).parent
    text = LINK.sub(functools.partial(_link, folder), markdown)
    return DIAGRAM.sub(lambda match: f'<div class="diagram">{_drawn(match[1])}</div>', text)


def _link(folder: Path, match: re.Match[str]) -> str:
    """Returns a link as it is; one out of the site becomes its text and its path in the repository."""
    words, target = match.groups()
    path = Path(os.path.normpath(folder / target.partition("#")[0]))
    if target.startswith("#") or path.is_relative_to(DOCS) or not path.is_relative_to(ROOT):
        return match[0]
    shown = path.relative_to(ROOT).as_posix()
    return words if shown in words else f"{words} (`{shown}`)"


@functools.cache
def _drawn(source: str) -> str:
    """Returns a diagram as SVG on one line, so that Markdown leaves it alone; its ids are its own."""
    svg = mermaidx.render(source, theme="neutral").svg()
    name = f"diagram-{hashlib.sha1(source.encode()).hexdigest()[:8]}"
    found = re.search(r'<svg[^>]*\bid="([^"]+)"', svg)
    if found:
        svg = svg.replace(found[1], name)
    return " ".join(line.strip() for line in svg.splitlines())
