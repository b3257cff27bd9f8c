"""A judge that remembers says what one that remembers nothing says, whatever came before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.describing import described
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import Judge
from vigie_server.domain.rules import Rule
from vigie_server.domain.topics import ColumnType, Topic
from vigie_server.simulator.recorded import Rows, recordings

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
CATALOGUE: Final = bundled_catalogue()
FORGETFUL: Final = Judge(CATALOGUE, memory_bytes=0)
REMEMBERING: Final = Judge(CATALOGUE)
SHORT_OF_ROOM: Final = Judge(CATALOGUE, memory_bytes=256 * 1024)
DEVICES: Final = [
    (recorded.platform, recorded.moved_to(NOW, CATALOGUE.topics))
    for recorded in recordings(Path(__file__).parents[1] / "fixtures")
]
PLACES: Final = [
    (number, name)
    for number, (_, answers) in enumerate(DEVICES)
    for name, rows in answers.items()
    if rows and name in CATALOGUE.topics
]
DAYS: Final = 40 * 86_400


def fact_of(topic: Topic, rows: Rows, observed_at: datetime) -> Fact:
    columns = sorted(topic.columns)
    return topic.convert(
        topic_version=topic.version,
        status="ok",
        message="",
        columns=columns,
        values=[row.get(column, "") for row in rows for column in columns],
        observed_at=observed_at,
    )


def device_of(platform: str, facts: Mapping[str, Fact], **more: object) -> Device:
    device = Device("d1", "s1", "standard", platform, DeviceState.ACTIVE, **more)  # type: ignore[arg-type]
    return described(device, facts["inventory"])


@st.composite
def changed(draw: st.DrawFn) -> tuple[int, str, Rows]:
    """A recorded answer with one cell of any of its columns changed, as devices change it."""
    number, name = draw(st.sampled_from(PLACES))
    rows = [dict(row) for row in DEVICES[number][1][name]]
    row = draw(st.sampled_from(rows))
    column = draw(st.sampled_from(sorted(CATALOGUE.topics[name].columns)))
    others = sorted({other.get(column, "") for _, answers in DEVICES for other in answers[name]})
    texts = st.sampled_from([*others, "", "1", "0", "no", "yes", "moved"])
    if CATALOGUE.topics[name].columns[column].type is ColumnType.TIMESTAMP:
        seconds = st.integers(int(NOW.timestamp()) - DAYS, int(NOW.timestamp()) + DAYS)
        texts = texts | seconds.map(str)
    row[column] = draw(texts)
    return number, name, rows


@settings(max_examples=60)
@given(
    st.lists(changed(), min_size=1, max_size=3),
    st.lists(st.integers(0, DAYS * 2), min_size=2, max_size=2),
    st.lists(st.integers(0, 2 * DAYS), min_size=1, max_size=2),
)
def test_what_is_remembered_is_what_would_be_said_anew(
    changes: list[tuple[int, str, Rows]], heard: list[int], moments: list[int]
) -> None:
    for later in moments:
        now = NOW + timedelta(seconds=later)
        for number, name, rows in changes:
            platform, answers = DEVICES[number]
            for ago, given_ones in zip(heard, (answers, {**answers, name: rows}), strict=True):
                at = now - timedelta(seconds=ago)
                facts = {
                    topic: fact_of(CATALOGUE.topics[topic], held, at)
                    for topic, held in given_ones.items()
                    if topic in CATALOGUE.topics
                }
                device = device_of(platform, facts, last_report_at=at)
                wanted = FORGETFUL.judge(device, facts, now=now)

                assert REMEMBERING.judge(device, facts, now=now) == wanted
                assert SHORT_OF_ROOM.judge(device, facts, now=now) == wanted


@st.composite
def circumstances(draw: st.DrawFn) -> dict[str, object]:
    """What else a verdict may follow of a device, as people and its profile say it."""
    return {
        "profile": draw(st.sampled_from(["standard", "critical", "low"])),
        "platform": draw(st.sampled_from(["windows", "darwin", "linux"])),
        "chassis": draw(st.sampled_from(["", "laptop", "desktop", "server"])),
        "nomadic": draw(st.booleans()),
        "declared": {
            "device.roles": draw(st.sampled_from([(), ("stores-data",)])),
            "asset.renewal_planned_at": draw(st.sampled_from([None, int(NOW.timestamp())])),
        },
        "parameters": draw(st.sampled_from([None, {"Q05-min-length": {"min_length": 20}}])),
    }


@settings(max_examples=40)
@given(
    st.sampled_from(DEVICES),
    st.lists(st.tuples(circumstances(), st.integers(0, DAYS)), min_size=2, max_size=4),
)
def test_the_same_answers_of_other_devices_at_other_times_are_told_apart(
    recorded: tuple[str, Mapping[str, Rows]], looks: list[tuple[dict[str, object], int]]
) -> None:
    facts = {
        name: fact_of(CATALOGUE.topics[name], rows, NOW)
        for name, rows in recorded[1].items()
        if name in CATALOGUE.topics
    }
    for around, later in looks * 2:  # what is noted with cells is found from the second look on
        now = NOW + timedelta(seconds=later)
        device = replace(device_of(recorded[0], facts, last_report_at=now), **around)  # type: ignore[arg-type]
        moved = {name: fact.at(now - timedelta(seconds=later // 2)) for name, fact in facts.items()}

        assert REMEMBERING.judge(device, moved, now=now) == FORGETFUL.judge(device, moved, now=now)


def test_what_is_noted_with_one_answer_is_bounded() -> None:
    platform, answers = DEVICES[0]
    fact = fact_of(CATALOGUE.topics["inventory"], answers["inventory"], NOW)
    judge = Judge(CATALOGUE)
    for day in range(200):
        said = {"asset.renewal_planned_at": int(NOW.timestamp()) + day * 86_400}
        device = device_of(platform, {"inventory": fact}, declared=said)
        for _ in range(2):
            judge.judge(device, {"inventory": fact}, now=NOW)

    assert len(fact.cells.notes) < 100


@pytest.mark.parametrize("rule", CATALOGUE.rules.values(), ids=lambda rule: rule.id)
def test_columns_that_a_rule_does_not_follow_change_nothing(rule: Rule) -> None:
    for platform, answers in DEVICES:
        facts, other = {}, {}
        for name, columns in rule.follows.items():
            topic, rows = CATALOGUE.topics[name], answers[name]
            facts[name] = fact_of(topic, rows, NOW)
            spoilt = [
                {c: text if columns is None or c in columns else "?" for c, text in row.items()}
                for row in rows
            ]
            other[name] = fact_of(topic, spoilt, NOW)
        device = Device("d1", "s1", "standard", platform, DeviceState.ACTIVE)

        verdict = FORGETFUL.verdict(rule, device, facts, now=NOW)

        assert FORGETFUL.verdict(rule, device, other, now=NOW) == verdict


def test_most_rules_follow_some_columns_alone() -> None:
    unsettled = [rule.id for rule in CATALOGUE.rules.values() if None in rule.follows.values()]

    assert unsettled == []


def test_a_rule_that_counts_rows_alone_follows_no_name_in_them() -> None:
    follows = CATALOGUE.rules["Q01-software-inventoried"].follows

    assert follows == {"software": ("collected", "part", "why")}
