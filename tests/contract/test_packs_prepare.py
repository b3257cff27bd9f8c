"""Every query of every pack against its topic, and against osquery's published schema.

`empty_machine` is a SQLite database that declares only the tables and columns that one platform
has, all of them empty. That a query prepares there proves its names; what it answers there proves
that an engine which sees nothing never sounds like facts.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml

from components import required_file
from vigie_agent.domain.packs import Pack, Query, read_pack
from vigie_agent.domain.safety import Approved, check
from vigie_agent.domain.topics import Topic, read_topic
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host
from vigie_server.domain.topics import load_topics

QUERIES: Final = Path(__file__).parents[2] / "queries"
PLATFORMS: Final = ("windows", "darwin", "linux")
OSQUERY_FUNCTIONS: Final = {"sha256": 1}

TOPICS: Final[Mapping[str, Topic]] = {
    path.stem: read_topic(yaml.safe_load(path.read_text("utf-8")), source=path.name)
    for path in sorted((QUERIES / "topics").glob("*.yaml"))
}
PACKS: Final[Mapping[str, Pack]] = {
    path.stem: read_pack(path.read_text("utf-8"), name=path.stem)
    for path in sorted((QUERIES / "packs").glob("*.json"))
}
ALL_QUERIES: Final = tuple(
    (platform, query)
    for pack in PACKS.values()
    for query in pack.queries
    for platform in sorted(query.platforms)
)

every_query: Final = pytest.mark.parametrize(
    ("platform", "query"), ALL_QUERIES, ids=[f"{q.name}@{p}" for p, q in ALL_QUERIES]
)
every_topic: Final = pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on which every table of its platform is empty; `reads` are (table, column)."""

    database: sqlite3.Connection
    reads: set[tuple[str, str]]
    since: Mapping[str, Mapping[str, str]]

    def ask(self, sql: str) -> tuple[tuple[str, ...], list[Mapping[str, str]]]:
        """Columns and rows, as osqueryd writes them: all values text, NULL the empty string."""
        self.reads.clear()
        cursor = self.database.execute(sql)
        columns = tuple(column[0] for column in cursor.description)
        rows = [
            dict(zip(columns, ("" if value is None else str(value) for value in row), strict=True))
            for row in cursor
        ]
        return columns, rows


@pytest.fixture(scope="module")
def empty_machine() -> Iterator[Callable[[str], Machine]]:
    """Gives the empty machine of a platform."""
    path = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    schema = json.loads(path.read_text("utf-8"))["tables"]
    machines = {platform: _empty_machine(schema, platform) for platform in PLATFORMS}

    yield machines.__getitem__

    for machine in machines.values():
        machine.database.close()


@every_query
def test_a_query_prepares_on_its_platform_and_returns_its_topics_columns(
    platform: str, query: Query, empty_machine: Callable[[str], Machine]
) -> None:
    columns, _ = empty_machine(platform).ask(query.sql)

    assert sorted(columns) == sorted(TOPICS[query.topic].row_columns)


@every_query
def test_where_every_table_is_empty_a_query_claims_nothing(
    platform: str, query: Query, empty_machine: Callable[[str], Machine]
) -> None:
    _, rows = empty_machine(platform).ask(query.sql)

    assert all(row["part"] == query.part for row in rows)
    assert all(row["collected"] == "no" and row["why"] for row in rows), rows


@every_query
def test_a_query_asks_for_the_osquery_release_that_has_its_tables_and_columns(
    platform: str, query: Query, empty_machine: Callable[[str], Machine]
) -> None:
    machine = empty_machine(platform)

    machine.ask(query.sql)

    younger = {
        f"{table}.{column} since {machine.since[table][column]}"
        for table, column in machine.reads
        if _release(machine.since[table].get(column, "0")) > _release(query.version)
    }
    assert not younger


@every_query
def test_a_query_reads_osquerys_tables_or_vigies_never_both(
    platform: str, query: Query, empty_machine: Callable[[str], Machine]
) -> None:
    machine = empty_machine(platform)

    machine.ask(query.sql)

    ours = {table for table, _ in machine.reads if table.startswith("vigie_")}
    assert not ours or ours == {table for table, _ in machine.reads}


