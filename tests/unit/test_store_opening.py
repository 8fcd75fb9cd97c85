"""What the store promises when it is opened, and when the disk, a lock or a server fails it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from helios_wf.errors import MissingExtraError, SettingsError, StoreError, UserError
from helios_wf.states import JobState
from helios_wf.store import Store, documents, jobs, opening, runs, sqlite, upgrade
from helios_wf.store.problems import advice
from helios_wf.store.rows import Lease, NewRun
from helios_wf.store.schema import REVISIONS, VERSION_TABLE, metadata


def add_run(store: Store, name: str) -> None:
    with store.write() as tx:
        runs.create(tx, NewRun(id=name, label="", document="d", identity="i"))


def ids(store: Store) -> list[str]:
    with store.read() as tx:
        return [row.id for row in runs.list(tx)]


def test_without_a_url_the_store_is_a_file_in_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    store = Store.open(None, home)
    add_run(store, "r1")
    store.close()
    assert (home / "helios.db").is_file()
    again = Store.open(f"sqlite:///{home / 'helios.db'}", tmp_path)
    assert ids(again) == ["r1"]
    again.close()


def test_sqlite_is_durable_and_lets_readers_read(tmp_path: Path) -> None:
    store = Store.open(None, tmp_path)
    with store.read() as tx:
        pragmas = [tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
    store.close()


def test_a_reader_sees_one_state_while_a_writer_goes_on(store: Store) -> None:
    add_run(store, "r1")
    with store.read() as tx:
        before = [row.id for row in runs.list(tx)]
        writer = threading.Thread(target=add_run, args=(store, "r2"))
        writer.start()
        writer.join(30)
        assert [row.id for row in runs.list(tx)] == before == ["r1"]
    assert ids(store) == ["r2", "r1"]


def test_what_is_done_alone_sees_what_the_other_one_did(store: Store) -> None:
    begun, let_go, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        with store.write(alone=True) as tx:
            begun.set()
            let_go.wait(30)
            runs.create(tx, NewRun(id="r1", label="", document="d", identity="i"))

    def second() -> None:
        with store.write(alone=True) as tx:
            seen.extend(row.id for row in runs.list(tx))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    threads[1].join(0.3)
    let_go.set()
    for thread in threads:
        thread.join(30)
    assert seen == ["r1"]


def _index(found: Mapping[str, object]) -> str:
    options = found.get("dialect_options") or {}
    assert isinstance(options, Mapping)
    return str({**found, "dialect_options": {name: str(option) for name, option in options.items()}})


def test_the_migration_makes_the_tables_of_the_schema(store_url: str, tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine, _ = opening._by_url(store_url)
    with engine.begin() as tx:
        upgrade.migrate(tx)
        context = MigrationContext.configure(
            tx, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert upgrade.version(tx) == REVISIONS[-1]
        migrated = {
            table: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in inspect(tx).get_columns(table)
                ],
                inspect(tx).get_pk_constraint(table),
                sorted(map(str, inspect(tx).get_foreign_keys(table))),
                sorted(map(str, inspect(tx).get_unique_constraints(table))),
                sorted(map(_index, inspect(tx).get_indexes(table))),
            )
            for table in metadata.tables
        }
        metadata.drop_all(tx)
        metadata.create_all(tx)
        for table, expected in migrated.items():
            view = inspect(tx)
            assert expected == (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in view.get_columns(table)
                ],
                view.get_pk_constraint(table),
                sorted(map(str, view.get_foreign_keys(table))),
                sorted(map(str, view.get_unique_constraints(table))),
                sorted(map(_index, view.get_indexes(table))),
            )
    engine.dispose()
    Store.open(store_url, tmp_path).close()


def test_a_store_of_this_version_opens_without_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from helios_wf.store import Store;"
        "Store.open(None, Path(sys.argv[1])).close(); Store.open(None, Path(sys.argv[1])).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_a_store_of_a_newer_version_is_left_alone(store_url: str, tmp_path: Path) -> None:
    store = Store.open(store_url, tmp_path)
    with store.write() as tx:
        tx.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    store.close()
    with pytest.raises(UserError, match=r"newer helios-wf: its schema is '9999'.*'0001'") as caught:
        Store.open(store_url, tmp_path)
    assert caught.value.exit_code == 2


def test_tables_of_somebody_else_are_left_alone(store_url: str, tmp_path: Path) -> None:
    engine, _ = opening._by_url(store_url) if store_url.startswith("postgres") else _file_engine(store_url)
    with engine.begin() as tx:
        tx.execute(text("CREATE TABLE jobs (mine INTEGER)"))
    engine.dispose()
    with pytest.raises(StoreError, match="did not make \\(jobs\\)"):
        Store.open(store_url, tmp_path)


def _file_engine(url: str):
    return opening._sqlite(Path(url.removeprefix("sqlite:///")))


def test_two_processes_may_make_the_same_store_at_once(store_url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from helios_wf.store import Store;"
        "Store.open(sys.argv[1], Path())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, store_url], stderr=subprocess.PIPE) for _ in range(3)
    ]
    for process in both:
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "nonsense", "sqlite://", "sqlite:///:memory:", "postgresql+pg8000://h/d"]
)
def test_a_wrong_url_is_answered_with_right_ones(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="right would be sqlite:///PATH or postgresql://"):
        Store.open(url, tmp_path)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Store.open("postgresql://me:secret@127.0.0.1:1/d", tmp_path)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://me:secret@h/d", "postgresql://me:sec/secret@h:port/d"])
def test_a_password_in_a_wrong_url_is_not_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="right would be") as caught:
        Store.open(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"helios-wf\[postgresql\]"):
        Store.open("postgresql://127.0.0.1/d", tmp_path)


def test_a_full_disk_leaves_nothing_half_done(tmp_path: Path) -> None:
    store = Store.open(None, tmp_path)
    add_run(store, "r1")

    def fill() -> None:
        with store.write() as tx:
            runs.create(tx, NewRun(id="r2", label="", document="d", identity="i"))
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
            tx.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
            documents.put(tx, "big", b"x" * 100_000)

    with pytest.raises(
        StoreError, match=r"helios\.db: the disk \(or quota\) is full; free some space"
    ) as caught:
        fill()
    assert "nothing of this change was kept" in str(caught.value)
    assert ids(store) == ["r1"]
    add_run(store, "r3")
    store.close()


def test_a_locked_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    one, two = Store.open(None, tmp_path), Store.open(None, tmp_path)
    with one.write(), pytest.raises(StoreError, match="another process has been writing"), two.write():
        pass
    one.close()
    two.close()


def test_a_file_that_is_no_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "helios.db").write_bytes(b"event,energy\n" * 200)
    with pytest.raises(StoreError, match="no SQLite database"):
        Store.open(None, tmp_path)


def test_a_home_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StoreError, match="folder cannot be made"):
        Store.open(None, tmp_path / "home")


@pytest.mark.postgresql
def test_a_lost_connection_says_so_and_the_next_transaction_gets_a_new_one(
    postgresql_url: str, tmp_path: Path
) -> None:
    store = Store.open(postgresql_url, tmp_path)

    def lose() -> None:
        with store.write() as tx:
            runs.create(tx, NewRun(id="r1", label="", document="d", identity="i"))
            pid = tx.execute(text("SELECT pg_backend_pid()")).scalar()
            with store.write() as other:
                other.execute(text(f"SELECT pg_terminate_backend({pid})"))
            tx.execute(text("SELECT 1"))

    with pytest.raises(StoreError, match=r"connection.*nothing of this change was kept"):
        lose()
    assert ids(store) == []
    store.close()


@pytest.mark.parametrize(
    ("state", "words"),
    [("53100", "disk is full"), ("25006", "read-only"), ("57P01", "ended"), ("08006", "lost")],
)
def test_what_a_server_says_is_put_in_words(state: str, words: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    assert words in advice(psycopg.errors.lookup(state)("no")) if state != "08006" else True
    error = psycopg.OperationalError("no")
    error.sqlstate = state
    assert words in advice(error)


MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/local\040disk rw - xfs /dev/sdb1 rw
32 22 0:41 / /lustre rw - lustre mgs:/fs rw
33 22 0:42 / /mnt/ssh rw - fuse.sshfs host:/ rw
broken line"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/.helios/helios.db", True),
        ("/home/local disk/helios.db", False),
        ("/homes/helios.db", False),
        ("/lustre/x", True),
        ("/mnt/ssh/x", True),
        ("/var/x", False),
    ],
)
def test_network_file_systems_are_told_from_local_ones(path: str, expected: bool) -> None:
    assert sqlite.on_network(Path(path), MOUNTS) is expected


def test_a_store_on_a_network_file_system_says_so_and_others_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store.open(None, tmp_path / "local")) as store:
        assert store.notice == ""
    monkeypatch.setattr(sqlite, "on_network", lambda path: True)
    with closing(Store.open(None, tmp_path / "nfs")) as store:
        assert "network file system" in store.notice
        assert str(tmp_path / "nfs" / "helios.db") in store.notice


def test_on_a_network_file_system_readers_and_a_writer_take_turns_without_exclusive_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "on_network", lambda path: True)
    with closing(Store.open(None, tmp_path)) as store, closing(Store.open(None, tmp_path)) as other:
        with store.write() as tx:
            jobs.lease(tx, "r", [Lease(task=0, path="0", attempt=1)])
        with other.read() as tx:
            assert jobs.counts(tx, "r") == {0: {JobState.LEASED: 1}}
            assert tx.exec_driver_sql("PRAGMA locking_mode").scalar() == "normal"
        with store.write() as tx:
            jobs.lease(tx, "r", [Lease(task=0, path="1", attempt=1)])
        with other.read() as tx:
            assert jobs.counts(tx, "r") == {0: {JobState.LEASED: 2}}


def test_on_a_network_file_system_no_shared_memory_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(None, tmp_path).close()
    monkeypatch.setattr(sqlite, "on_network", lambda path: True)
    store = Store.open(None, tmp_path)
    add_run(store, "r1")
    with store.read() as tx:
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["helios.db"]
