"""What travels in one report: different topics, of one boot, within the server's limits."""

from dataclasses import replace
from datetime import timedelta

from reporting import a_report, a_snapshot
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.session import Told
from vigie_agent.domain.spooling import Entry
from vigie_agent.domain.together import MOST_BYTES, may_join

LIMITS = Limits(max_snapshots=3)
A_MINUTE = timedelta(minutes=1)

One = tuple[Entry, Told]


def one(
    topic: str,
    cell: str = "on",
    *,
    full: bool = False,
    unchanged: bool = False,
    age: timedelta | None = A_MINUTE,
) -> One:
    snapshot = a_snapshot(topic, cell)
    entry = Entry(1, a_report(snapshot), full)
    return entry, Told(snapshot, unchanged=unchanged, elapsed=age)


def joins(together: list[One], candidate: One, limits: Limits = LIMITS) -> bool:
    return may_join(together, *candidate, limits)


def test_different_topics_travel_together_as_many_as_the_server_takes() -> None:
    report = [one("a"), one("b")]

    assert joins(report, one("c"))
    assert not joins([*report, one("c")], one("d"))


def test_a_server_that_tells_no_limit_gets_one_at_a_time() -> None:
    assert joins([], one("a"), Limits())
    assert not joins([one("a")], one("b"), Limits())


def test_two_answers_of_a_topic_never_share_a_report() -> None:
    assert not joins([one("a"), one("b")], one("a", "off"))


def test_what_was_asked_for_travels_alone() -> None:
    assert joins([], one("a", full=True))
    assert not joins([one("a", full=True)], one("b"))
    assert not joins([one("a")], one("b", full=True))


def test_what_an_earlier_boot_collected_does_not_mix_with_what_has_an_age() -> None:
    assert not joins([one("a", age=None)], one("b"))
    assert not joins([one("a")], one("b", age=None))
    assert joins([one("a", age=None)], one("b", age=None))


def test_rows_together_have_a_bound_that_digests_do_not_reach() -> None:
    big = "x" * (MOST_BYTES // 2)

    assert not joins([one("a", big)], one("b", big))
    assert joins([one("a", big)], one("b", big, unchanged=True))
    assert joins([], one("a", big * 4))


def test_a_small_message_limit_bounds_them_too() -> None:
    small = replace(LIMITS, max_message_bytes=4096)

    assert joins([one("a")], one("b"), small)
    assert not joins([one("a", "x" * 900)], one("b", "x" * 900), small)
