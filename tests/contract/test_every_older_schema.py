"""Stores of every older schema, with rows in every table: once migrated they hold what they held.

The rows are made from the tables as that schema has them, so a new migration is tested from every
schema before it without a word here; what it changes on purpose stands in `CHANGED`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Table, inspect, text

from fakes.filled_store import Content, content, filled, kept, tables_of
from fakes.stored import STORES, bare_store, opened_store, schema_differences
from vigie_server.store import epoch, migrating
from vigie_server.store.database import Database

VERSIONS: Final = [
    script.revision for script in ScriptDirectory(str(migrating.SCRIPTS)).walk_revisions()
][:0:-1]
"""Every schema but the newest, the oldest first."""
CHANGED: Final = frozenset({("device", "judged_with"), ("verdict", "next_check_at")})
"""Columns, by table, whose content a migration changes on purpose.

What devices are counted by is worked out when they are judged next, and 0010 asks for that. 0026
lets go of checks of devices that are judged no more.
"""


def test_schemas_are_known_by_the_names_of_the_files_that_lead_to_them() -> None:
    scripts = ScriptDirectory(str(migrating.SCRIPTS))

    assert migrating.revisions() == {script.revision for script in scripts.walk_revisions()}
    assert migrating.newest_revision() == scripts.get_current_head()


@dataclass(frozen=True, slots=True)
class OldStore:
    """An empty store to bring to an older schema, and the shape of a new one of its kind."""

    database: Database
    new: Mapping[str, object]

    def at(self, schema: str) -> Database:
        migrating.migrate_to(self.database, schema)
        return self.database


@cache
def shape_of_a_new_one(kind: str) -> Mapping[str, object]:
    with TemporaryDirectory() as folder, opened_store(kind, Path(folder)) as opened:
        return shape(opened, tables_of(opened))


@pytest.fixture(params=STORES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldStore]:
    new = shape_of_a_new_one(request.param)
    with bare_store(request.param, tmp_path) as opened:
        yield OldStore(opened, new)


def without_changed(found: Content) -> Content:
    return {
        table: [
            {name: one for name, one in row.items() if (table, name) not in CHANGED} for row in rows
        ]
        for table, rows in found.items()
    }


def shape(database: Database, tables: Iterable[Table]) -> dict[str, object]:
    """Columns, keys and indexes of every table."""
    with database.reading() as connection:
        looked = inspect(connection)
        return {
            table.name: (
                {
                    column["name"]: (
                        str(column["type"]),
                        column["nullable"],
                        str(column["default"]).replace("public.", ""),
                    )
                    for column in looked.get_columns(table.name)
                },
                looked.get_pk_constraint(table.name)["constrained_columns"],
                named(looked.get_foreign_keys(table.name)),
                named(looked.get_unique_constraints(table.name)),
                named(looked.get_indexes(table.name)),
            )
            for table in tables
        }


def named(found: Any) -> list[str]:
    return sorted(words(item) for item in found)


def words(found: Any) -> str:
    if isinstance(found, Mapping):
        return repr([(name, words(found[name])) for name in sorted(found)])
    return str(found)


@pytest.mark.parametrize("schema", VERSIONS)
def test_a_store_of_every_older_schema_keeps_all_it_holds_and_goes_on_like_a_new_one(
    old: OldStore, schema: str
) -> None:
    store = old.at(schema)
    before = content(store, filled(store))

    migrating.migrate(store)

    tables = tables_of(store)
    after = content(store, tables)
    assert all(before.values())
    assert without_changed(kept(before, after)) == without_changed(before)
    assert schema_differences(store) == []
    assert shape(store, tables) == old.new
    assert a_new_key(store, tables) > max(row["key"] for row in after["transition"])


def a_new_key(store: Database, tables: Iterable[Table]) -> int:
    (transition,) = [table for table in tables if table.name == "transition"]
    with store.writing() as connection:
        row = connection.execute(transition.select()).mappings().first()
        assert row is not None
        values = {name: one for name, one in row.items() if name != "key"}
        inserted: Any = connection.execute(transition.insert().values(values))
    return int(inserted.inserted_primary_key[0])


def test_groups_of_every_site_that_share_a_name_are_told_apart(
    old: OldStore,
) -> None:
    store = old.at("0005")
    epoch.prepare(store)
    with store.writing() as connection:
        for name in ("Accueil", "Accueil", "Accueil (2)", "Accueil", "Soins"):
            connection.execute(
                text(
                    "INSERT INTO device_group (name, selector, created_at) VALUES (:name, '{}', 1)"
                ),
                {"name": name},
            )

    migrating.migrate(store)

    with store.reading() as connection:
        names = connection.execute(text("SELECT name FROM device_group ORDER BY key")).scalars()
        assert list(names) == ["Accueil", "Accueil (3)", "Accueil (2)", "Accueil (4)", "Soins"]
