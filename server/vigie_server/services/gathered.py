"""Blocking calls gathered: those that come while one runs go together in the next.

A transaction costs as much for one as for ten. Alone, a call waits for nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from vigie_server.domain.errors import StoreRefused
from vigie_server.services.workers import Workers

A = TypeVar("A")
B = TypeVar("B")

MOST: int = 500
"""Calls that go together at most."""


class GatheredWrites(Generic[A, B]):
    """One write to the store for all that wait for it, in the order they came."""

    def __init__(self, workers: Workers, write: Callable[[Sequence[A]], Sequence[B]]) -> None:
        self._workers = workers
        self._write = write
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []

    async def __call__(self, given: A) -> B:
        """What the write gives for `given`. Raises what the write raises."""
        mine: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, mine))
        async with self._turn:  # whoever has it writes for all who wait by then
            if not mine.done():
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._write_all(batch)
        return await mine

    async def _write_all(self, batch: Sequence[tuple[A, asyncio.Future[B]]]) -> None:
        try:
            found = await self._workers.write(partial(self._write, [given for given, _ in batch]))
        except asyncio.CancelledError:
            self._waiting[:0] = batch  # the others' next: this caller alone has gone
            raise
        except StoreRefused as error:
            if len(batch) == 1:
                _tell(batch, error)
            else:  # apart, so that what one sent harms no other
                for one in batch:
                    await self._write_all([one])
        except Exception as error:  # noqa: BLE001 (raised again in each caller)
            _tell(batch, error)
        else:
            for (_, waiting), result in zip(batch, found, strict=True):
                if not waiting.done():
                    waiting.set_result(result)


def _tell(batch: Sequence[tuple[A, asyncio.Future[B]]], error: Exception) -> None:
    for _, waiting in batch:
        if not waiting.done():
            waiting.set_exception(error)
