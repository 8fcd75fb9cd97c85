"""``Store``: an opened store, and its two kinds of transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError

from helios_wf.config import masked
from helios_wf.errors import MissingExtraError, SettingsError, StoreUnusableError
from helios_wf.store.problems import translated
from helios_wf.store.sqlite import network_notice, sqlite_engine
from helios_wf.store.upgrade import ensure

FILE_NAME = "helios.db"


ALONE = 0x68656C696F73
"""The advisory lock of transactions that must be alone in a PostgreSQL database ("helios" as a number)."""


class Store:
    """An opened store; threads may share it, each with transactions of its own.

    ``place`` is where it is, in words (a path, or a URL without its password); ``notice`` what a user should
    know of that, empty when there is nothing.
    """

    def __init__(self, engine: Engine, place: str, notice: str = "") -> None:
        self.engine = engine
        self.place = place
        self.notice = notice

    @classmethod
    def open(cls, url: str | None, home: Path) -> Store:
        """Opens a store, and makes or upgrades its tables where that is needed.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql://USER@HOST/DATABASE``; None: the file HOME/helios.db.
            home: the folder of that file; it is made.

        Raises:
            SettingsError: the URL is wrong.
            MissingExtraError: PostgreSQL is asked for and psycopg is not installed.
            UserError: a newer helios-wf made the store.
            StoreError: it cannot be opened; a StoreUnusableError where the caller must mend that.
        """
        engine, place = _sqlite(home / FILE_NAME) if url is None else _by_url(url)
        notice = network_notice(Path(place)) if engine.dialect.name == "sqlite" else ""
        store = cls(engine, place, notice)
        try:
            with translated(place):
                ensure(engine, place)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def write(self, alone: bool = False) -> Iterator[Connection]:
        """One transaction: everything in it is kept, durably, or nothing of it is.

        Args:
            alone: no other such transaction goes on at the same time, so that what is found not to be there
                can be made.  (In SQLite that holds for every transaction that writes.)

        Raises:
            StoreError: the store is full, read-only, locked for long or lost; nothing was kept.
        """
        with translated(self.place), self.engine.begin() as tx:
            if alone and self.engine.dialect.name == "postgresql":
                tx.execute(select(func.pg_advisory_xact_lock(ALONE)))
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the store; it neither waits for a writer nor hinders one.

        Raises:
            StoreError: the store cannot be read.
        """
        options: dict[str, object] = {"read_only": True}
        if self.engine.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with translated(self.place), self.engine.connect().execution_options(**options) as tx, tx.begin():
            yield tx

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def _by_url(text: str) -> tuple[Engine, str]:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(_wrong_url(text)) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SettingsError(f"{_wrong_url(text)}; a store in memory would not survive")
        return _sqlite(Path(url.database))
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgresql(url)
    raise SettingsError(_wrong_url(text))


def _wrong_url(given: str) -> str:
    return (
        f"wrong store URL {masked(given)!r}; right would be sqlite:///PATH or "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )


def _sqlite(path: Path) -> tuple[Engine, str]:
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusableError(
            f"store {path}: its folder cannot be made ({error.strerror}); "
            "give another with --home, or mend its permissions"
        ) from error
    return sqlite_engine(path), str(path)


def _postgresql(url: URL) -> tuple[Engine, str]:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "helios-wf"},
        )
    except ImportError as error:
        raise MissingExtraError("a PostgreSQL store", "psycopg", "postgresql") from error
    return engine, url.render_as_string(hide_password=True)
