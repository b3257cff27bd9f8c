"""Answers of rules on time, kept for as long as they stand: never another than would be given."""

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
from vigie_server.domain.lasting import Window
from vigie_server.domain.remembered import Lasting, OnTime
from vigie_server.domain.rules import Rule
from vigie_server.simulator.recorded import Recording, recordings

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
CATALOGUE: Final = bundled_catalogue()
FORGETFUL: Final = Judge(CATALOGUE, memory_bytes=0)
ON_TIME: Final = [rule for rule in CATALOGUE.rules.values() if rule.depends_on is None]
NOT_FOLLOWED: Final = {"Q03-os-supported", "Q03-os-support-horizon", "Q03-no-obsolete-software"}
"""They match patterns, which is not followed."""
DAY: Final = 86_400
STEPS: Final = st.one_of(
    st.integers(-2, 2),
    st.integers(-3 * DAY, 3 * DAY),
    st.sampled_from([days * DAY + off for days in (1, 2, 7, 30, 45, 90) for off in (-1, 0, 1)]),
)
SKEWS: Final = st.sampled_from([None, -900.5, -300.0, 0.0, 0.4, 299.9, 300.0, 300.1, 4000.0])
MOMENTS: Final = st.lists(
    st.tuples(STEPS, st.integers(0, 8 * DAY), st.integers(0, 200), SKEWS), min_size=4, max_size=8
)


def device_and_facts(recorded: Recording) -> tuple[Device, Mapping[str, Fact]]:
    facts = {}
    for name, rows in recorded.moved_to(NOW, CATALOGUE.topics).items():
        topic = CATALOGUE.topics[name]
        columns = sorted(topic.columns)
        facts[name] = topic.convert(
            topic_version=topic.version,
            status="ok",
            message="",
            columns=columns,
            values=[row.get(column, "") for row in rows for column in columns],
            observed_at=NOW,
        )
    device = Device("d1", "s1", "standard", recorded.platform, DeviceState.ACTIVE)
    return described(device, facts["inventory"]), facts


DEVICES: Final = [
    device_and_facts(recorded) for recorded in recordings(Path(__file__).parents[1] / "fixtures")
]


@settings(max_examples=80)
@given(st.integers(0, len(DEVICES) - 1), st.booleans(), MOMENTS)
def test_at_any_times_an_answer_from_memory_is_the_one_that_would_be_given(
    number: int, nomadic: bool, moments: list[tuple[int, int, int, float | None]]
) -> None:
    """The same evidence, at times a second, a day or months apart; each topic of its own."""
    device, facts = DEVICES[number]
    device = replace(device, nomadic=nomadic)  # whose backups are asked for
    remembering = Judge(CATALOGUE)
    now = NOW
    for step, age, spread, skew in moments:
        now += timedelta(seconds=step)
        heard = {
            name: fact.at(now - timedelta(seconds=age + place * spread, microseconds=place))
            for place, (name, fact) in enumerate(sorted(facts.items()))
        }
        last_report_at = None if spread == 0 else now - timedelta(seconds=age)
        then = replace(device, last_report_at=last_report_at, clock_skew_seconds=skew)
        wanted = FORGETFUL.judge(then, heard, now=now)

        for _ in range(3):  # asked, followed, remembered
            assert remembering.judge(then, heard, now=now) == wanted


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rules that were asked, as they are."""
    asked: list[str] = []
    whole = Judge._hear  # noqa: SLF001 (to count)

    def heard(
        self: Judge,
        device: Device,
        facts: Mapping[str, Fact],
        asking: dict[Rule, object],
        now: datetime,
    ) -> object:
        asked.extend(rule.id for rule in asking)
        return whole(self, device, facts, asking, now)  # type: ignore[arg-type]

    monkeypatch.setattr(Judge, "_hear", heard)
    return asked


def test_the_third_device_that_shows_the_same_an_hour_later_asks_hardly_a_rule(
    evaluated: list[str],
) -> None:
    for device, facts in DEVICES:
        judge = Judge(CATALOGUE)
        for ago in (0, 600, 1_200, 3_600):
            evaluated.clear()
            now = NOW + timedelta(seconds=ago)
            heard = {name: fact.at(now - timedelta(seconds=ago)) for name, fact in facts.items()}
            judge.judge(
                replace(device, last_report_at=now, clock_skew_seconds=ago / 1_000),
                heard,
                now=now,
            )

        lacking = {
            rule.id for rule in CATALOGUE.rules.values() if not rule.reads.keys() <= facts.keys()
        }
        assert set(evaluated) - lacking <= NOT_FOLLOWED


def test_an_answer_about_a_day_stands_for_that_day_and_one_about_a_second_for_it() -> None:
    rule = CATALOGUE.rules["Q09-seen-recently"]
    judge = Judge(CATALOGUE)
    device, _ = DEVICES[0]
    told = set()
    for hours in (8, 9, 10, 11, 17):  # of which the last is another day
        heard = NOW + timedelta(hours=hours)
        verdicts = judge.judge(
            replace(device, last_report_at=heard), {}, now=NOW + timedelta(days=1)
        )
        (verdict,) = [verdict for verdict in verdicts if verdict.rule == rule.id]
        told.add(verdict.reason["en"])

    assert len(told) == 2


def test_windows_are_where_an_answer_stands() -> None:
    window = Window(by=(1, -1), least=None, most=30 * DAY)

    assert window.holds((100 * DAY, 70 * DAY))
    assert not window.holds((100 * DAY + 1, 70 * DAY))


def test_every_rule_on_time_but_those_that_match_patterns_is_followed() -> None:
    followed: set[str] = set()
    whole = OnTime.lasting

    def noted(self: OnTime, answered: object, told: object, values: object) -> Lasting | None:
        found = whole(self, answered, told, values)  # type: ignore[arg-type]
        if found is not None and told is not None:
            followed.add(self.rule.id)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OnTime, "lasting", noted)
        for device, facts in DEVICES:
            judge = Judge(CATALOGUE)
            for second in range(2):
                now = NOW + timedelta(seconds=second)
                moved = replace(device, last_report_at=now, clock_skew_seconds=0.5, nomadic=True)
                judge.judge(moved, facts, now=now)

    assert followed >= {rule.id for rule in ON_TIME} - NOT_FOLLOWED
