"""Devices that differ in names are judged from memory, in their own words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain import judge as judging
from vigie_server.domain.describing import described
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.facts import Fact
from vigie_server.domain.hearing import Hearing
from vigie_server.domain.judge import Judge
from vigie_server.domain.parameters import Setting
from vigie_server.domain.rules import Rule
from vigie_server.simulator.recorded import Rows, recordings

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
CATALOGUE: Final = bundled_catalogue()
FORGETFUL: Final = Judge(CATALOGUE, memory_bytes=0)
REMEMBERING: Final = Judge(CATALOGUE)
DEVICES: Final = [
    (recorded.platform, recorded.moved_to(NOW, CATALOGUE.topics))
    for recorded in recordings(Path(__file__).parents[1] / "fixtures")
]
ASKED: Final = {
    (topic, column)
    for rule in CATALOGUE.rules.values()
    for topic, questions in rule.asks.items()
    for column in questions
}
TOLD_APART: Final = {
    (topic, column)
    for rule in CATALOGUE.rules.values()
    for topic in rule.reads
    for column in rule.follows[topic] or ()
    if column not in rule.asks.get(topic, ())
}
NAMES_ALONE: Final = {
    (topic, column)
    for topic, column in ASKED - TOLD_APART
    if not any(rule.asks.get(topic, {}).get(column) for rule in CATALOGUE.rules.values())
}
"""Columns of which no rule asks anything."""


def facts_of(answers: Mapping[str, Rows], at: datetime) -> Mapping[str, Fact]:
    facts = {}
    for name, rows in answers.items():
        if name in CATALOGUE.topics:
            topic = CATALOGUE.topics[name]
            columns = sorted(topic.columns)
            facts[name] = topic.convert(
                topic_version=topic.version,
                status="ok",
                message="",
                columns=columns,
                values=[row.get(column, "") for row in rows for column in columns],
                observed_at=at,
            )
    return facts


def device_of(platform: str, facts: Mapping[str, Fact], at: datetime) -> Device:
    device = Device("d1", "s1", "standard", platform, DeviceState.ACTIVE, last_report_at=at)
    return described(device, facts["inventory"])


def renamed(
    answers: Mapping[str, Rows], names: Mapping[tuple[str, str], str]
) -> Mapping[str, Rows]:
    """With `{}` in a name for what was there."""
    return {
        topic: [
            {
                column: names[topic, column].replace("{}", text)
                if text and (topic, column) in names
                else text
                for column, text in row.items()
            }
            for row in rows
        ]
        for topic, rows in answers.items()
    }


@settings(max_examples=60)
@given(
    st.sampled_from(DEVICES),
    st.lists(
        st.dictionaries(
            st.sampled_from(sorted(ASKED)),
            st.sampled_from(["{}", "{}.", "{}-2", "Élodie", "root", "", "any", "admin{}"]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 40 * 86_400),
)
def test_a_judge_that_remembers_says_what_one_without_memory_says_of_other_names(
    recorded: tuple[str, Mapping[str, Rows]],
    namings: list[dict[tuple[str, str], str]],
    later: int,
) -> None:
    platform, answers = recorded
    for names in ({}, *namings) * 2:
        facts = facts_of(renamed(answers, names), NOW)
        for now in (NOW, NOW + timedelta(seconds=later), NOW + timedelta(seconds=later + 1)):
            device = device_of(platform, facts, NOW)

            found = REMEMBERING.judge(device, facts, now=now)

            assert found == FORGETFUL.judge(device, facts, now=now)


@pytest.mark.parametrize("platform", ["windows", "darwin", "linux"])
def test_a_name_of_which_nothing_is_asked_has_no_rule_asked_again(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Noting(Hearing):
        def __init__(self, case: object, rule: Rule, setting: object) -> None:
            asked.append(rule.id)
            super().__init__(case, rule, setting)  # type: ignore[arg-type]

    answers = next(answers for of, answers in DEVICES if of == platform)
    judge = Judge(CATALOGUE)
    facts = facts_of(answers, NOW)
    device = device_of(platform, facts, NOW)
    for _ in range(3):
        judge.judge(device, facts, now=NOW)
    monkeypatch.setattr(judging, "Hearing", Noting)
    before = judge.judge(device, facts, now=NOW)
    first = list(asked)
    others = facts_of(renamed(answers, dict.fromkeys(NAMES_ALONE, "{} (2)")), NOW)

    found = judge.judge(device, others, now=NOW)

    assert asked == first * 2
    assert [verdict.status for verdict in found] == [verdict.status for verdict in before]
    assert found != before  # the names are told


def test_what_is_asked_of_most_columns_that_hold_names() -> None:
    assert {
        ("accounts", "username"),
        ("browsers", "profile"),
        ("inventory", "hardware_serial"),
        ("inventory", "hostname"),
        ("local_admins", "account"),
    } <= ASKED


def test_rules_of_a_topic_are_looked_up_at_once_for_other_names() -> None:
    looked_up: list[str] = []

    class Noting(Judge):
        def setting(self, rule: Rule, device: Device) -> Setting:
            looked_up.append(rule.id)
            return super().setting(rule, device)

    answers = next(answers for platform, answers in DEVICES if platform == "linux")
    judge = Noting(CATALOGUE)
    for naming in ("{}", "{} (2)", "{} (3)", "{} (4)"):
        facts = facts_of(renamed(answers, {("firewall", "name"): naming}), NOW)
        device = device_of("linux", facts, NOW)
        looked_up.clear()

        found = judge.judge(device, facts, now=NOW, topics=frozenset({"firewall"}), on_device=False)

        assert len(found) > 1
        assert found == FORGETFUL.judge(
            device, facts, now=NOW, topics=frozenset({"firewall"}), on_device=False
        )
    assert not looked_up


@settings(max_examples=40)
@given(
    st.sampled_from(DEVICES),
    st.lists(st.sampled_from(sorted(ASKED)), min_size=1, max_size=4),
    st.lists(st.sampled_from(["{}", "{}.", "{}-2", "Élodie"]), min_size=2, max_size=4),
)
def test_answers_of_several_topics_are_worded_of_those_at_hand(
    recorded: tuple[str, Mapping[str, Rows]], columns: list[tuple[str, str]], namings: list[str]
) -> None:
    """Devices share what they answer on some topics and differ in names on others."""
    platform, answers = recorded
    shared = facts_of(answers, NOW)
    moved = {topic for topic, _ in columns}
    others = [facts_of(renamed(answers, dict.fromkeys(columns, naming)), NOW) for naming in namings]
    for other in others * 3:  # asked again of the same, after others were
        facts = {topic: other[topic] if topic in moved else fact for topic, fact in shared.items()}
        device = device_of(platform, facts, NOW)
        for _ in range(2):
            assert REMEMBERING.judge(device, facts, now=NOW) == FORGETFUL.judge(
                device, facts, now=NOW
            )
