"""Which query answers which part on this device, and what is said where none does."""

import json
from datetime import timedelta
from typing import Any

import pytest

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.orders import ServerConfig
from vigie_agent.domain.packs import Host, Pack, read_pack
from vigie_agent.domain.plan import PartPlan, Plan, packs_in_force, plan
from vigie_agent.domain.topics import Text, Topic

LINUX = Host("linux", "5.23.1", shard=50)
NO_CONFIG = ServerConfig()


def fans() -> Topic:
    words = Text("Ventilateurs", "Fans")
    return Topic(
        name="fans",
        version=1,
        title=words,
        purpose=words,
        guide_questions=(1,),
        interval=timedelta(hours=1),
        personal_data=None,
        retention_days=90,
        columns=("speed",),
        parts={"front": frozenset({"linux"}), "back": frozenset({"linux", "darwin"})},
    )


def a_pack(name: str = "fans", *, pack: dict[str, Any] | None = None, **queries: Any) -> Pack:
    """A pack whose queries belong to the topic of fans; a keyword is a query by its name."""
    filled = {
        query: {"query": f"SELECT '{query}'", "topic": "fans", "topic_version": 1, "part": "front"}
        | fields
        for query, fields in queries.items()
    }
    return read_pack(json.dumps({"queries": filled} | (pack or {})), name=name)


def planned(*packs: Pack, host: Host = LINUX, config: ServerConfig = NO_CONFIG) -> Plan:
    return plan(packs, {"fans": fans()}, host, config)


def part_of(made: Plan, name: str) -> PartPlan:
    (part,) = [part for part in made.topics["fans"].parts if part.part == name]
    return part


def test_queries_of_several_packs_answer_the_parts_of_one_topic() -> None:
    made = planned(
        a_pack("one", front={"interval": 600}),
        a_pack("two", back={"part": "back", "interval": 60}, pack={"discovery": ["SELECT 1"]}),
    )

    fan_topic = made.topics["fans"]
    assert [part.part for part in fan_topic.parts] == ["front", "back"]
    assert fan_topic.interval == timedelta(seconds=60)
    assert fan_topic.columns == ("part", "collected", "why", "speed")
    assert part_of(made, "back").discovery == ("SELECT 1",)
    assert made.problems == ()


def test_a_declared_part_that_no_query_answers_is_kept_with_the_reason() -> None:
    made = planned(a_pack(front={}))

    assert part_of(made, "back") == PartPlan(
        "back", None, unanswered=QueryError(Reason.ERROR, "no query of the packs answers it")
    )


def test_a_part_that_needs_a_newer_osquery_is_kept_with_the_reason() -> None:
    made = planned(a_pack(front={"version": "6.1"}))

    assert part_of(made, "front").unanswered == QueryError(
        Reason.MISSING_TABLE, "needs osquery 6.1"
    )


@pytest.mark.parametrize("order", [("new", "old"), ("old", "new")])
def test_an_older_query_of_the_same_part_stands_in_where_the_newer_cannot_run(
    order: tuple[str, str],
) -> None:
    queries: dict[str, Any] = {"new": {"version": "6.1"}, "old": {}}

    made = planned(a_pack(**{name: queries[name] for name in order}))

    query = part_of(made, "front").query
    assert query is not None
    assert query.name == "old"
    assert made.problems == ()


def test_queries_for_other_platforms_and_shards_are_not_asked() -> None:
    made = planned(
        a_pack(mac={"platform": "darwin"}),
        a_pack("few", front={"shard": 10}),
        a_pack("others", front={}, pack={"platform": "windows"}),
    )

    assert made.topics == {}


def test_two_answers_to_one_part_are_told() -> None:
    made = planned(a_pack(first={}, second={}))

    assert made.problems == (
        "pack fans, query second: part front of topic fans is answered by first already",
    )


def test_a_part_or_version_that_the_topic_does_not_have_is_told() -> None:
    made = planned(a_pack(side={"part": "side"}, later={"topic_version": 2}))

    assert made.problems == (
        "pack fans, query side: topic fans has no part side",
        "pack fans, query later: topic fans has version 1, not 2",
    )


def test_a_pack_of_the_site_makes_topics_of_its_own() -> None:
    site = read_pack('{"queries": {"q": {"query": "SELECT 1", "interval": 9}}}', name="site")

    made = planned(site)

    topic = made.topics["pack.site.q"]
    assert (topic.columns, topic.version, topic.interval) == (None, 1, timedelta(seconds=9))


def test_the_server_changes_intervals_and_disables_topics() -> None:
    site = read_pack('{"queries": {"q": {"query": "SELECT 1"}}}', name="site")
    config = ServerConfig(
        topic_intervals={"pack.site.q": timedelta(minutes=2)}, disabled_topics=frozenset({"fans"})
    )

    made = planned(a_pack(front={}), site, config=config)

    assert {name: topic.interval for name, topic in made.topics.items()} == {
        "pack.site.q": timedelta(minutes=2)
    }


def test_a_pack_of_the_server_takes_the_place_of_the_shipped_one_of_that_name() -> None:
    shipped, ordered, other = a_pack(front={}), a_pack(newer={}), a_pack("other", x={})

    assert packs_in_force([shipped, other], [ordered]) == (ordered, other)


def test_the_query_digest_follows_the_sql_and_not_the_order_of_parts() -> None:
    one = planned(a_pack(a={}, b={"part": "back"})).topics["fans"].query_digest
    other = planned(a_pack(b={"part": "back"}, a={})).topics["fans"].query_digest
    changed = planned(a_pack(a={"query": "SELECT 2"}, b={"part": "back"})).topics["fans"]

    assert one == other
    assert len(one) == 16
    assert changed.query_digest != one
