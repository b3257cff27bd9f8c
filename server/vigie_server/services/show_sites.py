"""Keeps shown what sites come to, whichever server assessed them: read once, then followed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.verdicts import Status
from vigie_server.ports.mail import MailStanding
from vigie_server.ports.site_model import SiteModel
from vigie_server.services.workers import Workers

log = structlog.get_logger()

Shown = tuple[Mapping[int, int | None], Mapping[str, Status]]
"""A site's levels by question, and the verdicts of its rules."""


class ShownSites(Protocol):
    """What sites came to, as it is stored. Blocking. Raises StoreBusy."""

    def shown(self, sites: Sequence[str] | None) -> Mapping[str, Shown]:
        """By name, of those of the sites that exist; None: of every site."""
        ...

    def standings(self) -> Sequence[MailStanding]:
        """All verdicts on mail domains."""
        ...


@dataclass(slots=True)
class ShowSites:
    """One part of a server that shares its store."""

    store: ShownSites
    workers: Workers
    model: SiteModel
    show_mail: Callable[[Sequence[MailStanding]], None]
    every: float
    _sites: dict[str, None] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _all: bool = True
    _mail: bool = True

    def heed(self, noticed: Noticed) -> None:
        """Takes what was assessed, checked or removed."""
        self._sites.update(dict.fromkeys(noticed.assessed))
        self._sites.update((name, None) for name in noticed.subjects if name in self._names)
        self._all = self._all or noticed.missed
        self._mail = self._mail or noticed.mail or noticed.missed

    async def run(self, stop: asyncio.Event) -> None:
        """Shows every site, then those that change, until stopped."""
        while not stop.is_set():
            try:
                await self._show()
            except StoreBusy as error:
                log.warning("sites_postponed", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def _show(self) -> None:
        if self._all:
            self._all = False
            try:
                found = await self.workers.read(partial(self.store.shown, None))
            except StoreBusy:
                self._all = True
                raise
            self._names = set(found)
            self._put(found)
        elif self._sites:
            sites, self._sites = self._sites, {}
            try:
                found = await self.workers.read(partial(self.store.shown, list(sites)))
            except StoreBusy:
                self._sites.update(sites)
                raise
            self._names = (self._names - sites.keys()) | found.keys()
            self._put(found)
        if self._mail:
            self._mail = False
            try:
                self.show_mail(await self.workers.read(self.store.standings))
            except StoreBusy:
                self._mail = True
                raise

    def _put(self, found: Mapping[str, Shown]) -> None:
        for name, (levels, verdicts) in found.items():
            self.model.put(name, levels, verdicts)
        self.model.keep(frozenset(self._names))
