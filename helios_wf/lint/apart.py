"""Documents and cases parsed in limited processes beside this one: what is asked, and what they reply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from helios_wf.confined import Confined, DiedError
from helios_wf.cwl.limits import load_s
from helios_wf.lint.finding import Finding
from helios_wf.model import Json, Place, Remark


class Request(msgspec.Struct):
    """A file to look at: a document by the rules for what is written, any other as what it holds."""

    path: str
    root: str
    is_document: bool = True


class Reply(msgspec.Struct):
    """What was found in a document; or what a file holds, and where each part stands (``/takes/0``)."""

    findings: tuple[Finding, ...] = ()
    value: Json = None
    places: dict[str, Place] = {}
    problem: Remark | None = None
    """Why the file cannot be read."""


def begin() -> None:
    """Starts the process that parses documents, if there is none."""
    _reader(load_s()).start()


def ask(requests: Iterable[Request]) -> Iterator[Reply]:
    """Yields a reply to each request, in order."""
    waiting = list(requests)
    if not waiting:
        return
    try:
        for line in _reader(load_s()).ask(msgspec.json.encode(request) for request in waiting):
            yield msgspec.json.decode(line, type=Reply)
            waiting.pop(0)
    except DiedError as died:
        yield from (failed(request, died) for request in waiting)


def failed(request: Request, died: DiedError) -> Reply:
    """Returns the reply to a request over which its reader died."""
    return Reply(problem=Remark(Place(request.path, 1, 1), f"reading it failed: {died}"))


@lru_cache
def _reader(limit_s: float) -> Confined:
    return Confined("helios_wf.lint.reader", limit_s)
