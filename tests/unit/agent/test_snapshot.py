"""Snapshots as they must be to travel."""

from reporting import a_snapshot
from vigie_agent.domain.snapshot import Snapshot, Status


def test_a_name_in_no_known_encoding_still_travels() -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")

    snapshot = a_snapshot("firewall", broken, "clean")

    assert snapshot.rows == (("caf\ufffd",), ("clean",))
    assert snapshot.digest == a_snapshot("firewall", "caf\ufffd", "clean").digest


def test_a_message_in_no_known_encoding_still_travels() -> None:
    snapshot = Snapshot.of(
        topic="t", topic_version=1, status=Status.ERROR, columns=(), rows=(), message="a\ud800b"
    )

    assert snapshot.message == "a\ufffdb"
