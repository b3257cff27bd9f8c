"""A crowd is spread: over places, over the period, over the time that all of it needs."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.admission import Returns, places_in, until_next_visit, window

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def test_places_follow_the_memory_up_to_what_a_core_hears() -> None:
    assert places_in(2 * 1024**3) == 3276
    assert places_in(10**15) == 40_000


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
