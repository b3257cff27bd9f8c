"""Few threads that answer what waits together, so that a crowd costs few changes of thread.

Handing each request to a thread of its own and back wakes two threads a request, which then wait
for one another. Here a request waits in a queue, and a lane, one thread, takes along what is there:
under load no thread sleeps, and one word to the event loop brings back many answers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class Waiting(Generic[Asked, Answer]):
    """What is asked, and whom to tell: `answer` and `error` are set by a lane, one of them."""

    asked: Asked
    future: "asyncio.Future[Answer]"
    answer: Answer | None = None
    error: BaseException | None = field(default=None)


Settle = Callable[[Sequence[Waiting[Asked, Answer]]], int]
"""Sets the answer or the error of those it gets to, from the first on; gives how many."""


class Lanes(Generic[Asked, Answer]):
    """Has what waits settled by `lanes` threads, `together` at a time.

    A lane that is at one turn for longer than `slow` seconds is made up for by another, up to
    `most`: what is quick does not wait for a few that are not.
    """

    def __init__(
        self,
        settle: Settle[Asked, Answer],
        *,
        lanes: int,
        together: int,
        most: int,
        slow: float,
    ) -> None:
        self._settle = settle
        self._lanes = lanes
        self._together = together
        self._most = most
        self._slow = slow
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="lists")
        self._lock = Lock()
        self._pending: deque[Waiting[Asked, Answer]] = deque()
        self._turns: dict[object, float] = {}
        """When each lane that works began its turn."""

    async def answer(self, asked: Asked) -> Answer:
        """The answer, or raises what it ended with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        with self._lock:
            self._pending.append(Waiting(asked, future))
        if not self._start():
            loop.call_later(self._slow, self._start)
        return await future

    def _start(self) -> bool:
        """Sets another lane to work, if something waits that those at work may not get to soon."""
        lane, now = object(), monotonic()
        with self._lock:
            quick = sum(now - began < self._slow for began in self._turns.values())
            starts = bool(self._pending) and quick < self._lanes and len(self._turns) < self._most
            if starts:
                self._turns[lane] = now
        if starts:
            self._threads.submit(self._work, lane)
        return starts

    def _work(self, lane: object) -> None:
        while True:
            with self._lock:
                number = min(self._together, len(self._pending))
                taken = [self._pending.popleft() for _ in range(number)]
                if not taken:
                    del self._turns[lane]
                    return
                self._turns[lane] = monotonic()
            try:
                done = self._settle(taken)
            except BaseException as error:  # noqa: BLE001 (each who waits is told)
                done = len(taken)
                for waiting in taken:
                    waiting.answer, waiting.error = None, error
            with self._lock:
                self._pending.extendleft(reversed(taken[done:]))
            _tell(taken[:done])


def _tell(settled: Sequence[Waiting[Asked, Answer]]) -> None:
    """Brings answers to the loops that wait for them, those of one loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting[Asked, Answer]]] = {}
    for waiting in settled:
        by_loop.setdefault(waiting.future.get_loop(), []).append(waiting)
    for loop, own in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, own)


def _resolve(settled: Sequence[Waiting[Asked, Answer]]) -> None:
    for waiting in settled:
        if waiting.future.done():  # its request was given up
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.answer)  # type: ignore[arg-type]  # set where no error is
