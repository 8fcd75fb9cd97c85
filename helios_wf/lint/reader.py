"""The process in which documents and cases are parsed: ``python -m helios_wf.lint.reader SECONDS``.

Each is parsed in a child of its own, within limits of time and memory.  Lines in: a ``Request``; lines out: a
``Reply``, both JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from helios_wf.cwl import outline  # noqa: F401  (imported once, here)
from helios_wf.cwl.limits import READER_MB
from helios_wf.cwl.marks import key_place, plain
from helios_wf.cwl.sources import Sources
from helios_wf.cwl.yaml_text import parse  # noqa: F401
from helios_wf.errors import TemplateError
from helios_wf.forking import serve_forked
from helios_wf.lint.apart import Reply, Request, failed
from helios_wf.lint.written import written_findings
from helios_wf.model import Place, Remark


def reply(request: Request) -> Reply:
    """Returns the reply to a request."""
    sources = Sources(Path(request.root))
    try:
        source = sources.read(request.path)
        if request.is_document:
            return Reply(tuple(written_findings(sources, source.path)))
        places: dict[str, Place] = {}
        _mark(source.tree, source.path, "", places)
        return Reply(value=plain(source.tree), places=places)
    except TemplateError as error:
        first = error.problems[0]
        return Reply(problem=Remark(first.place or Place(request.path, 1, 1), first.message))
    except (MemoryError, RecursionError):
        return Reply(problem=Remark(Place(request.path, 1, 1), "reading it needs too much memory"))


def _mark(node: Any, file: str, path: str, places: dict[str, Place]) -> None:
    """Notes where every key and item below a node stands, by its path: ``/takes/0``."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        below = f"{path}/{key}"
        places[below] = key_place(node, key, file)
        _mark(value, file, below, places)


def main(limit_s: float) -> None:
    """Serves until standard input ends."""
    decode, encode = msgspec.json.Decoder(Request).decode, msgspec.json.encode
    serve_forked(
        lambda line: encode(reply(decode(line))),
        lambda line, died: encode(failed(decode(line), died)),
        limit_s,
        READER_MB,
    )


if __name__ == "__main__":
    main(float(sys.argv[1]))
