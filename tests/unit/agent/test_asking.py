"""Every question passes the allow-list, and the engine hears one at a time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.services.asking import OneAtATime

SHORT = timedelta(seconds=20)
NONE = timedelta()


class SlowEngine:
    """Holds each question until it is let go, and counts how many it holds at once."""

    name = "slow"
    version = "1"

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked: list[str] = []
        self.most_at_once = 0
        self._at_once = 0

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.asked.append(sql)
        self.let_go.wait(timeout.total_seconds() + 30)
        self._at_once -= 1
        if sql == "lost":
            raise EngineLost("the daemon went away")
        return Rows(({"sql": sql},))

    def close(self) -> None:
        self.let_go.set()


@contextmanager
def asking(
    engine: SlowEngine, *, refused: tuple[str, ...] = (), grace: timedelta = SHORT
) -> Iterator[OneAtATime]:
    def approve(sql: str) -> str | QueryError:
        return QueryError(Reason.REFUSED, "not a table") if sql in refused else sql.strip(";")

    ask = OneAtATime(engine, approve, grace=grace)
    try:
        yield ask
    finally:
        ask.close()
        engine.close()


async def test_what_the_allow_list_refuses_never_reaches_the_engine() -> None:
    engine = SlowEngine()

    with asking(engine, refused=("evil",)) as ask:
        answer = await ask("evil", timeout=SHORT)

    assert answer == QueryError(Reason.REFUSED, "not a table")
    assert engine.asked == []


async def test_the_engine_is_asked_the_text_that_was_approved() -> None:
    engine = SlowEngine()
    engine.let_go.set()

    with asking(engine) as ask:
        answer = await ask("SELECT 1;", timeout=SHORT)

    assert answer == Rows(({"sql": "SELECT 1"},))


async def test_questions_asked_together_are_answered_one_after_another() -> None:
    engine = SlowEngine()

    with asking(engine) as ask:
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(ask(f"q{n}", timeout=SHORT)) for n in range(5)]
            engine.let_go.set()

    assert [answer.result() for answer in answers] == [Rows(({"sql": f"q{n}"},)) for n in range(5)]
    assert engine.most_at_once == 1


async def test_an_engine_that_does_not_come_back_is_a_timeout_and_the_loop_lives() -> None:
    engine = SlowEngine()

    with asking(engine, grace=NONE) as ask:
        while not engine.asked:  # its time may be over before the engine has heard it
            first = await ask("q1", timeout=timedelta(milliseconds=20))
        second = await ask("q2", timeout=timedelta(milliseconds=20))

    assert first == second == QueryError(Reason.TIMEOUT, "the engine did not come back")
    assert engine.asked == ["q1"]


async def test_a_lost_engine_is_told_to_whoever_asked() -> None:
    engine = SlowEngine()
    engine.let_go.set()

    with asking(engine) as ask, pytest.raises(EngineLost, match="the daemon went away"):
        await ask("lost", timeout=SHORT)
