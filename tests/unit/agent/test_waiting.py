"""Waiting that something may end early, and the first of several parts to end."""

import asyncio
from datetime import timedelta

import pytest

from vigie_agent.domain.errors import LinkLost
from vigie_agent.services.waiting import first_of, wait


async def test_a_wait_ends_with_its_event() -> None:
    event = asyncio.Event()
    event.set()

    await wait(timedelta(days=1), event)


async def test_a_wait_ends_with_its_span() -> None:
    event = asyncio.Event()

    await wait(timedelta(milliseconds=1), event)

    assert not event.is_set()


async def test_the_first_to_end_wins_and_the_others_are_cancelled() -> None:
    ended: list[str] = []

    async def endless() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")
        return "never"

    async def short() -> str:
        return "short"

    assert await first_of(endless(), short()) == "short"
    assert ended == ["endless"]


async def test_a_failure_comes_out_as_it_is() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async def failing() -> None:
        raise LinkLost("gone")

    with pytest.raises(LinkLost, match="gone"):
        await first_of(endless(), failing())


async def test_cancelling_the_whole_cancels_each_part() -> None:
    ended: list[int] = []

    async def endless(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await first_of(endless(1), endless(2))

    assert sorted(ended) == [1, 2]
