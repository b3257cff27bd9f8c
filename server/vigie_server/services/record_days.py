"""Scheduled work: records what rules came to at the end of each day (UTC)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.rule_days import RuleDayStore
from vigie_server.services.workers import Workers

log = structlog.get_logger()

DAY: Final = timedelta(days=1)
LOOK_EVERY: Final = timedelta(minutes=10)
"""The longest between two looks at the clock: it may be set, and a machine may have slept."""


@dataclass(frozen=True, slots=True)
class RecordDays:
    """`run` it where the scheduled work is done."""

    store: RuleDayStore
    workers: Workers
    now: Callable[[], datetime]
    kept: timedelta

    async def run(self, stop: asyncio.Event) -> None:
        """Records until stopped: at once where the last day is not recorded, then at each midnight.

        A server that was down at midnight records that day when it is back: nothing has changed in
        its store meanwhile.
        """
        while not stop.is_set():
            try:
                await self.once(stop)
            except StoreBusy as error:
                log.warning("days_of_rules_not_recorded", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), until_look(self.now()).total_seconds())

    async def once(self, stop: asyncio.Event | None = None) -> int:
        """Records the day that ended last, unless it is; gives how many counts had changed."""
        ended = self.now().astimezone(UTC).date() - DAY
        waiting = await self.workers.read(partial(self.store.waiting, ended))
        changed = 0
        for sites in waiting:
            if stop is not None and stop.is_set():
                return changed
            record = partial(self.store.record, ended, sites, kept_from=ended - self.kept)
            changed += await self.workers.write(record)
        if waiting:
            await self.workers.write(partial(self.store.recorded, ended))
            log.info("day_of_rules_recorded", day=ended.isoformat(), changed=changed)
        return changed


def until_look(now: datetime) -> timedelta:
    """How long to wait for the next midnight, or for a look at the clock before."""
    today = now.astimezone(UTC).date()
    midnight = datetime.combine(today + DAY, time(), UTC)
    return min(midnight - now, LOOK_EVERY)
