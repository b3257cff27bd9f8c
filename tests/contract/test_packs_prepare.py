"""Every query of every pack against its topic, and against osquery's published schema.

On an empty machine only the tables and columns of one platform are declared, and none has a row.
That a query prepares there proves its names; what it answers there proves that an engine which sees
nothing never sounds like facts.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import PACKS, PLATFORMS, QUERIES, Schema, SimulatedMachine
from vigie_agent.domain.packs import Pack, Query
from vigie_agent.domain.safety import Approved, check
from vigie_agent.domain.topics import Topic, read_topic
from vigie_server.domain.topics import load_topics
from yaml_files import read_yaml

TOPICS: Final[Mapping[str, Topic]] = {
    path.stem: read_topic(read_yaml(path), source=path.name)
    for path in sorted((QUERIES / "topics").glob("*.yaml"))
}
ALL_QUERIES: Final = tuple(
    (platform, query)
    for pack in PACKS.values()
    for query in pack.queries
    for platform in sorted(query.platforms)
)
EmptyMachine = Callable[[str], SimulatedMachine]

every_query: Final = pytest.mark.parametrize(
    ("platform", "query"), ALL_QUERIES, ids=[f"{q.name}@{p}" for p, q in ALL_QUERIES]
)
every_topic: Final = pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))


@pytest.fixture(scope="module")
def empty_machine() -> Iterator[EmptyMachine]:
    """Gives the empty machine of a platform."""
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    machines = {
        platform: SimulatedMachine(Schema.of(platform, published)) for platform in PLATFORMS
    }

    yield machines.__getitem__

    for machine in machines.values():
        machine.close()


@every_query
def test_a_query_prepares_on_its_platform_and_returns_its_topics_columns(
    platform: str, query: Query, empty_machine: EmptyMachine
) -> None:
    columns, _ = empty_machine(platform).ask(query.sql)

    assert sorted(columns) == sorted(TOPICS[query.topic].row_columns)


@every_query
def test_where_every_table_is_empty_a_query_claims_nothing(
    platform: str, query: Query, empty_machine: EmptyMachine
) -> None:
    _, rows = empty_machine(platform).ask(query.sql)

    assert all(row["part"] == query.part for row in rows)
    assert all(row["collected"] == "no" and row["why"] for row in rows), rows


@every_query
def test_a_query_asks_for_the_osquery_release_that_has_its_tables_and_columns(
    platform: str, query: Query, empty_machine: EmptyMachine
) -> None:
    machine = empty_machine(platform)

    machine.ask(query.sql)

    younger = {
        f"{table}.{column}"
        for table, column in machine.reads
        if column in machine.schema.tables[table]
        and _release(machine.schema.tables[table][column].since) > _release(query.version)
    }
    assert not younger


@every_query
def test_a_query_reads_osquerys_tables_or_vigies_never_both(
    platform: str, query: Query, empty_machine: EmptyMachine
) -> None:
    machine = empty_machine(platform)

    machine.ask(query.sql)

    kinds = {table.startswith("vigie_") for table, _ in machine.reads}
    assert len(kinds) == 1


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


@every_topic
def test_a_topic_is_asked_on_all_three_platforms_or_says_why_not(topic: Topic) -> None:
    silent = {platform for platform in PLATFORMS if not topic.parts_on(platform)}

    assert topic.not_on.keys() == silent
    assert all(why.fr and why.en and why.fr != why.en for why in topic.not_on.values())


@every_query
def test_a_query_is_meant_for_a_platform_on_which_its_topic_has_the_part(
    platform: str, query: Query
) -> None:
    assert query.part in TOPICS[query.topic].parts_on(platform)


def test_no_query_of_a_pack_is_silent_everywhere() -> None:
    asked = {query.name for _, query in ALL_QUERIES}

    assert {query.name for pack in PACKS.values() for query in pack.queries} == asked
    assert all(pack.platforms == frozenset(PLATFORMS) for pack in PACKS.values())
    assert set(PACKS) == set(TOPICS)


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
    document = read_yaml(QUERIES / "topics" / f"{topic.name}.yaml")

    assert topic.title.fr
    assert topic.title.en
    assert topic.purpose.fr != topic.purpose.en
    assert set(document["keys"]) <= set(topic.row_columns)
    assert all(column["about"] for column in document["columns"].values())
    assert {part["empty"] for part in document["parts"].values()} <= {"fact", "unknown"}
    assert set(PLATFORMS) >= {platform for on in topic.parts.values() for platform in on}


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
