"""Rows that nobody else changes until this transaction has ended."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select


def lock(connection: Connection, of: Table, which: ColumnElement[bool]) -> None:
    """Waits for whoever changes these rows, and keeps others from it.

    Read them after it, by another statement: PostgreSQL's own statement would show rows that are
    joined to them as they were before the wait. SQLite has one writer at a time anyway.
    """
    keys: Any = select(of.c.key).where(which).order_by(of.c.key)
    connection.execute(keys.with_for_update(key_share=True)).all()
