"""Tells people what happened: notices what stands, fills the outbox, hands over what is in it.

Runs where the scheduled work runs, so in one server of however many. What an attempt came to is
noted whether or not this server leads by then.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import NotFound, StoreBusy, StoreRefused
from vigie_server.domain.facility_report.content import SiteReport
from vigie_server.domain.notices.content import content_of
from vigie_server.domain.notices.digest import digest_of, last_due
from vigie_server.domain.notices.occurrences import Occurrence, decide
from vigie_server.domain.notices.recipients import Channel
from vigie_server.domain.notices.retrying import pause
from vigie_server.ports.figures import Figures
from vigie_server.ports.notifying import (
    Carrier,
    DeliveryState,
    NoticeKind,
    Outbox,
    Outcome,
    Sending,
    Sent,
)
from vigie_server.services.workers import Workers

log = structlog.get_logger()

FINISH_WITHIN: Final = 5.0
"""Seconds for messages under way when the server stops; those that are cut off are tried again."""


@dataclass(frozen=True, slots=True)
class NotifyTerms:
    """How often what stands is looked at, how long it is gathered, how messages are tried."""

    every: float
    gather: timedelta
    retry_for: timedelta
    hold: timedelta
    at_once: int
    keep: timedelta
    bite: int
    digest_day: int
    digest_hour: int


@dataclass(frozen=True, slots=True)
class Notify:
    """One part of the server: `run` it. A channel without a carrier is not set up.

    `report` gives a site's report from a moment to another.
    """

    outbox: Outbox
    workers: Workers
    carriers: Mapping[Channel, Carrier]
    titles: Mapping[str, Texts]
    report: Callable[[str, datetime, datetime], SiteReport]
    figures: Figures
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    terms: NotifyTerms

    async def run(self, stop: asyncio.Event) -> None:
        """Goes round until stopped; messages under way then are handed over first."""
        while not stop.is_set():
            async with asyncio.TaskGroup() as tasks:
                going = tasks.create_task(self.once())
                stopping = tasks.create_task(stop.wait())
                await asyncio.wait((going, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not going.done():
                    await asyncio.wait((going,), timeout=FINISH_WITHIN)
                going.cancel()
                stopping.cancel()
            if not going.cancelled() and going.result() < self.terms.at_once:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.terms.every)

    async def once(self) -> int:
        """One round; gives how many messages were tried."""
        try:
            await self.look()
            return await self.hand_over()
        except (StoreBusy, StoreRefused) as error:  # refused: its site was removed meanwhile
            log.warning("notices_postponed", error=str(error))
            return 0

    async def look(self) -> None:
        """Notices what stands, and puts what is due into the outbox. Raises StoreBusy."""
        now = self.now()
        standing = await self.workers.read(partial(self.outbox.untold, now=now))
        for site, untold in standing.items():
            await self._decide(site, untold, now)
        await self._digests(now)
        forget = partial(self.outbox.forget, now - self.terms.keep, bite=self.terms.bite)
        await self.workers.write(forget)

    async def _decide(self, site: int, untold: Sequence[Occurrence], now: datetime) -> None:
        decided = decide(untold, now=now, gather=self.terms.gather)
        if decided.tell:
            content = content_of(decided.tell, self.titles)
            await self.workers.write(
                partial(self.outbox.tell, site, decided.tell, content, now=now)
            )
        elif decided.notice:
            await self.workers.write(partial(self.outbox.note, site, decided.notice, now=now))

    async def _digests(self, now: datetime) -> None:
        due = last_due(now, weekday=self.terms.digest_day, hour=self.terms.digest_hour)
        for site in await self.workers.write(partial(self.outbox.digests_due, due, now=now)):
            try:
                report = await self.workers.read(partial(self.report, site.site, site.since, now))
            except NotFound:  # removed meanwhile
                continue
            content = digest_of(report)
            await self.workers.write(
                partial(self.outbox.put_digest, site, content, due=due, now=now)
            )

    async def hand_over(self) -> int:
        """Tries what is due; gives how many messages. Raises StoreBusy."""
        take = partial(
            self.outbox.take, now=self.now(), limit=self.terms.at_once, hold=self.terms.hold
        )
        due = await self.workers.write(take)
        async with asyncio.TaskGroup() as tries:
            for sending in due:
                tries.create_task(self._try(sending))
        return len(due)

    async def _try(self, sending: Sending) -> None:
        outcome = await self._carried(sending)
        now = self.now()
        state, next_try_at = self._next(sending, outcome, now)
        settle = partial(
            self.outbox.settle, sending, state, outcome.error, now=now, next_try_at=next_try_at
        )
        told = "failed" if state is DeliveryState.WAITING else state.value
        self.figures.notified(sending.kind.value, told)
        log.info(
            "notice_tried",
            notice=sending.id,
            kind=sending.kind.value,
            channel=sending.recipient.channel.value,
            outcome=told,
            attempt=sending.attempt,
            error=outcome.error,
        )
        try:
            await self.workers.write(settle)
        except StoreBusy as error:  # it is tried again once it is no longer held
            log.warning("notice_not_noted", notice=sending.id, error=str(error))

    async def _carried(self, sending: Sending) -> Outcome:
        carrier = self.carriers.get(sending.recipient.channel)
        if carrier is None:
            return Outcome(Sent.FAILED, "no relay is set: NOTIFY__SMTP_HOST")
        return await carrier(sending)

    def _next(
        self, sending: Sending, outcome: Outcome, now: datetime
    ) -> tuple[DeliveryState, datetime | None]:
        if outcome.sent is Sent.SENT:
            return DeliveryState.SENT, None
        again = now + pause(sending.attempt, jitter=self.jitter())
        last = sending.kind is NoticeKind.TEST or outcome.sent is Sent.REFUSED
        if last or again > sending.at + self.terms.retry_for:
            return DeliveryState.GIVEN_UP, None
        return DeliveryState.WAITING, again
