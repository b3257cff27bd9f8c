"""Where blocking calls to the store run: one thread that writes, a few that read.

One writer in the process means that nothing of ours ever waits for a lock of ours.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """Runs blocking calls off the event loop."""

    def __init__(self, *, readers: int = 4) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-read")

    async def write(self, call: Callable[[], T]) -> T:
        """Runs after every write that was asked for before."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, call)

    async def read(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    def close(self) -> None:
        """Waits for what was begun. Safe to call twice."""
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
