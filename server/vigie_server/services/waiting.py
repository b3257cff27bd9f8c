"""Waiting for whichever of several events comes first, and letting others go first meanwhile."""

import asyncio
from time import monotonic
from typing import Final

AT_A_STRETCH: Final = 0.002
"""Seconds after which others have their turn on the event loop."""


class Turn:
    """What one that works on the event loop for long calls between its steps."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = monotonic() + AT_A_STRETCH

    async def is_over(self) -> None:
        """Lets others go first, once it is."""
        if monotonic() >= self._ends:
            await asyncio.sleep(0)
            self._ends = monotonic() + AT_A_STRETCH


async def either(*events: asyncio.Event, within: float | None = None) -> None:
    """Returns when one of the events is set, or after so many seconds."""
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
