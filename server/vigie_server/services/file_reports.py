"""Files the report of every site when a month is over, and takes away those past their time.

What is filed already is known by the folder: a server that stopped goes on where it was, and one
that takes the lead over files what its folder lacks.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from vigie_server.domain.attesting import months_after
from vigie_server.domain.errors import NotFound, VigieError
from vigie_server.domain.facility_report.content import Making, Period
from vigie_server.domain.facility_report.trends import month_before
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.reporting import Format, Reports, Shelf, Wanted
from vigie_server.services.workers import Workers

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FileReports:
    """Scheduled work of the server that leads. Looks every `every` seconds."""

    reports: Reports
    sites: SiteStore
    shelf: Shelf
    workers: Workers
    now: Callable[[], datetime]
    forms: Sequence[Format]
    languages: Sequence[str]
    keep_months: int
    every: float
    version: str

    async def run(self, stop: asyncio.Event) -> None:
        """Files what is due, until stopped. A report that fails is tried again at the next look."""
        while not stop.is_set():
            try:
                await self.once(stop)
            except (VigieError, OSError) as error:
                log.warning("reports_postponed", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def once(self, stop: asyncio.Event) -> int:
        """Files what the folder lacks of the month before this one; gives how many files."""
        now = self.now()
        period = month_before(now)
        month = f"{period.since:%Y-%m}"
        filed = 0
        for site in await self.workers.read(partial(self.sites.sites, None)):
            for form in self.forms:
                for language in self.languages:
                    if stop.is_set():
                        return filed
                    step = partial(self._file, month, site.name, form, language, period)
                    filed += await self.workers.read(step)
        oldest = months_after(period.since, 1 - self.keep_months)
        gone = await self.workers.read(partial(self.shelf.clear_before, f"{oldest:%Y-%m}"))
        if filed or gone:
            log.info("reports_filed", month=month, files=filed, taken_away=gone)
        return filed

    def _file(self, month: str, site: str, form: Format, language: str, period: Period) -> bool:
        if self.shelf.holds(month, site, form, language):
            return False
        making = Making(self.now(), "", self.version)
        try:
            content = self.reports.of_site(site, Wanted(form, language, period, making))
        except NotFound:  # it was removed meanwhile
            return False
        except VigieError as error:
            log.warning("report_not_filed", site=site, error=str(error))
            return False
        self.shelf.put(month, site, form, language, content)
        return True
