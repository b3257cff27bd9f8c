"""The API over a fleet held in memory: who sees what, and what an error says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.testclient import TestClient

from vigie_server.bundled import guide_folder
from vigie_server.domain import errors
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound, StoreBusy, TokenRefused
from vigie_server.domain.reference_files import load_references
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.ports.readers import DeviceFilter, Page, TransitionRecord, VerdictRecord
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.app import create_app
from vigie_server.web.problems import STATUS_OF

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
    verdict = StandingVerdict(Status.FAIL, Severity.CRITICAL, NOW, NOW)
    return DeviceView(device, {"Q06-firewall-enabled": verdict}, {})


@dataclass
class FleetInMemory:
    """A reader of a fleet that stands in a list."""

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

    def ready(self) -> None:
        if self.busy:
            raise StoreBusy("the store does not answer")


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


def a_client(reader: FleetInMemory | None = None) -> TestClient:
    own = CollectorRegistry()
    Counter("vigie_ingest_reports", "Reports committed.", registry=own).inc()
    app = create_app(
        reader=reader or FleetInMemory(),
        tokens=TokensInMemory(),
        rules=(),
        references=tuple(load_references(guide_folder() / "reference").values()),
        fleet=lambda: iter(['vigie_device_compliant{device="d1"} 0\n']),
        own=own,
        now=lambda: NOW,
        version="0.0.0",
    )
    return TestClient(app, raise_server_exceptions=False)


def test_the_reference_data_in_force_is_told_with_its_day() -> None:
    answer = a_client().get("/api/v1/rules", headers=bearer("auditor"))

    (systems,) = [held for held in answer.json()["references"] if held["name"] == "os_support"]
    assert date.fromisoformat(systems["recorded"]) >= date(2026, 1, 1)
    assert systems["own"] is False


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/api/v1/devices",
        "/api/v1/devices/d1",
        "/api/v1/devices/d1/verdicts",
        "/api/v1/devices/d1/transitions",
        "/api/v1/rules",
    ],
)
@pytest.mark.parametrize("headers", [{}, bearer("nobody's"), {"Authorization": "Basic YTpi"}])
def test_nothing_is_open_without_a_token(path: str, headers: dict[str, str]) -> None:
    answer = a_client().get(path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "d1" not in answer.text


def test_a_scraper_reads_metrics_and_nothing_else() -> None:
    client = a_client()

    metrics = client.get("/metrics", headers=bearer("scrape"))
    devices = client.get("/api/v1/devices", headers=bearer("scrape"))

    assert metrics.status_code == 200
    assert "vigie_ingest_reports_total 1.0" in metrics.text
    assert 'vigie_device_compliant{device="d1"} 0' in metrics.text
    assert devices.status_code == 403


@pytest.mark.parametrize("role", ["admin", "operator", "auditor", "scrape"])
def test_metrics_tell_of_every_site_and_are_not_for_who_sees_some(role: str) -> None:
    client = a_client()

    refused = client.get("/metrics", headers=bearer(f"{role}-here"))

    assert client.get("/metrics", headers=bearer(role)).status_code == 200
    assert refused.status_code == 403
    assert "d1" not in refused.text


def test_a_contractor_sees_its_sites_and_hears_nothing_of_the_others() -> None:
    client = a_client()

    listed = client.get("/api/v1/devices", headers=bearer("scoped")).json()
    elsewhere = client.get("/api/v1/devices/d2", headers=bearer("scoped"))
    nowhere = client.get("/api/v1/devices/d9", headers=bearer("scoped"))

    assert [item["id"] for item in listed["items"]] == ["d1"]
    assert elsewhere.status_code == nowhere.status_code == 404
    assert elsewhere.text.replace("d2", "d9") == nowhere.text


def test_a_contractor_cannot_widen_its_scope_by_a_filter() -> None:
    answer = a_client().get("/api/v1/devices?site=les-tilleuls", headers=bearer("scoped"))

    assert answer.json()["items"] == []


def test_pages_follow_one_another_until_there_is_no_next() -> None:
    client = a_client()

    first = client.get("/api/v1/devices?limit=1", headers=bearer("auditor")).json()
    second = client.get(
        f"/api/v1/devices?limit=1&after={first['next_after']}", headers=bearer("auditor")
    ).json()

    assert [item["id"] for item in (*first["items"], *second["items"])] == ["d1", "d2"]
    assert second["next_after"] is None


def test_a_verdict_says_why_and_names_its_rows() -> None:
    answer = a_client().get("/api/v1/devices/d1/verdicts", headers=bearer("operator")).json()

    (verdict,) = answer["items"]
    assert verdict["reason"] == REASON
    assert verdict["offending"] == [{"part": "ufw", "enabled": False}]
    assert verdict["since"] == "2026-11-23T12:00:00Z"


def test_a_bad_parameter_is_told_by_its_name() -> None:
    answer = a_client().get("/api/v1/devices?limit=0", headers=bearer("admin"))

    assert answer.status_code == 422
    assert "query.limit" in answer.json()["detail"]


def test_every_error_of_ours_has_a_status() -> None:
    ours = {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, errors.VigieError)
    }

    assert STATUS_OF.keys() == ours - {errors.VigieError}


def test_ready_means_that_the_store_answers() -> None:
    busy = FleetInMemory(busy=True)

    assert a_client().get("/readyz").status_code == 200
    assert a_client(busy).get("/healthz").status_code == 200
    refused = a_client(busy).get("/readyz")

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"


def test_a_waived_rule_is_listed_as_failing_and_as_waived() -> None:
    view = a_view("d1", site="les-lilas")
    waived = replace(view.verdicts["Q06-firewall-enabled"], waived=True, failing_since=None)
    reader = FleetInMemory({"d1": replace(view, verdicts={**view.verdicts, "Q01-other": waived})})

    (device,) = a_client(reader).get("/api/v1/devices", headers=bearer("auditor")).json()["items"]

    assert device["failing_rules"] == ["Q01-other", "Q06-firewall-enabled"]
    assert device["waived_rules"] == ["Q01-other"]