@every_query
def test_the_agents_own_allow_list_lets_a_query_pass(platform: str, query: Query) -> None:
    assert isinstance(check(query.sql, platform=platform), Approved)


@pytest.mark.parametrize("pack", PACKS.values(), ids=list(PACKS))
def test_a_pack_reads_without_a_problem_and_follows_its_topics_declaration(pack: Pack) -> None:
    topic = TOPICS[pack.name]

    assert pack.problems == ()
    for query in pack.queries:
        assert (query.topic, query.topic_version) == (topic.name, topic.version)
        assert query.interval == topic.interval
        assert query.snapshot
        assert query.version
        assert query.description
        assert f"'{query.part}'" in query.sql


@every_topic
def test_every_part_of_a_topic_has_one_query_on_each_of_its_platforms(topic: Topic) -> None:
    asked = [
        (query.part, platform)
        for query in PACKS[topic.name].queries
        for platform in query.platforms
    ]
    declared = [
        (part, platform) for part, platforms in topic.parts.items() for platform in platforms
    ]

    assert sorted(asked) == sorted(declared)
    assert {query.name for query in PACKS[topic.name].queries} == {
        f"{topic.name}_{platform}_{part}" for part, platform in declared
    }


def test_packs_load_in_osqueryd_whose_continued_lines_join_to_plain_json() -> None:
    # osqueryd removes each backslash at a line's end, then drops the lines that are comments.
    for path in sorted((QUERIES / "packs").glob("*.json")):
        joined = path.read_text("utf-8").replace("\\\n", "")
        lines = [line.strip() for line in joined.splitlines()]

        document = json.loads("\n".join(line for line in lines if not line.startswith(("#", "//"))))

        sql = {name: query["query"].strip() for name, query in document["queries"].items()}
        assert sql == {query.name: query.sql for query in PACKS[path.stem].queries}


def test_the_server_reads_the_same_topics() -> None:
    judged = load_topics(QUERIES / "topics")

    assert {name: (topic.version, sorted(topic.columns)) for name, topic in judged.items()} == {
        name: (topic.version, sorted(topic.row_columns)) for name, topic in TOPICS.items()
    }


@every_topic
def test_a_topic_is_told_to_staff_in_both_languages_and_its_keys_are_its_columns(
    topic: Topic,
) -> None:
    document = yaml.safe_load((QUERIES / "topics" / f"{topic.name}.yaml").read_text("utf-8"))

    assert topic.title.fr
    assert topic.title.en
    assert topic.purpose.fr != topic.purpose.en
    assert set(document["keys"]) <= set(topic.row_columns)
    assert all(column["about"] for column in document["columns"].values())
    assert {part["empty"] for part in document["parts"].values()} <= {"fact", "unknown"}
    assert set(PLATFORMS) >= {platform for on in topic.parts.values() for platform in on}


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _empty_machine(schema: Mapping[str, dict[str, object]], platform: str) -> Machine:
    tables = {
        name: dict(_columns_on(about, platform))
        for name, about in schema.items()
        if platform in _platforms(about)
    }
    for table in all_tables(Host()):
        if table.name.startswith("vigie_") and platform in table.platforms:
            tables[table.name] = {column.name: "0" for column in table.columns}
    database = sqlite3.connect(":memory:")
    for name, columns in tables.items():
        quoted = ", ".join(f'"{column}"' for column in columns)
        database.execute(f'CREATE TABLE "{name}" ({quoted})')
    for name, arguments in OSQUERY_FUNCTIONS.items():
        database.create_function(name, arguments, lambda text: text, deterministic=True)
    reads: set[tuple[str, str]] = set()

    def remember(action: int, table: str | None, column: str | None, *_: object) -> int:
        # A CTE's columns are reported too, under its own name or none.
        if action == sqlite3.SQLITE_READ and table in tables and column:
            reads.add((table, column))
        return sqlite3.SQLITE_OK

    database.set_authorizer(remember)
    return Machine(database, reads, tables)


def _columns_on(about: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
    columns = about["columns"]
    assert isinstance(columns, dict)
    for name, column in columns.items():
        if platform in column.get("platforms", [platform]):
            yield name, column.get("since", about["since"])


def _platforms(about: Mapping[str, object]) -> list[str]:
    platforms = about["platforms"]
    assert isinstance(platforms, list)
    return platforms
