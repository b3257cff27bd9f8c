"""Keeps the expiries of attestations shown: read once, then followed by what people do."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.attesting import AttestedSites
from vigie_server.services.workers import Workers

log = structlog.get_logger()

CHUNK: Final = 500


class ExpiryModel(Protocol):
    """Is told what stands at a site, on the event loop."""

    def put(self, site: str, expiries: Mapping[str, datetime]) -> None: ...


@dataclass(frozen=True, slots=True)
class FollowAttestations:
    """One part of the server: acts of any process are seen, as they all are in the audit."""

    store: AttestedSites
    workers: Workers
    model: ExpiryModel
    every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Shows every site, then those that change, until stopped."""
        act = await self.workers.read(self.store.last_act)
        await self._show(None)
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)
            try:
                act = await self._follow(act)
            except StoreBusy as error:
                log.warning("attestations_postponed", error=str(error))

    async def _follow(self, act: int) -> int:
        while True:
            looked = partial(self.store.attested_since, act, limit=CHUNK)
            last, sites = await self.workers.read(looked)
            if sites:
                await self._show(sorted(set(sites)))
            act = last
            if len(sites) < CHUNK:
                return act

    async def _show(self, sites: list[str] | None) -> None:
        found = await self.workers.read(partial(self.store.expiries, sites))
        for site, expiries in found.items():
            self.model.put(site, expiries)
