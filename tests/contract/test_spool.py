"""What every spool keeps, durable or not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from reporting import MORNING, a_report, a_snapshot
from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.ports import Spool
from vigie_agent.spool.memory import MemorySpool
from vigie_agent.spool.sqlite import SqliteSpool

ROOM = 256 * 1024


@pytest.fixture(params=["memory", "sqlite"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    """Every spool passes every test below."""
    made: Spool = (
        MemorySpool(max_bytes=ROOM)
        if request.param == "memory"
        else SqliteSpool(tmp_path / "spool.db", max_bytes=ROOM)
    )
    yield made
    made.close()


def noise(seed: int, *, size: int = 8_000) -> str:
    """Text that does not compress well, so that it takes the room it seems to take."""
    return Random(seed).randbytes(size).hex()


def seqs(spool: Spool) -> list[int]:
    return [entry.seq for entry in spool.claim(limit=1000)]


def test_a_new_spool_has_an_identity_and_nothing_else(spool: Spool) -> None:
    assert len(spool.spool_id) == 16
    assert (spool.highest_seq, spool.dropped, spool.pending(), spool.store_epoch) == (0, 0, 0, b"")
    assert spool.claim(limit=10) == []
    assert spool.newest("firewall") is None
    assert spool.committed_digest("firewall") is None


def test_what_was_appended_comes_out_whole_and_in_order(spool: Spool) -> None:
    first = a_report(a_snapshot("firewall", "on", "é", ""), boot_id="a", boot_clock=timedelta(1))
    second = a_report(a_snapshot("usb_storage"), collected_at=MORNING - timedelta(days=400))

    numbers = [spool.append(first), spool.append(second)]

    assert numbers == [1, 2]
    assert [(entry.seq, entry.report) for entry in spool.claim(limit=10)] == [
        (1, first),
        (2, second),
    ]


def test_each_snapshot_of_a_report_has_its_own_number(spool: Spool) -> None:
    last = spool.append(a_report(a_snapshot("firewall", "on"), a_snapshot("antivirus", "off")))

    entries = spool.claim(limit=10)

    assert last == 2
    assert [(entry.seq, entry.snapshot.topic) for entry in entries] == [
        (1, "firewall"),
        (2, "antivirus"),
    ]


def test_what_is_claimed_is_not_claimed_twice(spool: Spool) -> None:
    for cell in "abc":
        spool.append(a_report(a_snapshot("firewall", cell)))

    first = [entry.seq for entry in spool.claim(limit=2)]
    rest = [entry.seq for entry in spool.claim(limit=2)]

    assert (first, rest) == ([1, 2], [3])
    assert spool.pending() == 3


def test_an_unacknowledged_entry_comes_back_after_a_lost_link(spool: Spool) -> None:
    spool.append(a_report())
    (sent,) = spool.claim(limit=10)

    spool.link_lost()

    assert spool.claim(limit=10) == [sent]


def test_an_acknowledged_entry_is_forgotten_and_its_digest_kept(spool: Spool) -> None:
    snapshot = a_snapshot("firewall", "on")
    spool.append(a_report(snapshot))
    spool.append(a_report(a_snapshot("firewall", "off")))
    spool.claim(limit=10)

    spool.acknowledge(1)
    spool.link_lost()

    assert seqs(spool) == [2]
    assert spool.committed_digest("firewall") == snapshot.digest


def test_a_rejected_entry_is_forgotten_without_its_digest(spool: Spool) -> None:
    good, bad = a_snapshot("firewall", "on"), a_snapshot("firewall", "off")
    spool.append(a_report(good))
    spool.append(a_report(bad))
    spool.claim(limit=10)

    spool.acknowledge(2, rejected=[2])
    spool.link_lost()

    assert seqs(spool) == []
    assert spool.committed_digest("firewall") == good.digest


def test_an_acknowledgement_of_what_was_never_sent_changes_nothing(spool: Spool) -> None:
    spool.append(a_report())

    spool.acknowledge(1)

    assert spool.pending() == 1
    assert seqs(spool) == [1]


def test_the_newest_snapshot_of_a_topic_outlives_its_acknowledgement(spool: Spool) -> None:
    newest = a_snapshot("firewall", "off")
    spool.append(a_report(a_snapshot("firewall", "on")))
    spool.append(a_report(newest))
    spool.claim(limit=10)

    spool.acknowledge(2)

    assert spool.newest("firewall") == newest


def test_what_an_earlier_session_committed_is_not_sent_again(spool: Spool) -> None:
    for cell in "abc":
        spool.append(a_report(a_snapshot("firewall", cell)))
    spool.claim(limit=10)
    identity = spool.spool_id

    known = spool.resume(2)

    assert known
    assert spool.spool_id == identity
    assert seqs(spool) == [3]
    assert spool.committed_digest("firewall") == a_snapshot("firewall", "b").digest


def test_a_server_that_knows_more_than_was_ever_sent_makes_the_spool_start_over(
    spool: Spool,
) -> None:
    spool.append(a_report(a_snapshot("firewall", "a")))
    spool.claim(limit=10)
    spool.acknowledge(1)
    spool.append(a_report(a_snapshot("firewall", "b")))
    identity = spool.spool_id

    known = spool.resume(2)

    assert not known
    assert spool.spool_id != identity
    assert spool.committed_digest("firewall") is None
    assert [entry.snapshot.rows for entry in spool.claim(limit=10)] == [(("b",),)]


def test_a_new_store_epoch_queues_the_newest_of_every_topic_in_full(spool: Spool) -> None:
    spool.enter_epoch(b"first")
    spool.append(a_report(a_snapshot("firewall", "on"), collected_at=MORNING, boot_id="old"))
    spool.append(a_report(a_snapshot("antivirus", "on")))
    spool.claim(limit=10)
    spool.acknowledge(2)

    entered = spool.enter_epoch(b"second")

    assert entered
    assert spool.store_epoch == b"second"
    assert {
        (e.snapshot.topic, e.full, e.report.boot_id, e.seq > 2) for e in spool.claim(limit=10)
    } == {("firewall", True, "old", True), ("antivirus", True, "boot-1", True)}


def test_the_same_store_epoch_queues_nothing(spool: Spool) -> None:
    spool.enter_epoch(b"first")
    spool.append(a_report())
    spool.claim(limit=10)
    spool.acknowledge(1)

    entered = spool.enter_epoch(b"first")

    assert not entered
    assert spool.pending() == 0


def test_a_resend_queues_only_what_was_asked_and_forgets_its_digest(spool: Spool) -> None:
    spool.append(a_report(a_snapshot("firewall", "on")))
    spool.append(a_report(a_snapshot("antivirus", "on")))
    spool.claim(limit=10)
    spool.acknowledge(2)

    queued = spool.requeue(["antivirus"])

    (entry,) = spool.claim(limit=10)
    assert queued == 1
    assert (entry.snapshot, entry.full) == (a_snapshot("antivirus", "on"), True)
    assert spool.committed_digest("antivirus") is None
    assert spool.committed_digest("firewall") == a_snapshot("firewall", "on").digest


def test_a_resend_asked_twice_queues_once(spool: Spool) -> None:
    spool.append(a_report())
    spool.claim(limit=10)

    counts = [spool.requeue(), spool.requeue()]
    spool.claim(limit=10)
    counts.append(spool.requeue())

    assert counts == [1, 0, 0]


def test_a_resend_of_a_topic_that_waits_anyway_queues_nothing(spool: Spool) -> None:
    spool.append(a_report())

    queued = spool.requeue(["firewall", "never_collected"])

    assert queued == 0
    assert spool.pending() == 1


def test_an_amended_entry_travels_and_commits_as_amended(spool: Spool) -> None:
    spool.append(a_report(a_snapshot("firewall", "far too large")))
    (entry,) = spool.claim(limit=1)
    smaller = a_snapshot("firewall")

    spool.amend(entry.seq, smaller)
    spool.link_lost()

    (again,) = spool.claim(limit=1)
    assert again.snapshot.rows == ()
    spool.acknowledge(again.seq)
    assert spool.committed_digest("firewall") == smaller.digest
    assert spool.newest("firewall") is not None
    assert spool.requeue() == 1


def test_under_pressure_the_oldest_go_and_the_newest_of_each_topic_stays(spool: Spool) -> None:
    spool.append(a_report(a_snapshot("usb_storage", noise(0))))
    for number in range(1, 41):
        spool.append(a_report(a_snapshot("software", noise(number))))

    kept = [(entry.snapshot.topic, entry.seq) for entry in spool.claim(limit=100)]

    assert kept[0] == ("usb_storage", 1)
    assert kept[-1] == ("software", 41)
    assert [seq for _, seq in kept[1:]] == list(range(43 - len(kept), 42))
    assert spool.dropped == 41 - len(kept)
    assert spool.dropped > 10


def test_while_there_is_room_nothing_is_superseded(spool: Spool) -> None:
    for number in range(100):
        spool.append(a_report(a_snapshot("usb_storage", str(number % 2))))

    assert spool.dropped == 0
    assert spool.pending() == 100


def test_an_unchanged_answer_takes_hardly_any_room(spool: Spool) -> None:
    large = a_snapshot("software", noise(1, size=50_000))

    for _ in range(100):
        spool.append(a_report(large))

    assert spool.dropped == 0


def test_what_is_in_flight_is_not_given_up_for_room(spool: Spool) -> None:
    spool.append(a_report(a_snapshot("software", noise(0))))
    (in_flight,) = spool.claim(limit=1)
    for number in range(1, 41):
        spool.append(a_report(a_snapshot("software", noise(number))))

    spool.link_lost()

    assert spool.dropped > 0
    assert spool.claim(limit=1) == [in_flight]


def test_a_snapshot_larger_than_the_spool_is_refused_and_changes_nothing(spool: Spool) -> None:
    spool.append(a_report())

    with pytest.raises(SpoolUnusable, match="too"):
        spool.append(a_report(a_snapshot("software", noise(1, size=300_000))))

    assert (spool.highest_seq, spool.pending(), spool.dropped) == (1, 1, 0)
    assert spool.newest("software") is None
    assert spool.append(a_report()) == 2


def test_room_comes_back_as_entries_are_acknowledged(spool: Spool) -> None:
    for number in range(200):
        spool.append(a_report(a_snapshot("software", noise(number))))
        spool.acknowledge(spool.claim(limit=1)[0].seq)

    assert spool.dropped == 0
    assert spool.pending() == 0


def test_an_erased_spool_is_a_new_one(spool: Spool) -> None:
    spool.append(a_report())
    identity = spool.spool_id

    spool.erase()

    assert spool.spool_id != identity
    assert (spool.highest_seq, spool.pending(), spool.newest("firewall")) == (0, 0, None)


def test_closing_twice_is_safe(spool: Spool) -> None:
    spool.append(a_report())

    spool.close()
    spool.close()
