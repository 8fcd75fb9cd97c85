"""Many rows through one statement, by the driver itself.

A statement is written once, with ``:name`` for its parameters, and sent as the driver wants it.  ``{lock}``
at the end of a SELECT locks its rows where that is needed: SQLite has one writer anyway.  ``= {texts}`` is
true of each of some texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection

Row = Mapping[str, Any]


AT_ONCE = 1000
"""Rows that are made, and sent to the driver, at once."""


def many(tx: Connection, sql: str, rows: Iterable[Row]) -> None:
    """Runs a statement for every row; rows that are made one by one are never all there."""
    spelt, rest = _spelt(sql, tx.dialect.name), iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        _cursor(tx).executemany(spelt, some)


def affected(tx: Connection, sql: str, rows: Sequence[Row]) -> int:
    """Runs a statement for every row and returns how many it changed; quicker than ``changed``."""
    if not rows:
        return 0
    cursor = _cursor(tx)
    cursor.executemany(_spelt(sql, tx.dialect.name), rows)
    return int(cursor.rowcount)


def changed(tx: Connection, sql: str, rows: Sequence[Row]) -> list[bool]:
    """Runs a statement for every row and says for each whether it changed anything."""
    if not rows:
        return []
    spelt, cursor = _spelt(sql, tx.dialect.name), _cursor(tx)
    if tx.dialect.name == "sqlite":
        execute = cursor.execute
        return [execute(spelt, row).rowcount > 0 for row in rows]
    cursor.executemany(spelt, rows, returning=True)
    flags = [cursor.rowcount > 0]
    while cursor.nextset():
        flags.append(cursor.rowcount > 0)
    return flags


def found(tx: Connection, sql: str, texts: Sequence[str], row: Row) -> list[Any]:
    """Returns what a query with ``{texts}`` finds; it is prepared once for any number of them."""
    sqlite = tx.dialect.name == "sqlite"
    given = msgspec.json.encode(texts).decode() if sqlite else [*texts]
    cursor = _cursor(tx)
    cursor.execute(_spelt(sql, tx.dialect.name), {**row, "texts": given})
    return list(cursor.fetchall())


def _cursor(tx: Connection) -> Any:
    return tx.connection.driver_connection.cursor()  # type: ignore[union-attr]


@lru_cache(maxsize=256)
def _spelt(sql: str, dialect: str) -> str:
    if dialect == "sqlite":
        return sql.replace("{lock}", "").replace("= {texts}", "IN (SELECT value FROM json_each(:texts))")
    sql = sql.replace("{lock}", "FOR UPDATE").replace("{texts}", "ANY(:texts)")
    return re.sub(r":(\w+)", r"%(\1)s", sql)
