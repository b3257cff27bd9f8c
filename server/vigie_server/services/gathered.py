"""Blocking calls gathered: those that come while one runs, or soon after it, go in the next.

A transaction costs as much for one as for ten, and so does waking the thread that makes it. Alone,
a call waits for nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from typing import Generic, Protocol, TypeVar

from vigie_server.domain.errors import StoreRefused

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

MOST: int = 500
"""Calls that go together at most."""


class Runs(Protocol):
    """Runs a blocking call where such calls run."""

    def __call__(self, call: Callable[[], T], /) -> Awaitable[T]: ...


class Gathered(Generic[A, B]):
    """One call to the store for all that wait for it, in the order they came.

    `apart`: seconds from the beginning of one to that of the next, at the least.
    """

    def __init__(
        self, run: Runs, call: Callable[[Sequence[A]], Sequence[B]], *, apart: float = 0.0
    ) -> None:
        self._run = run
        self._call = call
        self._apart = apart
        self._began = -apart
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []

    async def __call__(self, given: A) -> B:
        """What the call gives for `given`. Raises what the call raises."""
        mine: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, mine))
        async with self._turn:  # whoever has it calls for all who wait by then
            if not mine.done():
                if (left := self._began + self._apart - monotonic()) > 0:
                    await asyncio.sleep(left)
                self._began = monotonic()
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._call_for(batch)
        return await mine

    async def _call_for(self, batch: Sequence[tuple[A, asyncio.Future[B]]]) -> None:
        try:
            found = await self._run(partial(self._call, [given for given, _ in batch]))
        except asyncio.CancelledError:
            self._waiting[:0] = batch  # the others' next: this caller alone has gone
            raise
        except StoreRefused as error:
            if len(batch) == 1:
                _tell(batch, error)
            else:  # apart, so that what one sent harms no other
                for one in batch:
                    await self._call_for([one])
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
