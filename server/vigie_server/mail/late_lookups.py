"""DNS lookups that are made when the first question is asked: most servers check no mail domain.

What asks DNS takes a twentieth of a server's start to load, and stays in memory for good.
"""

import asyncio
from collections.abc import Callable

from vigie_server.domain.mail.dns import Answer, Question
from vigie_server.ports.mail import Lookups


class LateLookups:
    """The `Lookups` that `make` gives. It is called in a thread: sessions of devices go on."""

    def __init__(self, make: Callable[[], Lookups]) -> None:
        self._make = make
        self._made: Lookups | None = None

    async def answer(self, question: Question) -> Answer:
        if self._made is None:
            self._made = await asyncio.to_thread(self._make)
        return await self._made.answer(question)
