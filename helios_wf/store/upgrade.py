"""Brings the tables of a store to this version's: made at once when there are none, else by Alembic."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text

from helios_wf.errors import StoreError, UserError
from helios_wf.store.schema import REVISIONS, VERSION_TABLE, metadata

_LOCK = 0x68656C696F73
"""The number of the advisory lock under which one process at a time changes a PostgreSQL schema."""


def ensure(engine: Engine, place: str) -> None:
    """Makes or upgrades the tables where that is needed; a store of this version costs one SELECT.

    Raises:
        UserError: a newer helios-wf made the store.
        StoreError: the database has tables of these names that are not ours.
    """
    with engine.connect().execution_options(read_only=True) as tx:
        found = version(tx)
    if found == REVISIONS[-1]:
        return
    with engine.begin() as tx:
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        found = version(tx)
        if found is None:
            _create(tx, place)
        elif found not in REVISIONS:
            raise UserError(
                f"store {place} was made by a newer helios-wf: its schema is {found!r}, this one knows up to "
                f"{REVISIONS[-1]!r}; upgrade helios-wf (pip install -U helios-wf) or give another store"
            )
        elif found != REVISIONS[-1]:
            migrate(tx)


def version(tx: Connection) -> str | None:
    """Returns the revision of a store's tables, None when it has none."""
    if not inspect(tx).has_table(VERSION_TABLE):
        return None
    found = tx.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def migrate(tx: Connection) -> None:
    """Runs every Alembic revision that the tables have not seen."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "helios_wf.store:migrations")
    config.attributes["connection"] = tx
    command.upgrade(config, "head")


def _create(tx: Connection, place: str) -> None:
    strangers = sorted(set(inspect(tx).get_table_names()) & set(metadata.tables))
    if strangers:
        raise StoreError(
            f"store {place} has tables that helios-wf did not make ({', '.join(strangers)}); "
            "give it a database or schema of its own"
        )
    metadata.create_all(tx, checkfirst=False)
    tx.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    tx.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:version)"), {"version": REVISIONS[-1]})
