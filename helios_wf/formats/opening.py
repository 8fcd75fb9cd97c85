"""Files opened, with errors that say what is wrong with them."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from helios_wf.errors import (
    EventFileError,
    FileFormatError,
    FileTruncatedError,
    FileUnreadableError,
    NoEventsError,
)

PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
"""What the system says when it is in trouble itself: a full disk, a lost file server."""

GZIP_MAGIC = b"\x1f\x8b"
BLOCK_BYTES = 4 << 20


def file_size(path: str | os.PathLike[str]) -> int:
    """Returns the size of a regular file in bytes.

    Raises:
        FileUnreadableError: it is missing, is no regular file, or may not be looked at.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise FileUnreadableError(f"{path}: is {what}; give a file of events")
    return status.st_size


def head(path: str | os.PathLike[str], size: int) -> bytes:
    """Returns the first bytes of a file, as they are stored.

    Raises:
        FileUnreadableError: it cannot be read.
    """
    file_size(path)
    try:
        with Path(path).open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: object, error: Exception) -> FileUnreadableError:
    """Returns the error for a file that the system refused; exit code 1 where that may pass, else 2."""
    if isinstance(error, FileNotFoundError):
        return FileUnreadableError(f"{path}: no such file; give the path of an existing file")
    if isinstance(error, PermissionError):
        return FileUnreadableError(f"{path}: may not be read; check its permissions (ls -l)")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    refused = FileUnreadableError(f"{path}: cannot be read: {reason}")
    if isinstance(error, OSError) and error.errno in PASSING:
        refused.exit_code = 1
    return refused


def several_tables(path: object, tables: Iterable[str]) -> NoEventsError:
    """Returns the error for a file with several tables, none of which was chosen."""
    return NoEventsError(
        f"{path}: has several tables; choose one with table, on the shell --table: {', '.join(tables)}"
    )


def not_written(path: object, error: OSError) -> EventFileError:
    """Returns the error for a file that the system cannot write; exit code 1 where that may pass, else 2."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    refused = EventFileError(f"{path}: cannot be written: {reason}; nothing of it is left")
    if error.errno is None or error.errno in PASSING:
        refused.exit_code = 1
    return refused


class ByteSource:
    """A file's bytes from its start, or from any offset when it is not compressed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self.compressed = head(path, 2) == GZIP_MAGIC
        try:
            plain = Path(path).open("rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise unreadable(path, error) from None
        self._plain = plain
        self._file = cast(BinaryIO, gzip.GzipFile(fileobj=plain, mode="rb") if self.compressed else plain)
        self.size = file_size(path)

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._file.close()
        self._plain.close()

    def seek(self, offset: int) -> None:
        """Goes to an offset in the uncompressed bytes (a compressed file is read up to there)."""
        try:
            self._file.seek(offset)
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from None

    def fill(self, view: memoryview) -> int:
        """Reads into a buffer until it is full or the file ends; returns the number of bytes.

        Raises:
            FileTruncatedError: a compressed file ends too early.
            FileFormatError: a compressed file is broken.
            FileUnreadableError: the system cannot read on.
        """
        done = 0
        try:
            while done < len(view):
                got = self._file.readinto(view[done:])  # type: ignore[attr-defined]
                if not got:
                    break
                done += got
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from None
        return done

    def _broken(self, error: Exception) -> EventFileError:
        if isinstance(error, EOFError):
            return FileTruncatedError(f"{self.path}: its gzip stream ends too early; copy the file again")
        if isinstance(error, zlib.error | gzip.BadGzipFile):
            return FileFormatError(f"{self.path}: its gzip stream is broken ({error}); copy the file again")
        return unreadable(self.path, error)
