"""A pace that many share: so many bytes a second, whoever reads them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """`keep` returns when its bytes may go."""

    per_second: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _free_at: float = 0.0

    async def keep(self, count: int) -> None:
        """Waits for those who came before."""
        now = self.monotonic()
        begins = max(now, self._free_at)
        self._free_at = begins + count / self.per_second
        if begins > now:
            await self.sleep(begins - now)
