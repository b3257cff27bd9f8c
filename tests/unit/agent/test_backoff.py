"""Waits before the server is tried again: bounded, spread, never nothing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.backoff import Backoff, as_asked, between_visits
from vigie_agent.domain.session import Intervals

SECOND = timedelta(seconds=1)
jitters = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (1_000_000, 300)]
)
def test_the_bound_doubles_up_to_the_longest(failures: int, seconds: int) -> None:
    wait = Backoff(first=2 * SECOND, longest=300 * SECOND).wait(failures, jitter=0.5)

    assert wait == seconds * SECOND / 2


@given(failures=st.integers(0, 10**9), jitter=jitters)
def test_no_wait_is_nothing_or_longer_than_the_longest(failures: int, jitter: float) -> None:
    wait = Backoff(first=2 * SECOND, longest=300 * SECOND).wait(failures, jitter=jitter)

    assert SECOND / 2 <= wait <= 300 * SECOND


@given(jitter=jitters)
def test_the_time_that_a_server_asks_for_is_kept_to_within_two_seconds(jitter: float) -> None:
    assert 60 * SECOND <= as_asked(60 * SECOND, jitter=jitter) <= 62 * SECOND
    assert SECOND <= as_asked(SECOND, jitter=jitter) <= 2 * SECOND
    assert as_asked(timedelta(), jitter=jitter) >= SECOND / 2


@given(jitter=jitters)
def test_visits_stay_near_their_interval_and_apart_from_each_other(jitter: float) -> None:
    assert 90 * SECOND <= between_visits(100 * SECOND, jitter=jitter) <= 110 * SECOND
    assert between_visits(100 * SECOND, jitter=0) != between_visits(100 * SECOND, jitter=0.9)


def test_a_device_that_comes_back_at_its_visit_waits_as_long_for_a_lost_server() -> None:
    visiting = Intervals(stay=False, visit=900 * SECOND)

    backoff = Backoff(first=2 * SECOND, longest=300 * SECOND).told(visiting)

    assert backoff == Backoff(first=2 * SECOND, longest=900 * SECOND)


@pytest.mark.parametrize(("reconnect", "first"), [(0, 2), (100, 100), (9000, 300)])
def test_a_device_that_stayed_takes_the_time_that_its_server_needs(
    reconnect: int, first: int
) -> None:
    staying = Intervals(stay=True, visit=900 * SECOND, reconnect=reconnect * SECOND)

    backoff = Backoff(first=2 * SECOND, longest=300 * SECOND).told(staying)

    assert backoff == Backoff(first=first * SECOND, longest=300 * SECOND)
