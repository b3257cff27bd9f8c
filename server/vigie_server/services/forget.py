"""Erases what is past its time, bite by bite, beside everything else."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from vigie_server.domain.errors import StoreBusy, StoreRefused
from vigie_server.ports.forgetting import ForgettingStore
from vigie_server.services.workers import Workers

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept; `topics` by topic, `evidence` for those that are not declared."""

    topics: Mapping[str, timedelta]
    evidence: timedelta
    transitions: timedelta
    audit: timedelta


@dataclass(frozen=True, slots=True)
class Forget:
    """One part of the server: `run` it beside the sessions."""

    store: ForgettingStore
    workers: Workers
    retention: Retention
    now: Callable[[], datetime]
    every: float
    bite: int

    async def run(self, stop: asyncio.Event) -> None:
        """Erases until stopped."""
        while not stop.is_set():
            try:
                found = await self.once()
            except StoreBusy as error:
                log.warning("forgetting_postponed", error=str(error))
                found = 0
            if found < self.bite:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.every)

    async def once(self) -> int:
        """One bite; gives how many answers it found, or how much history it erased."""
        now, kept = self.now(), self.retention
        past = await self.workers.read(
            partial(self.store.past_answers, kept.topics, kept.evidence, now=now, bite=self.bite)
        )
        erased = 0
        if past:
            erased = await self.workers.write(partial(self.store.erase_answers, past))
        history = await self.workers.write(
            partial(
                self.store.history,
                transitions=now - kept.transitions,
                audit=now - kept.audit,
                rejected=now - kept.evidence,
                bite=self.bite,
            )
        )
        if erased or history:
            log.info("past_its_time_erased", answers=erased, history=history)
        await self._turn_months(now)
        return max(sum(len(some.places) for some in past), history)

    async def _turn_months(self, now: datetime) -> None:
        kept = self.retention
        turned = partial(
            self.store.months,
            now=now,
            transitions=now - kept.transitions,
            audit=now - kept.audit,
        )
        try:
            months = await self.workers.write(turned)
        except StoreRefused as error:  # history without a month is kept all the same
            log.error("months_of_history_refused", error=str(error))
            return
        if months:
            log.info("months_of_history_changed", partitions=list(months))
