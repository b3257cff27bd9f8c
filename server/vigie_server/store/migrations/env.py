"""Runs migrations on the connection that `store.migrating` hands over."""

from alembic import context

from vigie_server.store import (  # noqa: F401 (their tables are part of the schema)
    declared_models,
    notice_models,
    people_models,
    question_models,
    repeat_models,
    update_models,
)
from vigie_server.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite alters most of a table only by making it again.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
