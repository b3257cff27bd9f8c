"""SQLModel classes as SQLAlchemy Core tables, typed."""

from sqlalchemy import Table
from sqlmodel import SQLModel


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model."""
    found = model.__dict__["__table__"]
    if not isinstance(found, Table):
        raise TypeError(f"{model.__name__} has no table")
    return found
