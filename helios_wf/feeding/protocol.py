"""The lines that a worker and a tool exchange about event ranges; docs/event-streams.md is their page.

> {"type":"hello","protocol":1,"job":"...","workdir":"..."}
< {"type":"ready","capacity":1}
< {"type":"get","n":1}
> {"type":"ranges","ranges":[{"range":"...","first":1000,"stop":2000,"path":"...","outdir":"..."}]}
< {"type":"progress","range":"...","processed":412}
< {"type":"done","range":"...","outputs":{...},"n_out":980}
< {"type":"error","range":"...","class":"temporary","code":3,"at_event":1777,"message":"..."}
> {"type":"no_more"}
< {"type":"bye"}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from helios_wf.errors import JobError
from helios_wf.states import Cause

VERSION = 1

LONGEST = 1 << 20
"""Bytes of the longest line that is read as one of these; a longer one is something that the tool printed."""

_SHOWN = 200

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """The first line to a tool: which attempt it works for, and its working directory."""

    job: str
    workdir: str
    protocol: int = VERSION


class Given(msgspec.Struct, omit_defaults=True):
    """One range: its name, its events, their file (if there is one), and the folder for its outputs."""

    range: str
    first: int
    stop: int
    outdir: str
    path: str | None = None


class Ranges(msgspec.Struct, tag_field="type", tag="ranges"):
    """Ranges for the tool, to be done in this order."""

    ranges: list[Given]


class NoMore(msgspec.Struct, tag_field="type", tag="no_more"):
    """No further range will come."""


class Ready(msgspec.Struct, tag_field="type", tag="ready"):
    """The tool can take ranges; ``capacity`` is how many it works on at the same time."""

    capacity: _Positive = 1


class Get(msgspec.Struct, tag_field="type", tag="get"):
    """The tool asks for ranges."""

    n: _Positive = 1


class Progress(msgspec.Struct, tag_field="type", tag="progress"):
    """How many events of a range are done."""

    range: str
    processed: _Count


class Done(msgspec.Struct, tag_field="type", tag="done"):
    """A range is done; without ``outputs``, they are what the tool's rules find in its folder."""

    range: str
    outputs: dict[str, Any] | None = None
    n_out: _Count | None = None


class Failed(msgspec.Struct, tag_field="type", tag="error", rename={"kind": "class"}):
    """A range could not be done; the tool goes on with the next."""

    range: str
    kind: Literal["temporary", "permanent"] | None = None
    code: int | None = None
    at_event: int | None = None
    message: str = ""


class Bye(msgspec.Struct, tag_field="type", tag="bye"):
    """The tool's last line."""


Order: TypeAlias = Hello | Ranges | NoMore
Answer: TypeAlias = Ready | Get | Progress | Done | Failed | Bye
OfRange: TypeAlias = Progress | Done | Failed

_encoder = msgspec.json.Encoder()
_answers = msgspec.json.Decoder(Ready | Get | Progress | Done | Failed | Bye)


def to_line(order: Order) -> bytes:
    """Returns a line for a tool."""
    return _encoder.encode(order) + b"\n"


def read(line: bytes) -> Answer | None:
    """Returns what a tool said; None for a line that is something else that it printed.

    Raises:
        JobError: the line looks like one of these, but is not.
    """
    if not line.startswith(b"{") or b'"type"' not in line or len(line) > LONGEST:
        return None
    try:
        answer: Answer = _answers.decode(line)
    except msgspec.DecodeError as error:
        raise broken(f"it said {shown(line)}: {error}") from None
    return answer


def broken(message: str) -> JobError:
    """Returns the error of a tool that does not keep to the exchange."""
    return JobError(Cause.PROTOCOL, message)


def shown(line: bytes) -> str:
    """Returns a line for a message, shortened."""
    text = line.decode("utf-8", "replace").strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class Lines:
    """Cuts what a tool writes into lines; ``print_`` takes what is too long for one, as it comes."""

    def __init__(self, print_: Callable[[bytes], None]) -> None:
        self._print = print_
        self._rest = b""
        self._is_flood = False

    def add(self, data: bytes) -> list[bytes]:
        """Returns the lines that are complete now, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._is_flood and lines:
            self._print(lines.pop(0) + b"\n")
            self._is_flood = False
        if self._is_flood or len(self._rest) > LONGEST:
            self._print(self._rest)
            self._rest, self._is_flood = b"", True
        return lines
