"""A simulated device delivers as an agent does: in order, once, and again after a lost session."""

from vigie.v1 import snapshot_pb2
from vigie_server.simulator.spool import Spool


def a_spool(*topics: str, last_seq: int = 0) -> Spool:
    spool = Spool(last_seq)
    for topic in topics:
        spool.append(snapshot_pb2.Snapshot(topic=topic), is_whole=False, due=1.0)
    return spool


def sent(spool: Spool, in_flight: int = 16) -> list[tuple[int, str, bool]]:
    reports = spool.to_send(in_flight)
    return [(one.seq, one.snapshot.topic, one.is_whole) for (one,) in reports]


def test_answers_of_different_topics_travel_together_under_the_number_of_the_last() -> None:
    spool = a_spool("a", "b", "c", "a", "d")

    reports = [
        [(one.seq, one.snapshot.topic, one.sent_as) for one in report]
        for report in [*spool.to_send(1, 2), *spool.to_send(1, 2)]
    ]

    assert reports == [[(1, "a", 2), (2, "b", 2)]]
    assert [entry.seq for entry in spool.acknowledge(2)] == [1, 2]
    assert [[one.seq for one in report] for report in spool.to_send(9, 9)] == [[3, 4, 5]]


def test_a_second_answer_of_a_topic_travels_in_the_next_report() -> None:
    spool = a_spool("a", "b", "a")

    assert [[one.seq for one in report] for report in spool.to_send(9, 9)] == [[1, 2], [3]]


def test_no_more_is_sent_than_may_wait_and_the_rest_follows_acknowledgements() -> None:
    spool = a_spool("a", "b", "c", "d", "e")

    assert sent(spool, 2) == [(1, "a", False), (2, "b", False)]
    assert sent(spool, 2) == []
    assert [entry.seq for entry in spool.acknowledge(1)] == [1]
    assert sent(spool, 2) == [(3, "c", False)]
    assert [entry.seq for entry in spool.acknowledge(3)] == [2, 3]
    assert sent(spool, 2) == [(4, "d", False), (5, "e", False)]


def test_a_new_session_sends_again_what_the_server_does_not_have() -> None:
    spool = a_spool("a", "b", "c")
    sent(spool)

    delivered = spool.resume(1)

    assert [entry.seq for entry in delivered] == [1]
    assert sent(spool) == [(2, "b", False), (3, "c", False)]


def test_a_server_that_knows_more_makes_the_device_number_anew_and_send_whole() -> None:
    spool = a_spool("a", "b")
    sent(spool)

    assert spool.resume(40) == []

    assert sent(spool) == [(41, "a", True), (42, "b", True)]
    assert spool.last_seq == 42


def test_what_is_asked_for_again_travels_whole_and_what_waits_of_it_too() -> None:
    spool = a_spool("a", "b", "a")
    sent(spool, 1)

    spool.again([snapshot_pb2.Snapshot(topic="a")], due=2.0)

    assert sent(spool) == [(2, "b", False), (3, "a", True), (4, "a", True)]


def test_what_is_asked_for_after_goodbye_waits_for_the_next_visit() -> None:
    spool = a_spool()

    spool.again([snapshot_pb2.Snapshot(topic="a")], due=None)
    assert not spool.is_due
    spool.set_due(9.0)

    assert spool.is_due
    assert [entry.due for entry in spool.acknowledge(1)] == [9.0]
