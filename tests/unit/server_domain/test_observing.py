from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.observing import clock_skew, observed_at

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPANS = st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400))


def test_evidence_is_as_old_as_the_time_it_waited() -> None:
    earlier = NOW - timedelta(days=1)

    instant = observed_at(received_at=NOW, elapsed=timedelta(hours=2), previous=earlier)

    assert instant == NOW - timedelta(hours=2)


def test_evidence_from_before_a_boot_is_taken_as_old_as_can_be() -> None:
    earlier = NOW - timedelta(days=1)

    instant = observed_at(received_at=NOW, elapsed=None, previous=earlier)

    assert instant == earlier


@given(elapsed=st.none() | SPANS, before=SPANS)
def test_evidence_is_never_of_the_future_nor_older_than_what_was_known(
    elapsed: timedelta | None, before: timedelta
) -> None:
    previous = NOW - abs(before)

    instant = observed_at(received_at=NOW, elapsed=elapsed, previous=previous)

    assert previous <= instant <= NOW


def test_a_clock_that_is_ahead_has_a_positive_skew() -> None:
    assert clock_skew(sent_at=NOW + timedelta(seconds=90), received_at=NOW) == 90
    assert clock_skew(sent_at=None, received_at=NOW) is None
