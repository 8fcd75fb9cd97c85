"""How SQLite is used: durable, one writer, readers undisturbed, safe on network file systems."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_S = 30.0

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"orangefs", "panfs", "pvfs2", "smb3", "smbfs"}
)
"""Types, as in /proc/self/mountinfo, on which shared memory between hosts (and so WAL) does not work."""


def sqlite_engine(path: Path) -> Engine:
    """Returns an engine for a file; transactions start with BEGIN IMMEDIATE, or BEGIN when ``read_only``."""
    journal = "DELETE" if on_network(path) else "WAL"
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None
        _set_journal(connection, journal)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def network_notice(path: Path) -> str:
    """Returns what a user should know of a store on a network file system; empty for any other."""
    if not on_network(path):
        return ""
    return (
        f"the store {path} is on a network file system: SQLite goes without a write-ahead log there "
        f"(journal_mode=DELETE), and commands wait for each other, up to {BUSY_TIMEOUT_S:g} s"
    )


def on_network(path: Path, mountinfo: str | None = None) -> bool:
    """Says whether a path lies on a network file system; where that cannot be told, it does not."""
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False
    best, kind = "", ""
    target = str(path.resolve())
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]).rstrip("/")
        if (target == point or target.startswith(point + "/")) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse.")


def _set_journal(connection: sqlite3.Connection, journal: str) -> None:
    """Sets the journal mode once; a change needs the file for itself, so others are waited for."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0].upper() != journal:
        try:
            connection.execute(f"PRAGMA journal_mode = {journal}")
        except sqlite3.OperationalError as error:
            busy = (error.sqlite_errorname or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
