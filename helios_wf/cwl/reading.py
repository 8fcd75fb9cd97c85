"""Documents read in limited processes beside this one: what they are asked, and what they reply."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from helios_wf.confined import Confined, DiedError
from helios_wf.cwl.limits import LOAD_SECONDS, load_s
from helios_wf.cwl.overrides import Overrides
from helios_wf.errors import FieldsError, Problem, TemplateError, UnsupportedError
from helios_wf.model import Place, Process, Remark


class Request(msgspec.Struct):
    """A document to read."""

    path: str
    fragment: str
    root: str
    allow_urls: bool
    overrides: Overrides


class Answer(msgspec.Struct):
    """What a document says, the digests of what was read, where its expressions stand, and what is odd."""

    cwl_version: str
    process: Process
    files: dict[str, str]
    expressions: dict[str, tuple[Place, ...]]
    warnings: tuple[Remark, ...]


class Reply(msgspec.Struct):
    """Exactly one of: an answer, problems, what is not supported."""

    answer: Answer | None = None
    problems: list[Remark] = []
    fields_only: bool = False
    unsupported: str = ""


def begin(path: str) -> None:
    """Starts the process that reads documents, where there is none: it gets ready for this one meanwhile."""
    _reader(load_s()).start(path)


def read_apart(request: Request) -> Answer:
    """Returns what a document says.

    Raises:
        TemplateError: It is wrong, or reading it passed a limit.
        UnsupportedError: It asks for a feature that is not supported.
    """
    reply = _ask(request, load_s())
    if reply.unsupported:
        raise UnsupportedError(reply.unsupported)
    if reply.answer is None:
        problems = [Problem(one.place, one.message) for one in reply.problems]
        raise FieldsError(problems) if reply.fields_only else TemplateError(problems)
    return reply.answer


def failed(request: Request, died: DiedError, limit_s: float) -> Reply:
    """Returns the reply to a request over which its reader died."""
    message = f"reading it failed: {died}"
    if died.out_of_time:
        message = f"reading it takes more than {limit_s:g} s of processor time"
        message += f"; {LOAD_SECONDS} sets another limit"
    return Reply(problems=[Remark(Place(request.path, 1, 1), message)])


def _ask(request: Request, limit_s: float) -> Reply:
    line = msgspec.json.encode(request)
    try:
        try:
            (said,) = _reader(limit_s).ask([line])
        except DiedError as died:
            if not died.idle:
                raise
            (said,) = _reader(limit_s).ask([line])
    except DiedError as died:
        return failed(request, died, limit_s)
    return msgspec.json.decode(said, type=Reply)


@lru_cache
def _reader(limit_s: float) -> Confined:
    return Confined("helios_wf.cwl.reader", limit_s)
