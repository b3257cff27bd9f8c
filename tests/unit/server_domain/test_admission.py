"""A crowd is spread: over places, over the period, over the time that all of it needs."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.admission import Places, Returns, places_in, until_next_visit, window

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def test_places_follow_the_memory_up_to_what_a_core_hears() -> None:
    assert places_in(2 * 1024**3) == 3276
    assert places_in(10**15) == 40_000


@given(held=st.integers(0, 100_000), visitors=st.integers(1, 5_000), files=st.integers(264, 70_000))
def test_devices_leave_files_for_everything_else(held: int, visitors: int, files: int) -> None:
    wanted = Places(held, visitors)

    places = wanted.within(files)

    assert places.files <= files
    assert 0 <= places.held <= held
    assert 1 <= places.visitors <= visitors
    assert (places == wanted) == (wanted.files <= files) or visitors > (files - 256) // 4


def test_places_are_as_asked_where_there_are_files_enough() -> None:
    assert Places(40_000, 500).within(65_536) == Places(40_000, 500)
    assert Places(40_000, 500).within(41_256) == Places(40_000, 500)


def test_of_few_files_a_quarter_is_for_visits_and_all_of_them_where_nobody_stays() -> None:
    assert Places(40_000, 500).within(1_024) == Places(384, 192)
    assert Places(0, 500).within(1_024) == Places(0, 384)


def test_there_are_files_enough_for_hardly_any_device() -> None:
    with pytest.raises(ValueError, match="264 open files are needed"):
        Places(10, 10).within(263)


@given(name=st.text(), late=st.timedeltas(-PERIOD / 10, PERIOD / 10))
def test_a_device_keeps_its_moment_whether_it_comes_early_or_late(
    name: str, late: timedelta
) -> None:
    moment = NOW + until_next_visit(name, NOW, PERIOD)

    again = moment + late + until_next_visit(name, moment + late, PERIOD)

    assert again - moment == PERIOD
    assert PERIOD / 2 <= moment - NOW <= PERIOD * 3 / 2


def test_a_fleet_that_came_at_once_is_spread_over_the_period() -> None:
    minutes = [0] * 15
    for number in range(3000):
        visit = NOW + until_next_visit(f"device-{number}", NOW, PERIOD)
        minutes[visit.minute % 15] += 1

    assert sum(minutes) == 3000
    assert min(minutes) > 140
    assert max(minutes) < 260


@st.composite
def departures(draw: st.DrawFn) -> list[tuple[datetime, timedelta]]:
    """When devices are sent away, in order, and how long they have to stay away at least."""
    away = [timedelta(seconds=draw(st.floats(0, 30))) for _ in range(draw(st.integers(2, 60)))]
    leasts = st.sampled_from((2 * SECOND, 15 * SECOND))
    return [(NOW + passed, draw(leasts)) for passed in sorted(away)]


@given(sent=departures(), per_second=st.sampled_from((0.5, 2, 200)))
def test_no_two_moments_are_closer_than_the_pace_whoever_is_sent_away_and_when(
    sent: list[tuple[datetime, timedelta]], per_second: float
) -> None:
    returns = Returns(per_second, longest=PERIOD)

    back = [at + returns.wait(at, shortest=shortest) for at, shortest in sent]

    pairs = zip(sent, back, strict=True)
    assert all(moment - at >= shortest for (at, shortest), moment in pairs)
    assert all(later - one >= window(1, per_second) for one, later in pairwise(back))


def test_a_device_that_is_sent_away_alone_waits_for_nobody() -> None:
    returns = Returns(per_second=2, longest=PERIOD)
    for _ in range(100):
        returns.wait(NOW, shortest=10 * SECOND)

    assert returns.wait(NOW + 45 * SECOND, shortest=2 * SECOND) == 15 * SECOND
    assert returns.wait(NOW + 200 * SECOND, shortest=2 * SECOND) == 2 * SECOND


def test_a_crowd_that_needs_more_time_shares_the_moments_of_one_period() -> None:
    returns = Returns(per_second=20, longest=PERIOD)

    waits = [returns.wait(NOW, shortest=15 * SECOND) for _ in range(45_000)]

    seconds = Counter(int((wait - 15 * SECOND).total_seconds()) for wait in waits)
    assert max(waits) < 15 * SECOND + PERIOD
    assert set(seconds) == set(range(900))
    assert max(seconds.values()) <= 3 * 20  # 18,000 moments a period


def test_a_clock_that_is_set_back_keeps_moments_apart() -> None:
    returns = Returns(per_second=2, longest=PERIOD)

    waits = [returns.wait(NOW - number * PERIOD, shortest=2 * SECOND) for number in range(4)]

    assert waits == [2 * SECOND + number * SECOND / 2 for number in range(4)]
