"""Making what jobs wrote survive a power cut: one ``syncfs`` for a whole batch."""

from __future__ import annotations

import ctypes
import os
from functools import cache


def sync_folder(path: str) -> None:
    """Writes everything of the file system that holds a folder to disk.

    Raises:
        OSError: the file system said that something could not be written.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        call = _syncfs()
        if call is None:
            os.sync()
        elif call(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


def sync_path(path: str) -> None:
    """Writes one file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _syncfs() -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
