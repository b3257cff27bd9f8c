"""What is over the server's limits travels without rows, and says why."""

from reporting import a_snapshot
from vigie_agent.domain.fitting import fitted
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.snapshot import Snapshot, Status


def test_what_fits_is_left_as_it_is() -> None:
    snapshot = a_snapshot("firewall", "on")

    assert fitted(snapshot, Limits()) is snapshot


def test_what_is_too_large_keeps_its_topic_and_loses_its_rows() -> None:
    snapshot = a_snapshot("firewall", "a", "b", "c")

    too_large = fitted(snapshot, Limits(max_rows=2))

    assert too_large == Snapshot.of(
        topic="firewall",
        topic_version=1,
        status=Status.TOO_LARGE,
        columns=(),
        rows=(),
        message="more than 2 rows",
        query_digest=snapshot.query_digest,
        cost=snapshot.cost,
    )


def test_what_was_made_to_fit_fits() -> None:
    limits = Limits(max_rows=2, max_columns=1, max_value_bytes=10, max_message_bytes=100)
    once = fitted(a_snapshot("firewall", "x" * 1000), limits)

    assert fitted(once, limits) is once
