"""Which event format a file has, by its content and its name."""

from __future__ import annotations

import re
import struct
from typing import Any

from helios_wf.errors import FileFormatError, FileTruncatedError
from helios_wf.formats.names import FORMATS, TEXT, extension_of, format_named, format_of, near_extension
from helios_wf.formats.opening import GZIP_MAGIC, ByteSource, file_size, head

_HEAD_BYTES = 4096
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAP_START = re.compile(rb'^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*(?:"\d+"\s*:|\}\s*[,}])')

_WORDS = {"gzip": "gzip", "binary": "a binary file", "text": "text", "empty": "an empty file"}


def recognise(path: Any) -> str | None:
    """Returns the name of a file's event format, or None when it is no file of events.

    The content decides, and the name must not contradict it.  Text is a file of events only by its name
    (``.csv``, ``.txt``, ...), ``.json`` only when it looks like an event map; Parquet, Arrow, ROOT and HDF5
    files are recognised under any name that does not say something else.

    Raises:
        FileUnreadableError: the file cannot be read.
        FileTruncatedError: it has a binary format by its name, and is empty.
        FileFormatError: its content contradicts its name.
    """
    path = str(path)
    named = format_of(path)
    content = content_of(path)
    if content in FORMATS:
        if named is None or named == content:
            return content
        raise _contradiction(path, named, FORMATS[content].words)
    if named is None:
        return None
    if named == "eventmap":
        return named if content == "text" and _MAP_START.match(head(path, _HEAD_BYTES)) else None
    if named in TEXT:
        return _checked_text(path, named, content)
    if content == "empty":
        raise FileTruncatedError(f"{path}: is empty; its name says {FORMATS[named].words}")
    raise _contradiction(path, named, _WORDS[content])


def resolved(path: Any, format: str | None) -> str:
    """Returns the format to read a file in: the one given, else the one recognised.

    Raises:
        FileFormatError: the file is no file of events, or not of the given format.
    """
    if format is None:
        found = recognise(path)
        if found is None:
            raise FileFormatError(
                f"{path}: is no file of events by its name or content{near_extension(str(path))}; name its "
                f"format, one of: {', '.join(name for name in FORMATS if name != 'rntuple')}"
            )
        return found
    wanted = "root" if format_named(format).name == "rntuple" else format
    content = content_of(str(path))
    text = wanted in TEXT or wanted == "eventmap"
    if content == wanted or (text and content in ("text", "empty", "gzip")):
        return wanted
    given = FORMATS[content].words if content in FORMATS else _WORDS[content]
    raise FileFormatError(f"{path}: is to be read as {FORMATS[wanted].words}, its content is {given}")


def content_of(path: str) -> str:
    """Returns the format that the first bytes show, or ``gzip``, ``binary``, ``text`` or ``empty``."""
    start = head(path, _HEAD_BYTES)
    if not start:
        return "empty"
    if start.startswith((b"PAR1", b"PARE")):
        return "parquet"
    if start.startswith(b"ARROW1"):
        return "arrow"
    if start.startswith(b"root") and len(start) > 8 and struct.unpack(">i", start[4:8])[0] > 0 and 0 in start:
        return "root"
    if start.startswith(GZIP_MAGIC):
        return "gzip"
    if _is_hdf5(start):
        return "hdf5"
    if _is_arrow_stream(start):
        return "arrows"
    return "binary" if 0 in start else "text"


def _is_hdf5(start: bytes) -> bool:
    """Says whether the signature stands at byte 0, or at 512, 1024 or 2048 behind a user block."""
    return any(start.startswith(_HDF5_MAGIC, place) for place in (0, 512, 1024, 2048))


def _is_arrow_stream(start: bytes) -> bool:
    if not start.startswith(b"\xff\xff\xff\xff") or len(start) < 16:
        return False
    length = int(struct.unpack("<i", start[4:8])[0])
    return 0 < length < 1 << 28 and length % 8 == 0


def _checked_text(path: str, named: str, content: str) -> str:
    packed = extension_of(path).endswith(".gz")
    if content == "binary":
        raise _contradiction(path, named, _WORDS[content])
    if content == "gzip" and not packed:
        raise _contradiction(path, named, f"gzip (name it {path.rpartition('/')[2]}.gz)")
    if packed and content not in ("gzip", "empty"):
        raise FileFormatError(
            f"{path}: its name says gzip, its content is plain text; drop the .gz from the name"
        )
    if packed and file_size(path) == 0:
        raise FileTruncatedError(f"{path}: is empty; its name says gzip")
    if packed:
        _check_inside(path, named)
    return named


def _check_inside(path: str, named: str) -> None:
    buffer = bytearray(_HEAD_BYTES)
    with ByteSource(path) as source:
        size = source.fill(memoryview(buffer))
    if buffer.find(0, 0, size) >= 0:
        raise _contradiction(path, named, "gzip of a binary file")


def _contradiction(path: str, named: str, content: str) -> FileFormatError:
    return FileFormatError(
        f"{path}: its name says {FORMATS[named].words} ({extension_of(path)}), its content is {content}"
    )
