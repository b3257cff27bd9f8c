"""The API over a fleet held in memory: who sees what, and what an error says."""

import csv
import io
from dataclasses import replace
from datetime import date

import pytest

from fakes.fleet_in_memory import REASON, FleetInMemory, a_client, a_view, bearer
from vigie_server.domain import errors
from vigie_server.web.problems import STATUS_OF


def test_the_reference_data_in_force_is_told_with_its_day() -> None:
    answer = a_client().get("/api/v1/rules", headers=bearer("auditor"))

    (systems,) = [held for held in answer.json()["references"] if held["name"] == "os_support"]
    assert date.fromisoformat(systems["recorded"]) >= date(2026, 1, 1)
    assert systems["own"] is False
    estimated = {end["name"]: end for end in systems["estimated"]}
    assert estimated["macOS 26 Tahoe"]["ends"] == "2028-09-30"
    assert "Apple publishes no dates" in estimated["macOS 26 Tahoe"]["source"]
    assert not [name for name in estimated if name.startswith("Debian")]
    (others,) = [held for held in answer.json()["references"] if held["name"] == "vpn_clients"]
    assert others["estimated"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/fleet",
        "/metrics/server",
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
    assert 'vigie_device_compliant{device="d1",site="les-lilas"} 0\n' in metrics.text
    assert devices.status_code == 403


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
    second = client.get(first["next"], headers=bearer("auditor")).json()

    assert [item["id"] for item in (*first["items"], *second["items"])] == ["d1", "d2"]
    assert second["next"] is None


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


def test_a_device_tells_whether_it_was_revoked_whatever_its_state() -> None:
    view = a_view("d1", site="les-lilas")
    revoked = replace(view, device=replace(view.device, revoked=True))
    client = a_client(FleetInMemory({"d1": revoked, "d2": a_view("d2", site="les-lilas")}))

    listed = client.get("/api/v1/devices", headers=bearer("auditor")).json()["items"]
    one = client.get("/api/v1/devices/d1", headers=bearer("auditor")).json()
    sheet = client.get("/api/v1/devices?format=csv", headers=bearer("auditor")).text

    assert [(found["state"], found["revoked"]) for found in listed] == [
        ("active", True),
        ("active", False),
    ]
    assert (one["state"], one["revoked"]) == ("active", True)
    rows = csv.DictReader(io.StringIO(sheet, newline=""))
    assert [row["revoked"] for row in rows] == ["true", "false"]


def test_a_waived_rule_is_listed_as_failing_and_as_waived() -> None:
    view = a_view("d1", site="les-lilas")
    waived = replace(view.verdicts["Q06-firewall-enabled"], waived=True, failing_since=None)
    reader = FleetInMemory({"d1": replace(view, verdicts={**view.verdicts, "Q01-other": waived})})

    (device,) = a_client(reader).get("/api/v1/devices", headers=bearer("auditor")).json()["items"]

    assert device["failing_rules"] == ["Q01-other", "Q06-firewall-enabled"]
    assert device["waived_rules"] == ["Q01-other"]
