"""What waits is answered together, in the order it came, and one that fails harms no other."""

import asyncio
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from vigie_server.web.lanes import Lanes, Settle, Waiting


class Settled:
    """Answers a number by its double and refuses negative ones; its first turn can be held."""

    def __init__(self, *, reaches: int = 100, held: bool = False) -> None:
        self.turns: list[list[int]] = []
        self.reaches = reaches
        self.began = Event()
        self.go = Event()
        if not held:
            self.go.set()

    def __call__(self, waiting: Sequence[Waiting[int, int]]) -> int:
        reached = waiting[: self.reaches]
        self.turns.append([one.asked for one in reached])
        self.began.set()
        self.go.wait(10)
        for one in reached:
            if one.asked < 0:
                one.error = ValueError(one.asked)
            else:
                one.answer = 2 * one.asked
        return len(reached)


def lanes_of(
    settle: Settle[int, int], *, lanes: int = 1, together: int = 8, slow: float = 60.0
) -> Lanes[int, int]:
    return Lanes(settle, lanes=lanes, together=together, most=2, slow=slow)


async def behind(
    settled: Settled, lanes: Lanes[int, int], *numbers: int
) -> list[asyncio.Task[int]]:
    """The first is being answered, and the others wait."""
    first, *others = numbers
    tasks = [asyncio.create_task(lanes.answer(first))]
    await asyncio.to_thread(settled.began.wait, 10)
    tasks += [asyncio.create_task(lanes.answer(number)) for number in others]
    await asyncio.sleep(0)  # each has begun to wait
    return tasks


async def test_what_waits_is_answered_together() -> None:
    settled = Settled(held=True)
    tasks = await behind(settled, lanes_of(settled, together=3), 1, 2, 3, 4, 5)

    settled.go.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert settled.turns == [[1], [2, 3, 4], [5]]


async def test_those_that_a_turn_did_not_get_to_come_first_in_the_next() -> None:
    settled = Settled(held=True, reaches=2)
    tasks = await behind(settled, lanes_of(settled, together=4), 1, 2, 3, 4, 5)

    settled.go.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert settled.turns == [[1], [2, 3], [4, 5]]


async def test_as_many_turns_as_there_are_lanes_are_under_way() -> None:
    settled = Settled(held=True)
    lanes = lanes_of(settled, lanes=2)
    tasks = [asyncio.create_task(lanes.answer(number)) for number in (1, 2, 3, 4)]
    while len(settled.turns) < 2:
        await asyncio.to_thread(settled.began.wait, 10)

    settled.go.set()
    await asyncio.gather(*tasks)

    assert sorted(number for turn in settled.turns for number in turn) == [1, 2, 3, 4]
    assert len(settled.turns) <= 3


async def test_one_that_fails_harms_no_other() -> None:
    settled = Settled(held=True)
    tasks = await behind(settled, lanes_of(settled), 1, -2, 3)

    settled.go.set()
    ended: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)

    assert [ended[0], type(ended[1]), ended[2]] == [2, ValueError, 6]


async def test_whoever_gave_up_leaves_the_others_answered() -> None:
    settled = Settled(held=True)
    first, given_up, last = await behind(settled, lanes_of(settled), 1, 2, 3)

    given_up.cancel()
    settled.go.set()

    assert [await first, await last] == [2, 6]


async def test_a_turn_that_fails_whole_is_told_to_all_and_the_next_begins() -> None:
    failing = True

    def settle(waiting: Sequence[Waiting[int, int]]) -> int:
        if failing:
            raise RuntimeError("the store is gone")
        for one in waiting:
            one.answer = one.asked
        return len(waiting)

    lanes = lanes_of(settle)
    with pytest.raises(RuntimeError, match="is gone"):
        await lanes.answer(1)
    failing = False

    assert await lanes.answer(2) == 2


async def test_what_waits_behind_a_slow_turn_is_answered_by_another_lane() -> None:
    began, go = Event(), Event()

    def settle(waiting: Sequence[Waiting[int, int]]) -> int:
        for one in waiting:
            if one.asked == 1:
                began.set()
                go.wait(10)
            one.answer = one.asked
        return len(waiting)

    lanes = lanes_of(settle, slow=0.01)
    slow = asyncio.create_task(lanes.answer(1))
    await asyncio.to_thread(began.wait, 10)

    quick = await lanes.answer(2)
    was_done = slow.done()
    go.set()

    assert (quick, was_done, await slow) == (2, False, 1)
