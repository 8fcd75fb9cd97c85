"""What went wrong below the store, in words: what failed, where, and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from helios_wf.errors import StoreError, StoreUnusableError

NOTHING_KEPT = "nothing of this change was kept"

SQLITE_ADVICE = {
    "SQLITE_FULL": "the disk (or quota) is full; free some space and resume",
    "SQLITE_READONLY": "it is read-only; check the permissions of the file and of its folder",
    "SQLITE_PERM": "it may not be used; check the permissions of the file and of its folder",
    "SQLITE_CANTOPEN": "it cannot be opened; check that its folder exists and may be written",
    "SQLITE_BUSY": "another process has been writing to it for long; wait for it, or end it, and try again",
    "SQLITE_LOCKED": "another process has been writing to it for long; wait for it, or end it, and try again",
    "SQLITE_IOERR": "the disk reported an error; check it (and its free space) and resume",
    "SQLITE_CORRUPT": "the file is damaged; restore it from a copy",
    "SQLITE_NOTADB": "the file is no SQLite database; give another path, or move it away",
}
"""Primary result code: what is wrong and what to do."""

POSTGRESQL_ADVICE = {
    "53100": "the server's disk is full; free some space there and resume",
    "53": "the server is short of resources; try again later",
    "25006": "the server is read-only (a standby?); give the URL of the primary",
    "28": "the server refuses this user; check user and password in the URL",
    "3D": "the server has no such database; create it or give another in the URL",
    "42501": "this user may not do that; grant it the rights, or give another user in the URL",
    "55P03": "another process holds what is needed; wait for it and try again",
    "40": "another process was in the way; try again",
    "57": "the server ended the connection; try again when it is back",
    "08": "the connection was lost; try again when the server is back",
    "": "the server cannot be reached; check that it runs, and host and port in the URL",
}
"""SQLSTATE, or its class: what is wrong and what to do; the empty one means that no server answered."""


CALLERS = ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_NOTADB", "25006", "28", "3D", "42501")
"""Beginnings of the codes of what does not pass by itself: the caller mends it, or gives another store."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turns errors of the database and its driver into a StoreError that names ``place``."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _translated((error.orig if isinstance(error, DBAPIError) else None) or error, place) from error
    except Exception as error:
        if isinstance(error, sqlite3.Error) or _is_psycopg(error):
            raise _translated(error, place) from error
        raise


def _translated(error: BaseException, place: str) -> StoreError:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    kind = StoreUnusableError if code.startswith(CALLERS) else StoreError
    return kind(describe(error, place))


def describe(error: BaseException, place: str) -> str:
    """Returns the message for an error of a driver."""
    said = str(error).strip().splitlines()
    return f"store {place}: {advice(error)} ({said[0] if said else type(error).__name__}); {NOTHING_KEPT}"


def advice(error: BaseException) -> str:
    """Returns what is wrong and what to do about it, from the driver's error code."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", None) or ""
        for primary, text in SQLITE_ADVICE.items():
            if name.startswith(primary):
                return text
    elif _is_psycopg(error):
        state = getattr(error, "sqlstate", None) or ""
        if state or type(error).__name__ == "OperationalError":
            return (
                POSTGRESQL_ADVICE.get(state)
                or POSTGRESQL_ADVICE.get(state[:2])
                or "the server refused a change"
            )
    return "the database refused a change"


def _is_psycopg(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "psycopg"
