"""The first tables.

Equal to ``helios_wf.store.schema`` at its revision, which makes new stores without Alembic.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes all tables."""
    _checksums()
    _column_sets()
    _datasets()
    _documents()
    _event_ranges()
    _jobs()
    _log()
    _runs()
    _dataset_files()
    _publications()
    _requests()
    _shapes()
    _tasks()
    _arrays()


def _arrays() -> None:
    op.create_table(
        "arrays",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("elements", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("arrays_run_fkey")),
        sa.PrimaryKeyConstraint("run", "side", "name", "position", name=op.f("arrays_pkey")),
    )


def _checksums() -> None:
    op.create_table(
        "checksums",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("checksums_pkey")),
    )


def _column_sets() -> None:
    op.create_table(
        "column_sets",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("column_sets_pkey")),
    )


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("datasets_pkey")),
        sa.UniqueConstraint("name", name=op.f("datasets_name_key")),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("documents_pkey")),
    )


def _event_ranges() -> None:
    op.create_table(
        "event_ranges",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("task", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stop", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("charged", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("waits_for", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("signal", sa.Integer(), nullable=True),
        sa.Column("n_out", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("wall_s", sa.Double(), nullable=True),
        sa.Column("cpu_s", sa.Double(), nullable=True),
        sa.Column("peak_memory_mb", sa.Double(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("directory", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("stderr_tail", sa.Text(), nullable=True),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run", "task", "path", "first", "stop", name=op.f("event_ranges_pkey")),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("task", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("charged", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.Column("stop", sa.BigInteger(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("signal", sa.Integer(), nullable=True),
        sa.Column("asked_cores", sa.Double(), nullable=True),
        sa.Column("asked_memory_mb", sa.Double(), nullable=True),
        sa.Column("asked_time_s", sa.Double(), nullable=True),
        sa.Column("asked_gpus", sa.Integer(), nullable=True),
        sa.Column("submitted_at", sa.Double(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.Column("wall_s", sa.Double(), nullable=True),
        sa.Column("took_s", sa.Double(), nullable=True),
        sa.Column("cpu_s", sa.Double(), nullable=True),
        sa.Column("peak_memory_mb", sa.Double(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("devices", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("stderr_tail", sa.Text(), nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("reused", sa.Text(), nullable=True),
        sa.Column("made_before", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run", "task", "path", name=op.f("jobs_pkey")),
    )
    _partial_index("jobs_by_key", ["key"], "key IS NOT NULL")
    _partial_index("jobs_by_reuse", ["run", "task"], "reused IS NOT NULL")
    _partial_index("jobs_made_again", ["run"], "made_before IS NOT NULL")
    op.create_index(op.f("jobs_by_state_run_task"), "jobs", ["state", "run", "task"], unique=False)


def _partial_index(name: str, columns: list[str], where: str) -> None:
    some = sa.text(where)
    op.create_index(op.f(name), "jobs", columns, unique=False, sqlite_where=some, postgresql_where=some)


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("task", sa.Integer(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("log_pkey")),
    )
    op.create_index(op.f("log_by_run_id"), "log", ["run", "id"], unique=False)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=True),
        sa.Column("datasets", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=True),
        sa.Column("heartbeat", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("runs_pkey")),
    )
    op.create_index(op.f("runs_by_created"), "runs", ["created"], unique=False)
    op.create_index(op.f("runs_by_identity"), "runs", ["identity"], unique=False)
    op.create_index(op.f("runs_by_template_version"), "runs", ["template", "version"], unique=False)


def _dataset_files() -> None:
    op.create_table(
        "dataset_files",
        sa.Column("dataset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("n_events", sa.BigInteger(), nullable=True),
        sa.Column("table_name", sa.Text(), nullable=True),
        sa.Column("seekable", sa.Boolean(), nullable=True),
        sa.Column("counted_by", sa.Text(), nullable=True),
        sa.Column("clusters", sa.Text(), nullable=True),
        sa.Column("columns", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["columns"], ["column_sets.digest"], name=op.f("dataset_files_columns_fkey")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name=op.f("dataset_files_dataset_fkey")),
        sa.PrimaryKeyConstraint("dataset", "position", name=op.f("dataset_files_pkey")),
        sa.UniqueConstraint("dataset", "path", name=op.f("dataset_files_dataset_path_key")),
    )


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("publications_run_fkey")),
        sa.PrimaryKeyConstraint("run", "output", "position", name=op.f("publications_pkey")),
    )
    op.create_index(op.f("publications_by_source"), "publications", ["source"], unique=False)


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("taken", sa.Double(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("requests_run_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("requests_pkey")),
    )
    op.create_index(op.f("requests_by_run_taken"), "requests", ["run", "taken"], unique=False)


def _shapes() -> None:
    op.create_table(
        "shapes",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("domain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prefix", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("shapes_run_fkey")),
        sa.PrimaryKeyConstraint("run", "domain", "prefix", name=op.f("shapes_pkey")),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("events", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("differs", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("tasks_run_fkey")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("tasks_pkey")),
    )
