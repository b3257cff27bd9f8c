"""A fleet and tokens held in memory, and the HTTP application over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from prometheus_client import CollectorRegistry, Counter
from starlette.testclient import TestClient

from metric_pages import pages_of
from vigie_server.bundled import bundled_catalogue, guide_folder
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound, StoreBusy, TokenRefused
from vigie_server.domain.reference_files import load_references
from vigie_server.domain.score import figures
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import (
    ChangeOfDevice,
    ChangesWanted,
    DeviceEntry,
    DevicesWanted,
    ItemsInJson,
    ListedDevice,
    RuleTally,
    VerdictOfDevice,
)
from vigie_server.ports.pages import Page as PageOf
from vigie_server.ports.pages import Position, page_of
from vigie_server.ports.readers import DeviceFilter, Page, TransitionRecord, VerdictRecord
from vigie_server.ports.rule_days import DayOfRule
from vigie_server.ports.scraping import FleetMetrics
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.store.device_entries import in_json
from vigie_server.web.access import Access
from vigie_server.web.app import create_app
from vigie_server.web.devices import devices_router
from vigie_server.web.rules import rules_router
from vigie_server.web.withheld import Withheld

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REASON = {"fr": "Le pare-feu est arrêté.", "en": "The firewall is off."}


def a_view(device_id: str, *, site: str) -> DeviceView:
    device = Device(
        id=device_id,
        site=site,
        profile="standard",
        platform="linux",
        state=DeviceState.ACTIVE,
        hostname=f"poste-{device_id}",
    )
    verdict = StandingVerdict(Status.FAIL, Severity.CRITICAL, NOW)
    return DeviceView(device, {"Q06-firewall-enabled": verdict}, {})


@dataclass
class FleetInMemory:
    """A reader of a fleet that stands in a list (`FleetReader`)."""

    views: Mapping[str, DeviceView] = field(
        default_factory=lambda: {
            "d1": a_view("d1", site="les-lilas"),
            "d2": a_view("d2", site="les-tilleuls"),
        }
    )
    busy: bool = False

    def devices(self, wanted: DeviceFilter, *, after: str | None, limit: int) -> Page:
        found = [
            view
            for device_id, view in sorted(self.views.items())
            if (wanted.sites is None or view.device.site in wanted.sites)
            and (after is None or device_id > after)
        ]
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].device.id if more else None)

    def device(self, device_id: str) -> Device:
        if device_id not in self.views:
            raise NotFound(f"no device {device_id}")
        return self.views[device_id].device

    def verdicts(self, device_id: str) -> Sequence[VerdictRecord]:
        self.device(device_id)
        return [
            VerdictRecord(
                rule="Q06-firewall-enabled",
                rule_version=1,
                status=Status.FAIL,
                reason=REASON,
                offending=[{"part": "ufw", "enabled": False}],
                since=NOW,
                failing_since=NOW,
                evidence_at=NOW,
                next_check_at=None,
            )
        ]

    def transitions(self, device_id: str, *, limit: int) -> Sequence[TransitionRecord]:
        self.device(device_id)
        return [TransitionRecord("Q06-firewall-enabled", None, Status.FAIL, NOW, REASON)][:limit]

    def reported_topics(self, device_id: str) -> Mapping[str, datetime]:
        self.device(device_id)
        return {"firewall": NOW}

    def site_exists(self, name: str) -> bool:
        return name in {"les-lilas", "les-tilleuls", "vide"}

    def ready(self) -> None:
        if self.busy:
            raise StoreBusy("the store does not answer")


@dataclass
class ListsInMemory:
    """The lists of such a fleet (`DeviceLists`, `ChangeLists`)."""

    reader: FleetInMemory

    def devices(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> PageOf[DeviceEntry]:
        found = [
            an_entry(view)
            for view in self.reader.views.values()
            if wanted.sites is None or view.device.site in wanted.sites
        ]
        return page_of(found, lambda entry: (entry.device.id,), after=after, limit=limit)

    def devices_in_json(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> ItemsInJson:
        return in_json(self.devices(wanted, after=after, limit=limit))

    def verdicts(
        self, device_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> PageOf[VerdictRecord]:
        kept = [one for one in self.reader.verdicts(device_id) if status in {None, one.status}]
        return page_of(kept, lambda verdict: (verdict.rule,), after=after, limit=limit)

    def verdicts_of_rule(
        self,
        rule: str,
        sites: Sites,
        *,
        status: Status | None,
        after: Position | None,
        limit: int,
    ) -> PageOf[VerdictOfDevice]:
        found = [
            VerdictOfDevice(one.id, one.hostname, one.site, verdict)
            for one in self._devices(sites)
            for verdict in self.reader.verdicts(one.id)
            if verdict.rule == rule and status in {None, verdict.status}
        ]
        place = {one.device: (one.verdict.status.value, key) for key, one in enumerate(found)}
        return page_of(found, lambda one: place[one.device], after=after, limit=limit)

    def tallies(self, sites: Sites) -> Sequence[RuleTally]:
        return [RuleTally("Q06-firewall-enabled", failing=len(self._devices(sites)))]

    def days(self, rule: str, sites: Sites, *, since: date, today: date) -> Sequence[DayOfRule]:
        tally = RuleTally(rule, failing=len(self._devices(sites)))
        return [DayOfRule(day, tally) for day in (since, today)]

    def changes(
        self, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> PageOf[ChangeOfDevice]:
        found = [
            ChangeOfDevice(one.id, one.hostname, one.site, change)
            for one in self._devices(wanted.sites)
            for change in self.reader.transitions(one.id, limit=1)
        ]
        return page_of(found, lambda one: (int(one.device[1:]), 0), after=after, limit=limit)

    def changes_of(
        self,
        device_id: str,
        wanted: ChangesWanted,  # noqa: ARG002 (one change, whatever is wanted)
        *,
        after: Position | None,
        limit: int,
    ) -> PageOf[TransitionRecord]:
        found = self.reader.transitions(device_id, limit=1)
        return page_of(found, lambda _: (0, 0), after=after, limit=limit)

    def _devices(self, sites: Sites) -> Sequence[Device]:
        devices = [view.device for view in self.reader.views.values()]
        return [device for device in devices if sites is None or device.site in sites]


def an_entry(view: DeviceView) -> DeviceEntry:
    standing = [(one.status, one.waived, True) for one in view.verdicts.values()]
    failing = sorted(rule for rule, one in view.verdicts.items() if one.status is Status.FAIL)
    waived = [rule for rule in failing if view.verdicts[rule].waived]
    shown = ListedDevice(*(getattr(view.device, name) for name in ListedDevice._fields))
    return DeviceEntry(shown, figures(standing), failing, waived)


class TokensInMemory:
    """Knows one token a role; `scoped` is a contractor of one site, `<role>-here` another role."""

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:  # noqa: ARG002 (none expires)
        if secret == "scoped":
            return ApiCaller("t0", "prestataire", Role.CONTRACTOR, frozenset({"les-lilas"}))
        role, _, here = secret.partition("-")
        try:
            sites = frozenset({"les-lilas"}) if here else None
            return ApiCaller(f"t-{secret}", secret, Role(role), sites)
        except ValueError:
            raise TokenRefused("this token is not accepted") from None


def a_client(
    reader: FleetInMemory | None = None, *, pages: FleetMetrics | None = None
) -> TestClient:
    reader = reader or FleetInMemory()
    own = CollectorRegistry()
    Counter("vigie_ingest_reports", "Reports committed.", registry=own).inc()
    app = create_app(
        reader=reader,
        tokens=TokensInMemory(),
        fleet=pages or pages_of(reader.views.values()),
        own=own,
        now=lambda: NOW,
        version="0.0.0",
    )
    access = Access(TokensInMemory(), lambda: NOW)
    lists = ListsInMemory(reader)
    withheld = Withheld({})
    app.include_router(
        devices_router(access, known=reader.device, lists=lists, changes=lists, withheld=withheld)
    )
    references = tuple(load_references(guide_folder() / "reference").values())
    rules = tuple(bundled_catalogue().rules.values())
    app.include_router(
        rules_router(
            access,
            lists=lists,
            rules=rules,
            references=references,
            withheld=withheld,
            days=lists,
            now=lambda: NOW,
        )
    )
    return TestClient(app, raise_server_exceptions=False)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
