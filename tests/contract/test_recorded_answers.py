"""Recorded devices answer what the packs answer on their tables, in values the server reads."""

from datetime import UTC, datetime
from typing import Final

import pytest

from components import required_file
from simulated_machines import PACKS, PLATFORMS, QUERIES, Scenario, Schema, answers, scenarios
from vigie_server.domain.topics import load_topics

TOPICS: Final = load_topics(QUERIES / "topics")
SCENARIOS: Final = scenarios()

every_scenario: Final = pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=[f"{scenario.platform}-{scenario.name}" for scenario in SCENARIOS]
)


KINDS: Final = {
    *("compliant", "partial", "neglected", "no-rights"),
    *("domain-joined", "third-party-antivirus", "server", "reimaged"),
}
OTHER_LANGUAGE: Final = {"windows": "english", "darwin": "french", "linux": "french"}
"""Most Windows devices here speak French, most others English: one of each speaks the other."""


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_a_device_of_each_kind(platform: str) -> None:
    recorded = {scenario.name for scenario in SCENARIOS if scenario.platform == platform}

    assert recorded >= {*KINDS, OTHER_LANGUAGE[platform]}


@every_scenario
def test_a_recorded_device_answers_what_the_packs_answer_on_its_tables(scenario: Scenario) -> None:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")

    asked = answers(scenario, Schema.of(scenario.platform, published))

    assert {topic: scenario.recorded(topic) for topic in PACKS} == asked


@every_scenario
def test_the_server_reads_every_recorded_value(scenario: Scenario) -> None:
    for name, topic in TOPICS.items():
        rows = scenario.recorded(name)
        columns = sorted(topic.columns)

        fact = topic.convert(
            topic_version=topic.version,
            status="ok",
            message="",
            columns=columns,
            values=[row[column] for row in rows for column in columns],
            observed_at=datetime(2026, 11, 20, 8, tzinfo=UTC),
        )

        assert not fact.unreadable
        assert all(row["collected"] in {"yes", "no"} for row in rows)
        assert all((row["collected"] == "no") == bool(row["why"]) for row in rows), name


@every_scenario
def test_the_keys_of_a_topic_tell_its_collected_rows_apart(scenario: Scenario) -> None:
    for name, topic in TOPICS.items():
        collected = [row for row in scenario.recorded(name) if row["collected"] == "yes"]

        keys = {tuple(row[key] for key in topic.keys) for row in collected}

        assert len(keys) == len(collected), name


@every_scenario
def test_a_recorded_device_answers_only_the_parts_of_its_platform(scenario: Scenario) -> None:
    for name, topic in TOPICS.items():
        answered = {row["part"] for row in scenario.recorded(name)}

        assert answered <= {
            part.name for part in topic.parts.values() if scenario.platform in part.platforms
        }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_without_rights_a_device_says_what_it_could_not_read(platform: str) -> None:
    (scenario,) = [
        found for found in SCENARIOS if (found.platform, found.name) == (platform, "no-rights")
    ]

    unread = {
        topic for topic in TOPICS for row in scenario.recorded(topic) if row["collected"] == "no"
    }

    assert {"local_admins", "inventory" if platform != "darwin" else "password_policy"} <= unread
