"""Every table of ours that osquery has too is declared as osquery 5.23.1 declares it on Linux.

The published schema tells columns, types and rules; which columns are hidden on Linux, which of
them narrow a table and in which order they come is told by a real daemon (`_registered_tables`).
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components import required_file
from vigie_agent.domain.table import Column, Table
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

TABLES = {table.name: table for table in all_tables(Host())}
# Ours alone, or on Windows and macOS only: a table that osquery has on Linux must not hide here.
OSQUERYS = sorted(name for name in TABLES if not name.startswith("vigie_"))

Schema = Mapping[str, Any]


@pytest.fixture(scope="module")
def schema() -> Schema:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    tables: Schema = json.loads(published.read_text())["tables"]
    return tables


@pytest.fixture(scope="module")
def registered() -> Schema:
    golden = required_file("VIGIE_OSQUERY_GOLDEN", "the answers of a real osqueryd")
    tables: Schema = json.loads((golden / "_registered_tables.json").read_text())
    return tables


def test_no_table_is_declared_twice() -> None:
    names = [table.name for table in all_tables(Host())]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", OSQUERYS)
def test_columns_are_those_of_the_published_schema(name: str, schema: Schema) -> None:
    published = schema[name]["columns"]
    ours = {column.name: column for column in TABLES[name].columns}

    assert "linux" in schema[name]["platforms"]
    assert published.keys() <= ours.keys()
    for column in published:
        assert ours[column].type.lower() == published[column]["type"], column
        assert ours[column].required == published[column]["required"], column
        assert ours[column].index == published[column]["index"], column


@pytest.mark.parametrize("name", OSQUERYS)
def test_columns_are_those_a_daemon_registers_on_linux(name: str, registered: Schema) -> None:
    if name not in registered:
        pytest.skip("the daemon that answered was built without this table")

    declared = [
        (column.name, column.type.value, column.hidden, _is_key(column, TABLES[name]))
        for column in TABLES[name].columns
    ]

    assert declared == [
        (told["name"], told["type"], told["hidden"] == "1", told["pk"] != "0")
        for told in registered[name]
    ]


def _is_key(column: Column, table: Table) -> bool:
    """What narrows a table is its key; where only `additional` columns do, all columns are."""
    only_additional = any(other.additional for other in table.columns) and not any(
        other.index for other in table.columns
    )
    return column.index or column.additional or only_additional
