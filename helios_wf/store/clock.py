"""The store's clock: the one by which leases and heartbeats are judged."""

from __future__ import annotations

import time

from sqlalchemy import Connection


def now(tx: Connection) -> float:
    """Returns seconds since the epoch: of this host for SQLite, of the server for PostgreSQL."""
    if tx.dialect.name == "sqlite":
        return time.time()
    row = tx.exec_driver_sql("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
    return float(row.scalar_one())
