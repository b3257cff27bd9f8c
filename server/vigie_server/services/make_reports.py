"""Makes reports of facilities, bodies and regions: reads, assembles, tells, lays out. Blocking."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vigie_server.domain.facility_report.assembling import (
    SiteSources,
    Terms,
    roll_up_report,
    site_report,
)
from vigie_server.domain.facility_report.content import IncidentPart, Kind, Period, SiteReport
from vigie_server.domain.facility_report.sources import (
    AttestedWord,
    GrantedWaiver,
    LevelHeld,
    SiteVerdictHeld,
)
from vigie_server.domain.facility_report.telling import told_in
from vigie_server.domain.facility_report.telling_spread import spread_told_in
from vigie_server.ports.attesting import AttestationStore
from vigie_server.ports.declaring import Sites, SiteStore
from vigie_server.ports.incidents import IncidentLog
from vigie_server.ports.maturity import MaturityReader, RollUp
from vigie_server.ports.reporting import Renderers, ReportReading, Wanted
from vigie_server.ports.waiving import WaiverStore


@dataclass(frozen=True, slots=True)
class ReportReaders:
    """What reports are read from."""

    sites: SiteStore
    maturity: MaturityReader
    attestations: AttestationStore
    waivers: WaiverStore
    incidents: IncidentLog
    more: ReportReading


@dataclass(frozen=True, slots=True)
class MakeReports:
    """The `Reports`. `regions` are their names by code."""

    readers: ReportReaders
    terms: Terms
    regions: Mapping[str, str]
    renderers: Renderers

    def of_site(self, site: str, wanted: Wanted) -> bytes:
        report = self.report(site, wanted)
        return self.renderers[wanted.format](told_in(report, wanted.language))

    def of_body(self, body: str, within: Sites, wanted: Wanted) -> bytes:
        spread = self.readers.maturity.of_body(body, within)
        return self._roll_up(Kind.BODY, body, spread, within, wanted)

    def of_region(self, region: str, within: Sites, wanted: Wanted) -> bytes:
        spread = self.readers.maturity.of_region(region, within)
        return self._roll_up(Kind.REGION, region, spread, within, wanted)

    def report(self, site: str, wanted: Wanted) -> SiteReport:
        """What the report of a site says, before it is told in a language."""
        readers = self.readers
        found = readers.sites.site(site)
        sources = SiteSources(
            site=found,
            region=self.regions.get(found.region, found.region),
            levels=[
                LevelHeld(
                    one.question, one.level, one.reason, one.actions, one.since, one.judged_at
                )
                for one in readers.maturity.levels(site)
            ],
            history=readers.more.history(
                site, since=min(wanted.period.since, wanted.period.year_ago)
            ),
            verdicts=[
                SiteVerdictHeld(one.rule, one.status, one.reason)
                for one in readers.maturity.verdicts(site)
            ],
            devices=readers.more.devices(site),
            attested=[
                AttestedWord(
                    one.item,
                    one.group,
                    one.outcome,
                    one.value,
                    one.author,
                    one.document,
                    one.reason,
                    one.at,
                    one.expires_at,
                )
                for one in readers.attestations.standing(site)
            ],
            waivers=self._waivers(site, since=wanted.period.since),
            incidents=self._incidents(site, wanted.period),
        )
        return site_report(sources, self.terms, period=wanted.period, making=wanted.making)

    def _waivers(self, site: str, *, since: datetime) -> list[GrantedWaiver]:
        """Those that counted at some time of the period, and were not withdrawn.

        Of devices that are retired, which the report knows no more, it knows no waivers either.
        """
        standing = [
            (one, [device for device in one.devices if not device.retired])
            for one in self.readers.waivers.waivers(site)
            if one.ended_at is None and one.expires_at > since
        ]
        return [
            GrantedWaiver(
                rule=one.rule,
                reason=one.reason,
                author=one.author,
                approver=one.approver,
                at=one.at,
                expires_at=one.expires_at,
                devices=tuple(device.hostname or device.device for device in devices),
                reopened=sum(device.reopened_at is not None for device in devices),
            )
            for one, devices in standing
            if devices
        ]

    def _incidents(self, site: str, period: Period) -> IncidentPart:
        entries = self.readers.incidents.entries(site)
        return IncidentPart(
            entries=len(entries),
            in_period=sum(period.since <= one.happened_at < period.until for one in entries),
            last_at=max((one.happened_at for one in entries), default=None),
            intact=self.readers.incidents.check(site).intact,
        )

    def _roll_up(
        self, kind: Kind, name: str, spread: RollUp, within: Sites, wanted: Wanted
    ) -> bytes:
        report = roll_up_report(
            kind,
            self.regions.get(name, name) if kind is Kind.REGION else name,
            sites=spread.sites,
            levels=spread.levels,
            moved=self.readers.more.moved(kind, name, within, since=wanted.period.since),
            period=wanted.period,
            making=wanted.making,
        )
        return self.renderers[wanted.format](spread_told_in(report, wanted.language))
