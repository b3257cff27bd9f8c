"""Delivers what the spool holds: session after session, until stopped.

Whatever breaks, the data waits in the spool and the next session goes on from what the server says
it has committed. Waits are spread at random, so that a fleet that lost its server comes back over
minutes, not in one second.
"""

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from vigie_agent.domain.backoff import Backoff, as_asked, between_visits
from vigie_agent.domain.errors import (
    DeviceDisabled,
    DeviceRefused,
    IdentityMissing,
    IdentityUnusable,
    LinkLost,
    SpoolUnusable,
    VigieError,
)
from vigie_agent.domain.identity import Identity
from vigie_agent.domain.moments import Moment
from vigie_agent.domain.renewal import RETRY_RENEWAL, is_due, is_expired
from vigie_agent.domain.session import About, Disable, Goodbye, Hello, Welcome
from vigie_agent.ports import Answering, KeyStore, Link, Orders, Spool
from vigie_agent.services.renew import Renew
from vigie_agent.services.visit import Again, Ending, Visit, Visited
from vigie_agent.services.waiting import Wait, first_of, wait

log = structlog.get_logger()

REFUSED_BACKOFF: Final = Backoff(first=timedelta(minutes=1), longest=timedelta(hours=1))
"""For a server that answers and says no: a person has to settle it."""

DOUBT_THE_CLOCK_AFTER: Final = 5
"""Failures in a row after which the certificate may be expired, whatever this clock says."""

DOUBT_AGAIN_AFTER: Final = timedelta(days=1)


class Telling(Protocol):
    """Takes facts for `vigie-agent status`."""

    def __call__(self, **facts: object) -> None: ...


def _untold(**facts: object) -> None:
    """Nobody asks."""


