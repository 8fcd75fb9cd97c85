"""Runs the revisions on the connection that ``helios_wf.store.upgrade.migrate`` hands over."""

from alembic import context

from helios_wf.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,
)
context.run_migrations()
