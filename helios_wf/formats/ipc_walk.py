"""The headers of Arrow IPC messages, read without the data behind them.

Source: Arrow columnar format, "Encapsulated message format" and "IPC file format": each message is
0xFFFFFFFF, the length of its metadata (a flatbuffer, padded to 8 bytes), the metadata, and a body whose
length the metadata tells; a file is ``ARROW1``, padding, such messages, and a footer.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from helios_wf.errors import FileTruncatedError
from helios_wf.model.noun import Noun

_CONTINUES = 0xFFFFFFFF
_RECORD_BATCH = 3
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3


class Message(Noun, frozen=True):
    """One record batch: where its message starts, its number of rows, and the size of its body in bytes."""

    offset: int
    rows: int
    body: int


def record_batches(file: BinaryIO, start: int, end: int, path: str) -> list[Message]:
    """Returns the record batches between two byte offsets of a file, in order.

    Raises:
        FileTruncatedError: the last message is not whole.
    """
    found: list[Message] = []
    place = start
    while place + 4 <= end:
        file.seek(place)
        head, length = file.read(8), 0
        marker = struct.unpack_from("<I", head)[0]
        prefix = 8 if marker == _CONTINUES else 4
        length = struct.unpack_from("<i", head, prefix - 4)[0] if len(head) >= prefix else 0
        if length == 0:
            break
        file.seek(place + prefix)
        metadata = file.read(length)
        kind, body, rows = _described(metadata) if len(metadata) == length else (0, 0, 0)
        after = place + prefix + length + body
        if len(metadata) < length or after > end:
            raise FileTruncatedError(
                f"{path}: ends at byte {end} inside a message that goes to byte {after}: copy the file again"
            )
        if kind == _RECORD_BATCH:
            found.append(Message(place, rows, body))
        place = after
    return found


def _described(metadata: bytes) -> tuple[int, int, int]:
    """Returns the type of a message's header, the length of its body, and the rows of a record batch."""
    message = struct.unpack_from("<I", metadata)[0]
    kind_at, header_at, body_at = (
        _field(metadata, message, number) for number in (_HEADER_TYPE, _HEADER, _BODY_LENGTH)
    )
    kind = metadata[kind_at] if kind_at else 0
    body = struct.unpack_from("<q", metadata, body_at)[0] if body_at else 0
    if kind != _RECORD_BATCH or not header_at:
        return kind, body, 0
    rows_at = _field(metadata, header_at + struct.unpack_from("<I", metadata, header_at)[0], 0)
    return kind, body, struct.unpack_from("<q", metadata, rows_at)[0] if rows_at else 0


def _field(metadata: bytes, table: int, number: int) -> int:
    """Returns where a field of a flatbuffer table lies, or 0 when it has its default."""
    directory = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, directory)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", metadata, directory + slot)[0] if slot < size else 0
    return table + offset if offset else 0