@dataclass(slots=True)
class Deliver:
    """Owns link and spool: `run` it, and call `wake` after each report that became durable."""

    keys: KeyStore
    spool: Spool
    link: Link
    renew: Renew
    orders: Orders
    answer: Answering
    about: Callable[[], About]
    now: Callable[[], Moment]
    tell: Telling = _untold
    backoff: Backoff = field(default_factory=Backoff)
    wait: Wait = wait
    jitter: Callable[[], float] = random.random
    not_kept: Collection[str] = ()
    met_server: bool = False
    """Whether the server has answered this agent since it started, were it to send it away."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0
    _sent_away: int = 0
    """How often a server said goodbye instead of greeting: the next one may have room."""
    _skew: timedelta = timedelta()
    _renew_from: timedelta = timedelta()
    _told: Backoff | None = None

    def wake(self) -> None:
        """Says that there is something to send."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until `stop` is set.

        Raises DeviceDisabled once everything is erased, IdentityMissing, IdentityUnusable.
        """
        while not stop.is_set():
            pause = await first_of(self._pause_after_a_visit(), self._stopped(stop))
            self.tell(connected=False)
            await self.wait(pause, stop)

    @staticmethod
    async def _stopped(stop: asyncio.Event) -> timedelta:
        await stop.wait()
        return timedelta()

    async def _pause_after_a_visit(self) -> timedelta:
        """Goes to the server once; how long to stay away then."""
        try:
            ending = await self._visit()
        except (LinkLost, DeviceRefused, SpoolUnusable) as error:
            return self._pause_after(error)
        except DeviceDisabled as error:
            log.error("device_disabled", reason=str(error))
            try:
                self.spool.erase()
            finally:
                self.keys.erase()
            raise
        self._failures = 0
        match ending:
            case Goodbye(retry_after=retry_after, reason=reason):
                log.info("session_ended", by="server", reason=reason)
                return as_asked(retry_after, jitter=self.jitter())
            case Visited(visit=visit):
                log.info("session_ended", by="agent", reason="all is delivered")
                return between_visits(visit, jitter=self.jitter())
            case Again(why=why):
                log.info("session_ended", by="agent", reason=why)
                return self.backoff.wait(1, jitter=self.jitter())

    def _pause_after(self, error: VigieError) -> timedelta:
        self._failures += 1
        backoff = (
            REFUSED_BACKOFF if isinstance(error, DeviceRefused) else self._told or self.backoff
        )
        asked = error.retry_after if isinstance(error, LinkLost) else None
        if asked is not None:
            pause = as_asked(asked, jitter=self.jitter())
        else:
            pause = backoff.wait(self._failures, jitter=self.jitter())
        self.tell(link_error=str(error))
        log.warning(
            "session_failed",
            error=str(error),
            failures=self._failures,
            retry_in_seconds=round(pause.total_seconds(), 1),
        )
        return pause

    async def _visit(self) -> Ending:
        identity = await self._identity()
        endpoints = identity.issued.telemetry_endpoints
        endpoint = endpoints[(self._failures + self._sent_away) % len(endpoints)]
        about = self.about()
        spool_id = self.spool.spool_id
        async with self.link.open(identity, endpoint) as line:
            answer = await line.greet(self._hello(about))
            self.met_server = True
            if isinstance(answer, Goodbye):
                self._sent_away += 1
                return answer
            if isinstance(answer, Disable):
                raise DeviceDisabled(answer.reason)
            self._welcomed(answer, endpoint)
            visit = Visit(
                line=line,
                welcome=answer,
                spool=self.spool,
                spool_id=spool_id,
                orders=self.orders,
                answer=self.answer,
                renew=_Renewing(self, identity, endpoint),
                now=self.now,
                boot_id=about.boot_id,
                wake=self._wake,
                progressed=self._progressed,
                not_kept=self.not_kept,
            )
            return await visit.run()

    def _hello(self, about: About) -> Hello:
        return Hello(
            about=about,
            spool_id=self.spool.spool_id,
            highest_seq=self.spool.highest_seq,
            config_digest=self.orders.config_digest,
            store_epoch=self.spool.store_epoch,
            dropped=self.spool.dropped,
            sent_at=self.now().wall,
        )

    def _welcomed(self, welcome: Welcome, endpoint: str) -> None:
        now = self.now()
        if welcome.server_time is not None:
            self._skew = now.wall - welcome.server_time
        self._told = self.backoff.told(welcome.intervals)
        self.tell(
            connected=True,
            server=endpoint,
            welcomed_at=now.wall,
            clock_skew_seconds=round(self._skew.total_seconds(), 3),
            link_error="",
        )
        log.info("session_opened", server=endpoint, pending=self.spool.pending())

    def _progressed(self) -> None:
        """Forgets failures: a server that greets and then breaks would be tried without end."""
        self._failures = 0

    # --- Certificates -----------------------------------------------------------------------------

    async def _identity(self) -> Identity:
        """The identity to speak with, renewed first if it has expired, or may have.

        With a clock far off the certificate can have expired without our knowing it, or only seem
        to: a renewal is tried at most once a day for that reason, and the session is tried anyway.
        A renewal that cannot be kept (full disk) leaves the old certificate in force.
        """
        identity = self.keys.load()
        if identity is None:
            raise IdentityMissing("this device is not enrolled: run `vigie-agent enroll`")
        now = self.now()
        doubtful = self._failures >= DOUBT_THE_CLOCK_AFTER
        if now.boot < self._renew_from or not (
            doubtful or is_expired(identity, now.wall - self._skew)
        ):
            return identity
        try:
            renewed = await self.renew.expired(identity)
        except LinkLost as error:
            log.warning("renewal_failed", error=str(error))
            return identity
        except (DeviceRefused, IdentityUnusable) as error:
            log.error("renewal_failed", error=str(error))
            self._renew_from = now.boot + RETRY_RENEWAL
            return identity
        self._renew_from = now.boot + DOUBT_AGAIN_AFTER
        return renewed

    async def renew_in_session(
        self, identity: Identity, endpoint: str, server_now: datetime | None, *, ordered: bool
    ) -> bool:
        """Renews if it is due by the server's clock, or ordered; whether it succeeded."""
        now = self.now()
        if not ordered:
            due = is_due(identity, server_now or now.wall - self._skew)
            if not due or now.boot < self._renew_from:
                return False
        self._renew_from = now.boot + RETRY_RENEWAL
        try:
            await self.renew(identity, endpoint)
        except (LinkLost, DeviceRefused, IdentityUnusable) as error:
            log.warning("renewal_failed", error=str(error))
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Renewing:
    """Renewal as one session sees it."""

    deliver: Deliver
    identity: Identity
    endpoint: str

    async def __call__(self, server_now: datetime | None, *, ordered: bool) -> bool:
        return await self.deliver.renew_in_session(
            self.identity, self.endpoint, server_now, ordered=ordered
        )
