"""Checks the mail domains of sites, each about once a day, and when somebody asks.

A check asks DNS and the domain's mail servers, in bounded time and with a bounded number of
questions; the decisions are those of `domain/mail`. What could not be asked is unknown, and asked
again sooner.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Final, TypeVar

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.addresses import Network, may_call
from vigie_server.domain.mail.dkim import dkim
from vigie_server.domain.mail.dmarc import dmarc
from vigie_server.domain.mail.dns import Answer, Known, Outcome, Question, settled
from vigie_server.domain.mail.exchangers import Meeting, Met, Server, servers, starttls
from vigie_server.domain.mail.findings import DKIM, DMARC, RULES, SPF, STARTTLS, Finding, said
from vigie_server.domain.mail.spf import spf
from vigie_server.domain.verdicts import Status
from vigie_server.ports.mail import Due, Lookups, MailServers, MailStanding, MailStore
from vigie_server.services.workers import Workers

log = structlog.get_logger()

MOST_QUESTIONS: Final = 120
"""DNS questions of one check: more than an honest domain can need."""
SPREAD: Final = 0.1
"""Share of the interval by which domains are checked sooner or later than others."""

Decided = TypeVar("Decided")


@dataclass(frozen=True, slots=True)
class CheckDomain:
    """Checks one domain. Never raises on what it meets."""

    lookups: Lookups
    mail_servers: MailServers
    allowed: Sequence[Network]
    within: float

    async def __call__(self, domain: str, selectors: Sequence[str]) -> Mapping[str, Finding]:
        """A finding for every rule."""
        findings: dict[str, Finding] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(self.within):
                await self._check(domain, selectors, findings)
        out_of_time = Finding(Status.UNKNOWN, said(reasons.OUT_OF_TIME, domain=domain))
        return {rule: findings.get(rule, out_of_time) for rule in RULES}

    async def _check(
        self, domain: str, selectors: Sequence[str], findings: dict[str, Finding]
    ) -> None:
        asked: dict[Question, Answer] = {}
        findings[SPF] = await self._settle(partial(spf, domain), asked)
        findings[DKIM] = await self._settle(partial(dkim, domain, selectors), asked)
        findings[DMARC] = await self._settle(partial(dmarc, domain), asked)
        to_meet = await self._settle(partial(servers, domain), asked)
        if isinstance(to_meet, Finding):
            findings[STARTTLS] = to_meet
            return
        async with asyncio.TaskGroup() as meeting:
            met = [(server, meeting.create_task(self._meet(server))) for server in to_meet]
        findings[STARTTLS] = starttls([(server, task.result()) for server, task in met])

    async def _settle(
        self, decide: Callable[[Known], Decided], asked: dict[Question, Answer]
    ) -> Decided:
        while isinstance(found := settled(decide, Known(asked)), Question):
            if len(asked) < MOST_QUESTIONS:
                asked[found] = await self.lookups.answer(found)
            else:
                asked[found] = Answer(Outcome.FAILED)
        return found

    async def _meet(self, server: Server) -> Sequence[Meeting]:
        meetings = []
        for address in server.addresses:
            if may_call(address, self.allowed):
                meetings.append(await self.mail_servers.meet(server.host, address))
            else:
                meetings.append(Meeting(address, Met.PRIVATE))
        return meetings


@dataclass(frozen=True, slots=True)
class MailTerms:
    """How often, how many at once. A domain that could not be checked comes again in `retry`."""

    every: timedelta
    retry: timedelta
    look_every: float
    at_once: int


@dataclass(frozen=True, slots=True)
class CheckMail:
    """One part of the server: `run` it.

    `show` is told of all standing verdicts whenever one may be another; None: another part shows.
    """

    store: MailStore
    workers: Workers
    check: CheckDomain
    now: Callable[[], datetime]
    terms: MailTerms
    show: Callable[[Sequence[MailStanding]], None] | None
    _shown: dict[str, object] = field(default_factory=dict, init=False)
    """The mark of what was shown last."""

    async def run(self, stop: asyncio.Event) -> None:
        """Checks what is due until stopped; checks under way then are left, and due again."""
        while not stop.is_set():
            async with asyncio.TaskGroup() as tasks:
                checking = tasks.create_task(self.once())
                stopping = tasks.create_task(stop.wait())
                await asyncio.wait((checking, stopping), return_when=asyncio.FIRST_COMPLETED)
                checking.cancel()
                stopping.cancel()
            if not checking.cancelled() and checking.result() < self.terms.at_once:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.terms.look_every)

    async def once(self) -> int:
        """One round; gives how many domains were checked."""
        take = partial(
            self.store.take_due,
            self.now(),
            limit=self.terms.at_once,
            hold=timedelta(seconds=self.check.within * 2),
        )
        try:
            due = await self.workers.write(take)
            async with asyncio.TaskGroup() as checks:
                for item in due:
                    checks.create_task(self._one_of_round(item))
            if self.show is not None:
                await self._show(self.show)
        except StoreBusy as error:
            log.warning("mail_checks_postponed", error=str(error))
            return 0
        return len(due)

    async def _show(self, show: Callable[[Sequence[MailStanding]], None]) -> None:
        mark = await self.workers.read(self.store.mark)  # before: what comes between shows again
        if self._shown.get("mark") != mark:
            show(await self.workers.read(self.store.standings))
            self._shown["mark"] = mark

    async def _one_of_round(self, due: Due) -> None:
        try:
            await self.one(due)
        except StoreBusy as error:  # it is due again once it is no longer held
            log.warning("mail_check_lost", domain=due.domain, error=str(error))

    async def one(self, due: Due) -> Mapping[str, Finding]:
        """Checks a domain and keeps what was found. Raises StoreBusy."""
        findings = await self.check(due.domain, due.selectors)
        now = self.now()
        next_check_at = self._next(due, now, findings)
        await self.workers.write(
            partial(self.store.write, due.keys, findings, now=now, next_check_at=next_check_at)
        )
        statuses = {rule: finding.status.value for rule, finding in findings.items()}
        log.info("mail_domain_checked", domain=due.domain, **statuses)
        return findings

    def _next(self, due: Due, now: datetime, findings: Mapping[str, Finding]) -> datetime:
        unknown = {rule for rule, found in findings.items() if found.status is Status.UNKNOWN}
        if not due.selectors:
            unknown.discard(DKIM)  # it stays so until somebody gives one
        if unknown:
            return now + min(self.terms.retry, self.terms.every)
        # By the domain's name: the same each day, and domains that were added together part.
        share = int.from_bytes(blake2b(due.domain.encode(), digest_size=4).digest()) / 0xFFFFFFFF
        return now + self.terms.every * (1 - SPREAD + 2 * SPREAD * share)
