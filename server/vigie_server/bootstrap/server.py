"""Builds the server from its settings: the one place that knows every part."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from vigie_server import clock
from vigie_server.bootstrap.app_secrets import sealed_app_secrets
from vigie_server.bootstrap.application import application
from vigie_server.bootstrap.asking_terms import asking_limits
from vigie_server.bootstrap.device_ports import device_ports
from vigie_server.bootstrap.https import https_files
from vigie_server.bootstrap.marking import StoreMark
from vigie_server.bootstrap.metrics import device_lines, judged_rules
from vigie_server.bootstrap.places import places_for_devices
from vigie_server.bootstrap.scheduled import scheduled
from vigie_server.bootstrap.store import (
    catalogue_in_force,
    open_store,
    own_authority,
)
from vigie_server.bootstrap.updates import updates_of
from vigie_server.bundled import bundled_site_guide
from vigie_server.ca import authority
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.ca.peers import peer_of
from vigie_server.domain.errors import SettingsMalformed, VigieError
from vigie_server.domain.reports import Limits
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import NO_SITE_GUIDE, SiteGuide
from vigie_server.garbage import look_past_what_lives
from vigie_server.ingest.updates import Updates
from vigie_server.metrics.contractor_lines import ContractorLines
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.metrics.guide_lines import rule_lines
from vigie_server.metrics.mail_lines import MailLines
from vigie_server.metrics.own import OwnFigures
from vigie_server.metrics.site_attestations import AttestationLines
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.ask_devices import AskDevices
from vigie_server.services.attested_sites import FollowAttestations
from vigie_server.services.back_up import ShowBackups
from vigie_server.services.device_records import DeviceRecords
from vigie_server.services.follow import Follow
from vigie_server.services.group_commit import GroupCommit
from vigie_server.services.live_session import SessionParts, SessionTerms
from vigie_server.services.rule_book import RuleBook
from vigie_server.services.sessions import OpenSessions
from vigie_server.services.token_desk import Desk
from vigie_server.services.views import Viewing
from vigie_server.services.watch_store import WatchStore
from vigie_server.services.workers import Workers
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.store.attestations import Attestations
from vigie_server.store.catalogues import Catalogues
from vigie_server.store.changes import notices_of
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.last_backup import last_backup
from vigie_server.store.questions import Questions
from vigie_server.store.records import Records
from vigie_server.store.room import MeasureStore
from vigie_server.store.tokens import Tokens
from vigie_server.web.serving import bound, is_loopback, serve_http

log = structlog.get_logger()

GOODBYE_WITHIN: Final = 5.0
"""Seconds that open sessions have to be answered when the server stops."""

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports that a running server listens on."""

    telemetry: int
    enrolment: int
    http: int


def build_server(
    settings: ServerSettings,
    *,
    catalogue: Catalogue | None = None,
    site_guide: SiteGuide | None = None,
    now: Now = clock.utc_now,
) -> "Server":
    """A server ready to run, on data that `initialise` made.

    Sites are judged by the guide that comes with the server, where it brings the catalogue too.

    Raises SettingsMalformed, RulesMalformed, StoreBusy.
    """
    if settings.http.plain and not is_loopback(settings.listen.http):
        raise SettingsMalformed(
            "VIGIE_SERVER_HTTP__PLAIN is for loopback addresses: listen.http is not one"
        )
    if catalogue is None:
        catalogue = catalogue_in_force(settings)
        site_guide = site_guide or bundled_site_guide(catalogue)
    guide = site_guide or NO_SITE_GUIDE
    database = open_store(settings)
    try:
        devices_authority = own_authority(settings, database, authority.DEVICES)
        if not settings.http.plain and settings.http.certificate is None:
            own_authority(settings, database, authority.HTTPS)
        return Server(settings, catalogue, guide, devices_authority, database, now)
    except VigieError:
        database.close()
        raise


