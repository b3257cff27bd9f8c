"""One topic is collected part by part; what goes wrong with a part is told in its row."""

from datetime import timedelta

import pytest

from collecting import Hands, ScriptedAsking, a_part, a_speed, a_topic
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.plan import PartPlan
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.services.collect import Collect

SLOW = QueryError(Reason.TIMEOUT, "no answer in 30 s")


def a_collector(ask: ScriptedAsking, hands: Hands, limits: Limits | None = None) -> Collect:
    return Collect(
        ask=ask,
        timeout=timedelta(seconds=30),
        limits=lambda: limits or Limits(),
        clock=hands.since_boot,
        cpu=lambda: hands.since_boot() / 10,
    )


def whys(snapshot: Snapshot | None) -> dict[str, str]:
    """Of each part that was not collected, why."""
    assert snapshot is not None
    rows = [dict(zip(snapshot.columns, row, strict=True)) for row in snapshot.rows]
    return {row["part"]: row["why"] for row in rows if row["collected"] == "no"}


async def test_the_parts_of_a_topic_are_asked_and_their_cost_is_measured() -> None:
    hands = Hands()
    ask = ScriptedAsking(
        {"SELECT front": a_speed("front"), "SELECT back": a_speed("back")},
        before=lambda: hands.advance(timedelta(seconds=2)),
    )

    snapshot = await a_collector(ask, hands)(a_topic(a_part("front"), a_part("back")))

    assert snapshot is not None
    assert ask.asked == ["SELECT front", "SELECT back"]
    assert (snapshot.status, len(snapshot.rows)) == (Status.OK, 2)
    assert snapshot.cost.wall == timedelta(seconds=4)
    assert snapshot.cost.cpu == timedelta(seconds=0.4)
    assert len(snapshot.query_digest) == 16


async def test_a_part_that_nothing_answers_is_told_without_asking() -> None:
    ask = ScriptedAsking({"SELECT front": a_speed("front")})
    missing = PartPlan("back", None, unanswered=QueryError(Reason.MISSING_TABLE, "needs osquery 6"))

    snapshot = await a_collector(ask, Hands())(a_topic(a_part("front"), missing))

    assert ask.asked == ["SELECT front"]
    assert whys(snapshot) == {"back": "missing_table: needs osquery 6"}


async def test_a_query_that_overruns_twice_is_set_aside_for_a_day_and_says_so() -> None:
    hands = Hands()
    ask = ScriptedAsking({"SELECT front": SLOW})
    collect = a_collector(ask, hands)

    first = await collect(a_topic())
    second = await collect(a_topic())
    third = await collect(a_topic())
    hands.advance(timedelta(hours=24))
    fourth = await collect(a_topic())

    assert len(ask.asked) == 3
    assert third is not None
    assert third.status is Status.DENYLISTED
    assert whys(third) == {"front": "denylisted: overran twice, set aside for 24 hours"}
    assert whys(first) == whys(second) == whys(fourth) == {"front": "timeout: no answer in 30 s"}


async def test_a_query_that_must_not_be_set_aside_is_asked_each_time() -> None:
    ask = ScriptedAsking({"SELECT front": SLOW})
    collect = a_collector(ask, Hands())

    for _ in range(4):
        await collect(a_topic(a_part(denylist=False)))

    assert len(ask.asked) == 4


async def test_a_lost_engine_is_an_error_twice_and_then_the_answer() -> None:
    ask = ScriptedAsking(
        {"SELECT front": a_speed("front"), "SELECT back": EngineLost("the daemon went away")}
    )
    collect = a_collector(ask, Hands())
    topic = a_topic(a_part("front"), a_part("back"))

    for _ in range(2):
        with pytest.raises(EngineLost, match="the daemon went away"):
            await collect(topic)
    snapshot = await collect(topic)

    assert whys(snapshot) == {"back": "error: the engine went away"}
    assert snapshot is not None
    assert len(snapshot.rows) == 2


async def test_an_engine_that_came_back_is_given_its_patience_back() -> None:
    ask = ScriptedAsking({"SELECT front": EngineLost("gone")})
    collect = a_collector(ask, Hands())
    with pytest.raises(EngineLost):
        await collect(a_topic())

    ask.answers = {"SELECT front": a_speed("front")}
    await collect(a_topic())

    ask.answers = {"SELECT front": EngineLost("gone")}
    for _ in range(2):
        with pytest.raises(EngineLost):
            await collect(a_topic())


@pytest.mark.parametrize(
    "answer", [Rows(()), QueryError(Reason.MISSING_TABLE, "fans")], ids=["no row", "failure"]
)
async def test_a_pack_that_discovery_leaves_out_answers_nothing(answer: Rows | QueryError) -> None:
    ask = ScriptedAsking({"SELECT has_fans": answer, "SELECT front": a_speed("front")})

    snapshot = await a_collector(ask, Hands())(a_topic(a_part(discovery=("SELECT has_fans",))))

    assert snapshot is None
    assert ask.asked == ["SELECT has_fans"]


async def test_discovery_is_asked_once_an_hour() -> None:
    hands = Hands()
    ask = ScriptedAsking({"SELECT yes": Rows(({"1": "1"},)), "SELECT front": a_speed("front")})
    collect = a_collector(ask, hands)
    topic = a_topic(a_part(discovery=("SELECT yes",)))

    for _ in range(3):
        await collect(topic)
        hands.advance(timedelta(minutes=29))
    await collect(topic)

    assert ask.asked.count("SELECT yes") == 2
    assert ask.asked.count("SELECT front") == 4


async def test_the_limits_in_force_are_those_of_the_moment() -> None:
    ask = ScriptedAsking({"SELECT front": a_speed("front")})

    snapshot = await a_collector(ask, Hands(), Limits(max_columns=3))(a_topic())

    assert snapshot is not None
    assert snapshot.status is Status.TOO_LARGE
