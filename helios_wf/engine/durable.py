"""Making what jobs wrote survive a power cut: one ``syncfs`` for a whole batch."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from helios_wf.errors import StoreError


def sync_folder(path: str) -> None:
    """Writes everything of the file system that holds a folder to disk.

    Raises:
        StoreError: the file system said that something could not be written.
    """
    with _translated(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            call = _syncfs()
            if call is None:
                os.sync()
            elif call(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(descriptor)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"what was written to {path} may not have reached the disk: {error.strerror}; "
            "check the disk (and its free space) and resume"
        ) from error


@cache
def _syncfs() -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
