"""Files reports when a month is over, and takes away those past their time.

What is filed already is known by the folder: a server that stopped goes on where it was, and one
that takes the lead over files what its folder lacks.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from vigie_server.domain.attesting import months_after
from vigie_server.domain.errors import NotFound, VigieError
from vigie_server.domain.facility_report.content import Kind, Making, Period
from vigie_server.domain.facility_report.trends import month_before
from vigie_server.domain.sites import Site
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.reporting import Filed, Format, Reports, Shelf, Wanted
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
        period = month_before(self.now())
        month = f"{period.since:%Y-%m}"
        filed = 0
        for kind, name in subjects(await self.workers.read(partial(self.sites.sites, None))):
            for form in self.forms:
                for language in self.languages:
                    if stop.is_set():
                        return filed
                    what = Filed(kind, name, form, language)
                    filed += await self.workers.read(partial(self._file, month, what, period))
        oldest = months_after(period.since, 1 - self.keep_months)
        gone = await self.workers.read(partial(self.shelf.clear_before, f"{oldest:%Y-%m}"))
        if filed or gone:
            log.info("reports_filed", month=month, files=filed, taken_away=gone)
        return filed

    def _file(self, month: str, what: Filed, period: Period) -> bool:
        if self.shelf.holds(month, what):
            return False
        making = Making(self.now(), "", self.version)
        try:
            content = self._made(what, Wanted(what.form, what.language, period, making))
        except NotFound:  # it was removed meanwhile
            return False
        except VigieError as error:
            log.warning("report_not_filed", of=what.name, error=str(error))
            return False
        self.shelf.put(month, what, content)
        return True

    def _made(self, what: Filed, wanted: Wanted) -> bytes:
        match what.kind:
            case Kind.SITE:
                return self.reports.of_site(what.name, wanted)
            case Kind.BODY:
                return self.reports.of_body(what.name, None, wanted)
            case Kind.REGION:
                return self.reports.of_region(what.name, None, wanted)


def subjects(sites: Sequence[Site]) -> Sequence[tuple[Kind, str]]:
    """Every site, and the bodies and regions that have several."""
    bodies = Counter(site.body for site in sites if site.body)
    regions = Counter(site.region for site in sites if site.region)
    return [
        *((Kind.SITE, site.name) for site in sites),
        *((Kind.BODY, name) for name, count in sorted(bodies.items()) if count > 1),
        *((Kind.REGION, code) for code, count in sorted(regions.items()) if count > 1),
    ]
