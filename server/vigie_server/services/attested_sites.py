"""Keeps the expiries of attestations shown: read once, then followed by what people do."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.ports.attesting import AttestedSites
from vigie_server.services.workers import Workers

log = structlog.get_logger()


class ExpiryModel(Protocol):
    """Is told what stands at a site, on the event loop."""

    def put(self, site: str, expiries: Mapping[str, datetime]) -> None: ...


@dataclass(slots=True)
class FollowAttestations:
    """One part of the server: acts of any process are noticed."""

    store: AttestedSites
    workers: Workers
    model: ExpiryModel
    every: float
    _acted: dict[str, None] = field(default_factory=dict)
    _all: bool = True
    _shown: set[str] = field(default_factory=set)

    def heed(self, noticed: Noticed) -> None:
        """Takes what was done: sites are among the subjects."""
        self._acted.update(dict.fromkeys(noticed.subjects))
        self._all = self._all or noticed.missed

    async def run(self, stop: asyncio.Event) -> None:
        """Shows every site, then those that change, until stopped."""
        while not stop.is_set():
            try:
                await self._follow()
            except StoreBusy as error:
                log.warning("attestations_postponed", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def _follow(self) -> None:
        acted, self._acted = self._acted, {}
        everything, self._all = self._all, False
        if not (acted or everything):
            return
        try:
            found = await self.workers.read(
                partial(self.store.expiries, None if everything else sorted(acted))
            )
        except StoreBusy:
            self._acted.update(acted)
            self._all = self._all or everything
            raise
        for site, expiries in found.items():
            self.model.put(site, expiries)
        if everything:
            for site in self._shown - found.keys():  # what was taken back may have been missed
                self.model.put(site, {})
            self._shown = set()
        self._shown |= found.keys()
