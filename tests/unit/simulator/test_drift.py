"""A device's state drifts: the same for the same seed, and as often as is asked for."""

from datetime import UTC, datetime

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.drift import KINDS, Happened, Life, drifted, lived
from vigie_server.simulator.naming import names_of, recording_of
from vigie_server.simulator.recorded import RECORDED, recordings

EPOCH = datetime(2026, 11, 25, 8, tzinfo=UTC)
NOW = int(EPOCH.timestamp())


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers(recordings(RECORDED), bundled_catalogue().topics, EPOCH)


def lives(answers: Answers, *, seed: int, number: int, steps: int, share: float) -> list[str]:
    """What happened to a device, step by step."""
    recorded = answers.recorded[recording_of(answers.recordings, seed, number)]
    life, found = answers.born, []
    for _ in range(steps):
        life, topic = lived(life, recorded, seed=seed, number=number, seconds=900, share=share)
        found.append(topic or "")
    return found


def test_a_life_repeats_with_its_seed_and_is_another_with_another(answers: Answers) -> None:
    first = lives(answers, seed=7, number=40, steps=200, share=0.3)

    assert lives(answers, seed=7, number=40, steps=200, share=0.3) == first
    assert lives(answers, seed=8, number=40, steps=200, share=0.3) != first
    assert lives(answers, seed=7, number=41, steps=200, share=0.3) != first


@pytest.mark.parametrize(
    ("share", "lowest", "highest"), [(0.0, 0, 0), (0.1, 150, 250), (1, 2000, 2000)]
)
def test_the_share_of_steps_in_which_something_happens_is_the_one_asked_for(
    answers: Answers, share: float, lowest: int, highest: int
) -> None:
    happened = sum(
        bool(topic)
        for number in range(20)
        for topic in lives(answers, seed=1, number=number, steps=100, share=share)
    )

    assert lowest <= happened <= highest


@pytest.mark.parametrize("name", KINDS)
def test_what_happens_changes_its_topic_on_every_device_that_shows_it(
    answers: Answers, name: str
) -> None:
    kind = KINDS[name]
    shown = [
        index
        for index, recorded in enumerate(answers.recorded)
        if kind.shows(recorded.get(kind.topic, ()))
    ]
    later = Life(NOW + 90_000, 1, {name: Happened(1, NOW + 90_000)})

    for index in shown:
        names = names_of(1, index)
        before = answers.snapshot(index, names, kind.topic, answers.born)
        after = answers.snapshot(index, names, kind.topic, later)
        assert before.digest != after.digest, answers.recordings[index]
    assert shown


def test_nothing_else_changes_and_time_alone_changes_nothing(answers: Answers) -> None:
    later = Life(NOW + 90_000, 100, {"firewall": Happened(1, NOW)})

    changed = {
        topic
        for topic in answers.topics(0)
        if answers.snapshot(0, names_of(1, 0), topic, answers.born).digest
        != answers.snapshot(0, names_of(1, 0), topic, later).digest
    }

    assert changed == {"firewall"}


def test_a_firewall_goes_off_and_comes_back() -> None:
    rows = [{"part": "profiles", "enabled": "1"}, {"part": "profiles", "enabled": "0"}]

    off = drifted(rows, [("firewall", Happened(1, NOW))])
    back = drifted(rows, [("firewall", Happened(2, NOW))])

    assert [row["enabled"] for row in off] == ["0", "0"]
    assert back == rows


def test_versions_rise_one_program_after_the_other() -> None:
    rows = [{"version": "140.5.0 (x64)"}, {"version": "2.7"}, {"version": ""}]

    once = drifted(rows, [("programs", Happened(1, NOW))])
    often = drifted(rows, [("programs", Happened(5, NOW))])

    assert [row["version"] for row in once] == ["140.5.0 (x65)", "2.7", ""]
    assert [row["version"] for row in often] == ["140.5.0 (x66)", "2.9", ""]


def test_a_stick_is_plugged_in_then_pulled_and_windows_remembers_three() -> None:
    blank = {"collected": "yes", "vendor": "", "model": "", "serial": "", "device": ""}
    rows = [{**blank, "part": "history", "last_change_time": "1"}]

    plugged = drifted(rows, [("usb", Happened(1, NOW))])
    pulled = drifted(rows, [("usb", Happened(10, NOW))])

    assert [row["part"] for row in plugged] == ["history", "attached", "history"]
    assert [row["serial"] for row in pulled[1:]] == [
        "SIM00000003&0",
        "SIM00000004&0",
        "SIM00000005&0",
    ]
