"""Arrivals follow the clock, each device at an instant of its own, and come in waves."""

import pytest

from vigie_server.simulator.collecting import due_topics
from vigie_server.simulator.schedule import Wave, Why, arrivals


def test_each_device_comes_once_a_period_always_at_the_same_place_in_it() -> None:
    found = list(arrivals(range(100), seed=1, period=10, until=30))

    assert [arrival.at for arrival in found] == sorted(arrival.at for arrival in found)
    assert all(arrival.at < 30 for arrival in found)
    for number in range(100):
        first, second, third = [arrival.at for arrival in found if arrival.number == number]
        assert second - first == pytest.approx(10)
        assert third - second == pytest.approx(10)


def test_arrivals_are_spread_over_the_period_and_repeat_with_their_seed() -> None:
    found = list(arrivals(range(1000), seed=1, period=10, until=10))

    for second in range(10):
        assert 60 < sum(second <= arrival.at < second + 1 for arrival in found) < 140
    assert found == list(arrivals(range(1000), seed=1, period=10, until=10))
    assert found != list(arrivals(range(1000), seed=2, period=10, until=10))


def test_a_wave_brings_its_share_at_its_instant_beside_those_who_come_anyway() -> None:
    wave = Wave(at=5, share=0.5, over=1)

    found = list(arrivals(range(1000), seed=1, period=10, waves=[wave], until=10))
    brought = [arrival for arrival in found if arrival.why is Why.WAVE]

    assert len(found) - len(brought) == 1000
    assert 430 < len({arrival.number for arrival in brought}) == len(brought) < 570
    assert all(5 <= arrival.at <= 6 for arrival in brought)
    assert [arrival.at for arrival in found] == sorted(arrival.at for arrival in found)


def test_a_wave_is_read_from_the_command_line_and_what_is_none_is_refused() -> None:
    assert Wave.read("at=60,share=0.5") == Wave(60, 0.5, 0)
    assert Wave.read("at=1.5,share=1,over=10") == Wave(1.5, 1, 10)
    for text in ("at=60", "at=60,share=0", "at=60,share=1.5", "share=1,at=60", "at=-1,share=1", ""):
        with pytest.raises(ValueError, match="at=SECONDS,share"):
            Wave.read(text)


def test_a_topic_is_collected_once_an_interval_and_a_device_always_has_something() -> None:
    intervals = {"vpn": 600, "antivirus": 3600, "software": 86_400}
    counts = dict.fromkeys(intervals, 0)

    for step in range(288):
        due = due_topics(intervals, before=step * 300, now=step * 300 + 300, phase=0.3)
        assert due
        for topic in due:
            counts[topic] += 1

    assert counts["vpn"] >= 144
    assert counts["antivirus"] >= 24
    assert counts["software"] >= 1
    assert sum(counts.values()) < 144 + 24 + 1 + 144


def test_a_topic_that_came_due_several_times_is_collected_once() -> None:
    intervals = {"vpn": 600, "antivirus": 3600}

    due = due_topics(intervals, before=0, now=7200, phase=0.9)

    assert due == ["vpn", "antivirus"]
