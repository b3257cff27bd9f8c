"""Looks for updates now and then, and ends this version when another one is current.

The work is done by `vigie-agent update`, in a process of its own: what verifies and unpacks takes
memory that an agent should not hold all day.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.ports import Versions
from vigie_agent.services.waiting import Wait, wait

FIRST_WITHIN: Final = 1 / 6
"""Of the period: a fleet that starts together does not ask together."""
_SPREAD: Final = 0.2


@dataclass(slots=True)
class TakeUpdates:
    """One part of a running agent: `run` it beside the others."""

    every: timedelta
    versions: Versions
    look: Callable[[], Awaitable[None]]
    """Runs `vigie-agent update` to its end. Never raises."""
    jitter: Callable[[], float] = random.random
    wait: Wait = wait
    taken: bool = False
    """Whether another version is current now."""

    async def run(self, stop: asyncio.Event) -> None:
        """Ends, and sets `stop` by that, once another version is current."""
        runs = self.versions.standing().current
        pause = self.every * FIRST_WITHIN * self.jitter()
        while not stop.is_set():
            await self.wait(pause, stop)
            if stop.is_set():
                return
            await self.look()
            if self.versions.standing().current != runs:
                self.taken = True
                return
            pause = self.every * (1 - _SPREAD / 2 + _SPREAD * self.jitter())
