"""Checksums of files, each known until the file is changed: its size, time and inode are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import Connection, select

from helios_wf.store import bulk
from helios_wf.store.rows import KnownChecksum
from helios_wf.store.schema import checksums

_AT_ONCE = 500

_KEEP = """
    INSERT INTO checksums (path, size, modified, inode, checksum)
    VALUES (:path, :size, :modified, :inode, :checksum)
    ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified,
        inode = excluded.inode, checksum = excluded.checksum
"""


def keep(tx: Connection, found: Sequence[KnownChecksum]) -> None:
    """Records checksums; one that was known of the same path is replaced."""
    rows = [
        {
            "path": one.path,
            "size": one.size,
            "modified": one.modified,
            "inode": one.inode,
            "checksum": one.checksum,
        }
        for one in found
    ]
    bulk.many(tx, _KEEP, rows)


def of(tx: Connection, paths: Iterable[str]) -> dict[str, KnownChecksum]:
    """Returns what is known of files, by path; whether it still holds shows in their size, time and inode."""
    found = {}
    wanted = iter(paths)
    while chunk := list(islice(wanted, _AT_ONCE)):
        for row in tx.execute(select(checksums).where(checksums.c.path.in_(chunk))):
            found[row.path] = KnownChecksum(row.path, row.size, row.modified, row.inode, row.checksum)
    return found
