"""The floor: sessions that only acknowledge.

The same port, TLS, parsing, translation and stream handling as the real server; no digest, no
store, no judge. What the real server adds is the difference.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from vigie_server.domain.orders import Ack, Intervals, Order, Welcome
from vigie_server.domain.reports import Heartbeat, Hello, Limits, Report
from vigie_server.ports.sessions import Peer


class BareSession:
    """Acknowledges what it is sent, as late and as seldom as a group commit would let it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._acked = 0
        self._told = 0
        self._finished = False
        self._wake = asyncio.Event()

    @property
    def welcome(self) -> Welcome:
        return Welcome(
            store_epoch=b"floor",
            resume_after=0,
            limits=self._limits,
            intervals=Intervals(timedelta(minutes=1), stay=True, visit=timedelta(minutes=15)),
            server_time=datetime.now(UTC),
        )

    async def take(self, report: Report) -> None:
        self._acked = report.seq
        self._wake.set()

    def beat(self, heartbeat: Heartbeat) -> None:
        """Nothing is noted."""

    async def orders(self) -> AsyncIterator[Order]:
        while not (self._finished and self._told == self._acked):
            if self._told != self._acked:
                self._told = self._acked
                yield Ack(self._told)
                continue
            self._wake.clear()
            await self._wake.wait()

    def finish(self) -> None:
        self._finished = True
        self._wake.set()

    def close(self) -> None:
        """Nothing is held."""


class BareSessions:
    """Opens a session for whoever has a certificate."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def open(self, peer: Peer, hello: Hello) -> BareSession:  # noqa: ARG002 (the port's shape)
        return BareSession(self._limits)
