"""Fixtures that every room of the tests shares."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from slurm_cluster import Cluster

    from helios_wf.store import Store

# how long an example takes depends on what else the machine does
settings.register_profile("helios", deadline=None)
settings.load_profile("helios")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared test material (real event files, language cases); users do not have it."""
    folder = Path(os.environ.get("HELIOS_SHARED", ROOT.parent / "shared"))
    if not (folder / "language").is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have the shared test material at {folder}")
        pytest.skip(f"the shared test material is not at {folder}; set HELIOS_SHARED")
    return folder


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    """A real Slurm with three nodes and accounting, which all tests of a session share."""
    from slurm_cluster import Cluster, missing

    if absent := missing():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have Slurm; not on PATH: {', '.join(absent)}")
        pytest.skip(f"Slurm is not on PATH ({', '.join(absent)}): tests/slurm-local.sh install --accounting")
    cluster = Cluster(3, "--accounting")
    yield cluster
    cluster.down()


@pytest.fixture
def slurm(slurm_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The same, all of it up, for the Slurm commands of this test."""
    slurm_cluster.up()
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.conf))
    return slurm_cluster


def _postgresql_url() -> str:
    return os.environ.get("HELIOS_TEST_POSTGRESQL", "postgresql://127.0.0.1:5432/test")


@pytest.fixture
def new_postgresql_url() -> Iterator[Callable[[], str]]:
    """Makes an empty PostgreSQL schema of this test's own with each call; all are dropped afterwards."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    url = _postgresql_url()
    try:
        server = psycopg.connect(url, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have a PostgreSQL server at {url}: {error}")
        pytest.skip(f"no PostgreSQL server answers at {url}; set HELIOS_TEST_POSTGRESQL")
    schemas: list[str] = []

    def make() -> str:
        schemas.append(f"helios_test_{uuid.uuid4().hex[:16]}")
        server.execute(f"CREATE SCHEMA {schemas[-1]}")
        return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schemas[-1]}"

    with server:
        try:
            yield make
        finally:
            for schema in schemas:
                server.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def postgresql_url(new_postgresql_url: Callable[[], str]) -> str:
    """The URL of an empty PostgreSQL schema of this test's own, dropped afterwards."""
    return new_postgresql_url()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store: once of SQLite, once of PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'helios.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store: once SQLite, once PostgreSQL."""
    from helios_wf.store import Store

    opened = Store.open(store_url, tmp_path)
    yield opened
    opened.close()
