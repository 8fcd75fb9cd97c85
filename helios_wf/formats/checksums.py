"""Checksums of files, in the way CWL writes them."""

from __future__ import annotations

import hashlib
import os
import zlib
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from helios_wf.errors import DatasetError, did_you_mean
from helios_wf.formats.opening import file_size, unreadable

ChecksumKind: TypeAlias = Literal["sha1", "md5", "adler32"]
KINDS: tuple[ChecksumKind, ...] = ("sha1", "md5", "adler32")

_BLOCK_BYTES = 1 << 20


def checksum(path: str | os.PathLike[str], kind: str = "sha1") -> str:
    """Returns the checksum of a file as ``sha1$...``, ``md5$...`` or ``adler32$...``, in hexadecimal.

    Raises:
        FileUnreadableError: the file cannot be read.
        DatasetError: there is no such kind of checksum.
    """
    if kind not in KINDS:
        raise DatasetError(f"no checksum named {kind!r}{did_you_mean(kind, KINDS)}")
    file_size(path)
    try:
        with Path(path).open("rb") as file:
            return f"{kind}${_adler32(file) if kind == 'adler32' else _hashed(file, kind)}"
    except OSError as error:
        raise unreadable(path, error) from None


def _hashed(file: BufferedReader, kind: str) -> str:
    return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _adler32(file: BinaryIO) -> str:
    value = 1
    while data := file.read(_BLOCK_BYTES):
        value = zlib.adler32(data, value)
    return f"{value:08x}"