class Server:
    """The whole server. `run` it once."""

    def __init__(
        self,
        settings: ServerSettings,
        catalogue: Catalogue,
        site_guide: SiteGuide,
        devices_authority: CertificateAuthority,
        database: Database,
        now: Now,
    ) -> None:
        self.settings: Final = settings
        self.database: Final = database
        self.authority: Final = devices_authority
        self._now = now
        self._enrolment_at: tuple[str, ...] = ()  # known once the ports are
        self._mark = StoreMark(database, settings.data / "store.mark")
        self._workers = Workers()
        self._registry = CollectorRegistry()
        self._figures = OwnFigures(self._registry, version=version("vigie"))
        self._figures.backups_due(settings.backup.every if settings.backup.folder else None)
        rules = {rule.id: rule.digest for rule in catalogue.rules.values()}
        judging = RuleBook(
            catalogue,
            memory_bytes=settings.judge.memory,
            earlier=Catalogues(database).enter(catalogue.digest, rules),
        )
        store = Records(database)
        self._fleet = Fleet(
            database,
            {rule.id: rule.severity for rule in catalogue.rules.values()},
            lambda: now() - settings.retention.audit,
        )
        self._lines = device_lines(settings, catalogue, now=now)
        attestations = Attestations(database, catalogue.attestations)
        self._attested = AttestationLines()
        self._follow_attestations = FollowAttestations(
            store=attestations,
            workers=self._workers,
            model=self._attested,
            every=settings.sweep.views_every.total_seconds(),
        )
        self._sites = SiteLines()
        self._mail_lines = MailLines()
        contractors = ContractorLines()
        self._pages = FleetPages(
            self._lines,
            (
                rule_lines(judged_rules(catalogue, site_guide)),
                *self._attested.families,
                *self._sites.families,
                *self._mail_lines.families,
                *contractors.families,
            ),
        )
        self._watch_store = WatchStore(
            measure=MeasureStore(database, settings.store.capacity),
            tokens=Tokens(database),
            workers=self._workers,
            figures=self._figures,
            show=contractors.show,
            now=now,
            every=settings.metrics.store_every.total_seconds(),
        )
        self._viewing = Viewing(
            self._fleet,
            self._workers,
            self._pages,
            every=settings.sweep.views_every.total_seconds(),
        )
        records = DeviceRecords(
            store,
            self._workers,
            judging,
            capacity=settings.store.cached_devices,
        )
        self._commits = GroupCommit(
            store,
            self._workers,
            self._figures,
            max_group=settings.store.max_group,
            max_pending=settings.store.max_pending,
            flush_seen_every=settings.store.flush_seen_every.total_seconds(),
            gather=settings.store.gather.total_seconds(),
        )
        self._figures.pending_from(lambda: self._commits.backlog)
        limits = Limits(**settings.limits.model_dump())
        accept = AcceptReport(
            judging,
            records.load_facts,
            self._figures,
            limits=limits,
            hold=settings.verdicts.hold,
            look_around=records.look_around,
            load_verdicts=records.load_verdicts,
        )
        places = places_for_devices(settings.sessions)
        self._figures.places(held=places.held, visiting=places.visitors)
        self._asking = AskDevices(
            Questions(database), self._workers, asking_limits(settings.asking), now
        )
        self._sessions = OpenSessions(
            SessionParts(
                store=store,
                workers=self._workers,
                records=records,
                accept=accept,
                commits=self._commits,
                viewing=self._viewing,
                figures=self._figures,
                now=now,
                asking=self._asking,
            ),
            SessionTerms(
                limits=limits,
                heartbeat=settings.sessions.heartbeat,
                visit=settings.sessions.visit,
                held=places.held,
                visitors=places.visitors,
                visit_within=settings.sessions.visit_within,
                per_second=settings.sessions.per_second,
                overload_retry=settings.sessions.overload_retry,
                quarantined_retry=settings.sessions.quarantined_retry,
                seen_every=settings.sessions.seen_every,
            ),
            store_epoch=self._mark.epoch,
            gather=settings.store.gather_greetings,
        )
        self._scheduled = scheduled(
            settings,
            database,
            self._sessions.parts,
            judging,
            (catalogue, site_guide),
            (self._sites, self._mail_lines),
        )
        self._show_backups = ShowBackups(
            last=partial(last_backup, database),
            figures=self._figures,
            every=settings.metrics.store_every.total_seconds(),
        )
        desk, self._show_updates = updates_of(settings, database, self._workers, self._figures, now)
        self._updates = Updates(desk, peer_of)
        self._follow = Follow(
            notices=notices_of(database),
            workers=self._workers,
            heeding=(
                self._viewing,
                self._sessions,
                self._asking,
                self._follow_attestations,
                *self._scheduled.heeding,
            ),
            every=settings.sweep.views_every.total_seconds(),
        )
        self._app = application(
            settings,
            database,
            (catalogue, site_guide),
            (self._pages, self._registry),
            fleet=self._fleet,
            token_desk=Desk(Tokens(database), lambda: self._enrolment_at, devices_authority.sha256),
            secrets=sealed_app_secrets(database, devices_authority),
            now=now,
        )

    async def run(
        self, stop: asyncio.Event, *, started: Callable[[Addresses], None] = lambda _: None
    ) -> None:
        """Serves until `stop` is set; what was sent by then is committed and acknowledged.

        `started` is called once every port listens. The first part that fails is named in the log,
        stops the others, and its error is raised (in a group).
        """
        try:
            async with asyncio.TaskGroup() as storing:
                storing.create_task(_part("commits", self._commits.run, stop))
                try:
                    await self._serve(stop, started)
                finally:
                    self._commits.stop()
        finally:
            self._workers.close()
            self._pages.close()
            self._mark.write()
            self.database.close()

    async def _serve(self, stop: asyncio.Event, started: Callable[[Addresses], None]) -> None:
        settings = self.settings
        devices = device_ports(
            settings, self.database, self.authority, self._sessions, self._updates, self._figures
        )
        self._enrolment_at = devices.endpoints.enrolment
        certificate, key = https_files(settings, self._figures, now=self._now())
        http = bound(settings.listen.http, f"{PREFIX}LISTEN__HTTP")
        serve_readers = partial(
            serve_http,
            self._app,
            http,
            stop,
            certificate=certificate,
            key=key,
            max_head=settings.http.max_head,
            threads=max(1, settings.http.threads - settings.lists.threads),
            keep_alive=settings.http.keep_alive,
        )
        addresses = Addresses(
            devices.telemetry_port, devices.enrolment_port, int(http.getsockname()[1])
        )
        try:
            await devices.start()
            log.info(
                "server_started",
                telemetry=addresses.telemetry,
                enrolment=addresses.enrolment,
                http=addresses.http,
            )
            await self._follow.start()
            started(addresses)
            async with asyncio.TaskGroup() as parts:
                for name, work in (
                    ("scheduled work", partial(self._scheduled.leading.run, stop)),
                    ("views", partial(self._viewing.run, stop)),
                    ("garbage", partial(self._look_past_the_fleet, stop)),
                    ("changes", partial(self._follow.run, stop)),
                    ("questions", partial(self._asking.run, stop, self._sessions.held)),
                    ("store", partial(self._watch_store.run, stop)),
                    ("attestations", partial(self._follow_attestations.run, stop)),
                    ("http", serve_readers),
                    *(("sites", partial(show.run, stop)) for show in self._scheduled.shows),
                    ("marks", partial(self._mark.keep, self._workers, self._sessions.enter, stop)),
                    ("backups", partial(self._show_backups.run, stop)),
                    ("updates", partial(self._show_updates.run, stop)),
                ):
                    parts.create_task(_part(name, work, stop))
                await stop.wait()
                self._sessions.say_goodbye()
                await devices.stop(GOODBYE_WITHIN)
        finally:
            await devices.stop(None)
        log.info("server_stopped")

    async def _look_past_the_fleet(self, stop: asyncio.Event) -> None:
        """Has looks for garbage leave the fleet out once it is shown."""
        await self._viewing.every_device_shown(stop)
        look_past_what_lives()


async def _part(name: str, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Runs a part; when it fails, says which one it was and stops the others."""
    try:
        await work()
    except Exception as error:
        log.exception("part_failed", part=name, error=type(error).__name__)
        stop.set()
        raise
