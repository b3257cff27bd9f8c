"""An agent's delivering half, wired as in production but for clock, waits and engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from collecting import Hands
from fakes.kept_orders import Answers, KeptOrders
from fakes.scripted_server import FakeServer
from vigie_agent.domain.identity import Identity
from vigie_agent.domain.session import About
from vigie_agent.domain.snapshot import Report
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.link import wire
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.link.grpc_session import GrpcLink
from vigie_agent.services.deliver import Deliver
from vigie_agent.services.renew import Renew
from vigie_agent.spool.sqlite import SqliteSpool


@dataclass
class Waits:
    """Waits that pass at once, and move the hands of the clock instead."""

    hands: Hands
    spans: list[timedelta] = field(default_factory=list)
    _condition: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, span: timedelta, event: asyncio.Event) -> None:
        self.spans.append(span)
        if not event.is_set():
            self.hands.advance(span)
        async with self._condition:
            self._condition.notify_all()

    async def next(self) -> None:
        """Returns once the agent has waited again."""
        before = len(self.spans)
        async with self._condition:
            await self._condition.wait_for(lambda: len(self.spans) > before)


class Agent:
    """Enrolled with `server`, its data under `folder`. `jitter` is always one half."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.folder = folder
        self.hands = Hands()
        self.waits = Waits(self.hands)
        self.orders = KeptOrders()
        self.answers = Answers()
        self.told: dict[str, object] = {}
        self.keys = IdentityFiles(folder / "identity", FileModes())
        self.spool = SqliteSpool(folder / "spool.db", max_bytes=16 * 1024 * 1024)
        self.boot_id = "boot-1"
        if self.keys.load() is None:
            key = self.keys.new_key()
            issued = server.issue(self.keys.signing_request(key))
            self.keys.save(wire.issued(issued), key)
        link = GrpcLink()
        self.deliver = Deliver(
            keys=self.keys,
            spool=self.spool,
            link=link,
            renew=Renew(self.keys, link, GrpcEnrolment()),
            orders=self.orders,
            answer=self.answers,
            about=lambda: About("0.1.0", "embedded", "3.50", "linux", self.boot_id),
            now=self.hands.now,
            tell=lambda **facts: self.told.update(facts),
            wait=self.waits,
            jitter=lambda: 0.5,
        )

    @property
    def identity(self) -> Identity:
        identity = self.keys.load()
        assert identity is not None
        return identity

    def collect(self, report: Report) -> int:
        """What the rounds do after a collection."""
        seq = self.spool.append(report)
        self.deliver.wake()
        return seq

    def reach(self, *endpoints: str) -> None:
        """From now on the server is to be found at these endpoints."""
        issued = replace(self.identity.issued, telemetry_endpoints=endpoints)
        self.keys.save(issued, self.identity.key)

    async def ended(self) -> None:
        """Waits for `run` to end by itself; a failure of it cancels this."""
        await asyncio.Event().wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Delivers until left. What `run` raises comes out in a group."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.deliver.run(stop), name="deliver")
            yield
            stop.set()
        self.spool.close()
