"""The tables.  Times are seconds since the epoch (double); JSON is text.

``jobs.path`` and ``event_ranges.path`` hold the sortable key of a path (``store.paths``).  ``jobs``,
``event_ranges`` and ``log`` have no foreign keys: they are written at every change of state.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISIONS = ("0001",)
"""The Alembic revisions that this version knows, oldest first; the last is that of the tables below."""

VERSION_TABLE = "helios_schema"

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
    }
)

Serial = BigInteger().with_variant(Integer, "sqlite")
Sortable = Text().with_variant(Text(collation="C"), "postgresql")


def _partial(*columns: str, where: str, name: str | None = None) -> Index:
    """Returns an index over some rows only, so that the others cost nothing."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


documents = Table(
    "documents",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("template", Text),
    Column("version", Integer),
    Column("inputs", Text),
    Column("options", Text),
    Column("datasets", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("outputs", Text),
    Column("epoch", Integer, nullable=False),
    Column("engine", Text),
    Column("heartbeat", Double),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Index(None, "identity"),
    Index(None, "template", "version"),
    Index(None, "created"),
)

arrays = Table(
    "arrays",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("side", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("elements", Text, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("total", BigInteger),
    Column("events", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("differs", Text),
    Column("fields", Text),
)

jobs = Table(
    "jobs",
    metadata,
    Column("run", Text, primary_key=True),
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("path", Sortable, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("charged", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("first", BigInteger),
    Column("stop", BigInteger),
    Column("file", Text),
    Column("backend", Text, nullable=False),
    Column("directory", Text, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("cause", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("asked_cores", Double),
    Column("asked_memory_mb", Double),
    Column("asked_time_s", Double),
    Column("asked_gpus", Integer),
    Column("submitted_at", Double),
    Column("started_at", Double),
    Column("settled_at", Double),
    Column("wall_s", Double),
    Column("took_s", Double),
    Column("cpu_s", Double),
    Column("peak_memory_mb", Double),
    Column("host", Text),
    Column("worker", Text),
    Column("devices", Text),
    Column("message", Text),
    Column("stderr_tail", Text),
    Column("command", Text),
    Column("outputs", Text),
    Column("key", Text),
    Column("fields", Text),
    Column("reused", Text),
    Column("made_before", Text),
    Index(None, "state", "run", "task"),
    _partial("key", where="key IS NOT NULL"),
    _partial("run", "task", where="reused IS NOT NULL", name="jobs_by_reuse"),
    _partial("run", where="made_before IS NOT NULL", name="jobs_made_again"),
)

event_ranges = Table(
    "event_ranges",
    metadata,
    Column("run", Text, primary_key=True),
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("path", Sortable, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("stop", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("charged", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("waits_for", BigInteger),
    Column("not_before", Double, nullable=False),
    Column("cause", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("n_out", BigInteger),
    Column("started_at", Double),
    Column("wall_s", Double),
    Column("cpu_s", Double),
    Column("peak_memory_mb", Double),
    Column("host", Text),
    Column("worker", Text),
    Column("directory", Text),
    Column("message", Text),
    Column("stderr_tail", Text),
    Column("outputs", Text),
)

shapes = Table(
    "shapes",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("domain", Integer, primary_key=True, autoincrement=False),
    Column("prefix", Sortable, primary_key=True),
    Column("payload", Text, nullable=False),
)

log = Table(
    "log",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("run", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("task", Integer),
    Column("path", Text),
    Column("attempt", Integer),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index(None, "run", "id"),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("verb", Text, nullable=False),
    Column("arguments", Text),
    Column("at", Double, nullable=False),
    Column("taken", Double),
    Column("answer", Text),
    Index(None, "run", "taken"),
)

publications = Table(
    "publications",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("output", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checksum", Text),
    Column("published", Boolean, nullable=False),
    Column("modified", BigInteger),
    Index(None, "source"),
)

checksums = Table(
    "checksums",
    metadata,
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("checksum", Text, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("run", Text),
    Column("created", Double, nullable=False),
    UniqueConstraint("name"),
)

column_sets = Table(
    "column_sets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("columns", Text, nullable=False),
)

dataset_files = Table(
    "dataset_files",
    metadata,
    Column("dataset", BigInteger, ForeignKey("datasets.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checksum", Text),
    Column("format", Text),
    Column("n_events", BigInteger),
    Column("table_name", Text),
    Column("seekable", Boolean),
    Column("counted_by", Text),
    Column("clusters", Text),
    Column("columns", Text, ForeignKey("column_sets.digest")),
    UniqueConstraint("dataset", "path"),
)
