"""Calls that wait for each other go together, and harm nobody but who sent them."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from vigie_server.domain.errors import StoreRefused
from vigie_server.services.gathered import Gathered
from vigie_server.services.workers import Workers


class SlowStore:
    """Doubles numbers; the first batch waits until it may go on. Refuses 13."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_go_on = threading.Event()
        self.batches: list[list[int]] = []

    def write(self, numbers: Sequence[int]) -> Sequence[int]:
        self.began.set()
        assert self.may_go_on.wait(10)
        if 13 in numbers:
            raise StoreRefused("thirteen")
        self.batches.append(list(numbers))
        return [number * 2 for number in numbers]


async def begun(store: SlowStore) -> None:
    assert await asyncio.to_thread(store.began.wait, 10)


async def test_what_comes_during_one_write_goes_together_in_the_next() -> None:
    store, workers = SlowStore(), Workers()
    write = Gathered(workers.write, store.write)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(write(1))
        await begun(store)
        others = [tasks.create_task(write(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        store.may_go_on.set()
    workers.close()

    assert first.result() == 2
    assert [other.result() for other in others] == [4, 6, 8]
    assert store.batches == [[1], [2, 3, 4]]


async def test_what_the_store_refuses_of_one_harms_no_other() -> None:
    store, workers = SlowStore(), Workers()
    write = Gathered(workers.write, store.write)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(write(1))
        await begun(store)
        good = tasks.create_task(write(2))
        bad = asyncio.ensure_future(write(13))
        last = tasks.create_task(write(4))
        await asyncio.sleep(0)
        store.may_go_on.set()
    with pytest.raises(StoreRefused, match="thirteen"):
        await bad
    workers.close()

    assert [first.result(), good.result(), last.result()] == [2, 4, 8]


async def test_a_caller_that_leaves_takes_no_other_with_it() -> None:
    store, workers = SlowStore(), Workers()
    write = Gathered(workers.write, store.write)

    leaving = asyncio.ensure_future(write(1))
    await begun(store)
    staying = asyncio.ensure_future(write(2))
    await asyncio.sleep(0)
    leaving.cancel()
    store.may_go_on.set()

    assert await staying == 4
    with pytest.raises(asyncio.CancelledError):
        await leaving
    workers.close()


async def test_what_comes_soon_after_a_call_goes_together_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vigie_server.services.gathered.monotonic", lambda: 1000.0)  # soon
    store, workers = SlowStore(), Workers()
    store.may_go_on.set()
    gathered = Gathered(workers.read, store.write, apart=0.05)

    assert await gathered(1) == 2
    others = await asyncio.gather(*map(gathered, (2, 3)))
    workers.close()

    assert others == [4, 6]
    assert store.batches == [[1], [2, 3]]
