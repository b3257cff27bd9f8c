"""Wires reports: what they are read from, what they are made by, how they are laid out."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.metadata import version

from fastapi import APIRouter

from vigie_server.bundled import bundled_attestations, bundled_incident_contacts, regions_file
from vigie_server.domain.facility_report.assembling import Terms
from vigie_server.domain.regions import load_regions
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.reporting import Format, Reports
from vigie_server.rendering.folder import ReportFolder
from vigie_server.rendering.html import HtmlPages
from vigie_server.rendering.pdf import PdfPages
from vigie_server.services.file_reports import FileReports
from vigie_server.services.make_reports import MakeReports, ReportReaders
from vigie_server.services.workers import Workers
from vigie_server.settings import ServerSettings
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.incidents import Incidents
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.organisation import Organisation
from vigie_server.store.report_reading import ReportRecords
from vigie_server.store.waivers import Waivers
from vigie_server.web.access import Access
from vigie_server.web.reports import reports_router


def reports_of(
    settings: ServerSettings, database: Database, catalogue: Catalogue, guide: SiteGuide
) -> MakeReports:
    """Raises RulesMalformed."""
    given = settings.reports
    return MakeReports(
        readers=ReportReaders(
            sites=Organisation(database),
            maturity=MaturityRecords(database),
            attestations=Attestations(database, catalogue.attestations),
            waivers=Waivers(database),
            incidents=Incidents(database),
            more=ReportRecords(database),
        ),
        terms=Terms(
            rules=catalogue.rules,
            guide=guide,
            attestations=bundled_attestations(),
            share=settings.maturity.share,
            remind_before=settings.declare.remind_before,
            silent_after=given.silent_after,
            named=given.named_devices,
            contacts=bundled_incident_contacts(),
        ),
        regions=load_regions(regions_file()),
        renderers={
            Format.HTML: HtmlPages(),
            Format.PDF: PdfPages(
                within=given.within.total_seconds(), at_once=given.at_once, waiting=given.waiting
            ),
        },
    )


def reports_routes(
    reports: Reports, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of reports."""
    return (partial(reports_router, reports=reports, now=now, version=version("vigie")),)


def filed_monthly(
    settings: ServerSettings,
    reports: Reports,
    sites: SiteStore,
    workers: Workers,
    now: Callable[[], datetime],
) -> FileReports:
    """What files every site's report each month."""
    given = settings.reports
    return FileReports(
        reports=reports,
        sites=sites,
        shelf=ReportFolder(given.folder or settings.data / "reports"),
        workers=workers,
        now=now,
        forms=[Format(one) for one in given.kinds],
        languages=given.tongues,
        keep_months=given.keep_months,
        every=given.look_every.total_seconds(),
        version=version("vigie"),
    )
