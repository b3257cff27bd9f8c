"""A crowd is spread: over places, over the period, over the time that all of it needs."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.admission import TurnedAway, places_in, until_next_visit, window

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
shares = st.floats(0, 1, exclude_max=True)


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


@given(shares=st.lists(shares, min_size=2, max_size=50))
def test_the_more_are_turned_away_the_longer_they_are_spread(shares: list[float]) -> None:
    away = TurnedAway(per_second=2, shortest=10 * SECOND, longest=PERIOD)

    waits = [away.retry_after(NOW, share=share) for share in shares]

    for number, (wait, share) in enumerate(zip(waits, shares, strict=True), start=1):
        assert wait == 10 * SECOND + window(number, 2) * share


def test_those_who_have_come_back_do_not_lengthen_the_wait_of_others() -> None:
    away = TurnedAway(per_second=2, shortest=10 * SECOND, longest=PERIOD)
    for _ in range(100):
        away.retry_after(NOW, share=0)

    assert away.retry_after(NOW + 45 * SECOND, share=1) == 10 * SECOND + window(11, 2)


def test_no_wait_is_longer_than_a_period_more_than_the_shortest() -> None:
    away = TurnedAway(per_second=0.001, shortest=10 * SECOND, longest=PERIOD)
    for _ in range(100):
        wait = away.retry_after(NOW, share=0.99)

    assert wait == 10 * SECOND + PERIOD
