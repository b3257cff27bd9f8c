"""The API's lists over HTTP and a grown store: pages, cursors, streams, scopes, entity tags."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from sqlalchemy import text

from fakes.callers import Callers
from fakes.grown import DEVICES, grown_store
from metric_pages import pages_of
from vigie_server.bootstrap.attesting import attesting_routes
from vigie_server.bootstrap.declaring import declaring_routes
from vigie_server.bootstrap.lists import fleet_routes
from vigie_server.bootstrap.mail import mail_routes
from vigie_server.bootstrap.maturity import maturity_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.clock import utc_now
from vigie_server.ports.declaring import Act
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.groups import Groups
from vigie_server.store.tokens import Tokens
from vigie_server.web import listing
from vigie_server.web.access import Access
from vigie_server.web.app import create_app

SITE, OTHER = "IME Les Lilas 00001", "MAS Le Val 00002"
RULE: Final = "Q09-disk-encrypted"
IN_PLACE: Final = {"site": SITE, "name": SITE, "item": "Q01-item-00", "rule": RULE}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with grown_store("sqlite", tmp_path_factory.mktemp("grown")) as opened:
        with opened.writing() as connection:
            connection.execute(text("UPDATE device SET hostname = '=1+1' WHERE key = 3"))
        # A `{name}` is a group's as well as a site's.
        Groups(opened).put(None, SITE, '{"platform": ["linux"]}', Act("test", utc_now()))
        yield opened


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    catalogue = bundled_catalogue()
    guide, declare, tokens = bundled_site_guide(catalogue), DeclareSettings(), Tokens(database)
    made = create_app(
        reader=Fleet(database, {}),
        tokens=KnowCallers(tokens),
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=utc_now,
        version="0.0.0",
    )
    for routes in (
        *fleet_routes(database, catalogue, Fleet(database, {}), utc_now),
        *declaring_routes(database, catalogue, guide, declare, utc_now),
        *attesting_routes(database, catalogue, declare, utc_now),
        *maturity_routes(database, catalogue, guide, utc_now),
        *mail_routes(database, utc_now),
    ):
        made.include_router(routes(Access(KnowCallers(tokens), utc_now)))
    return made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, utc_now())


def lists_of(app: FastAPI) -> dict[str, dict[str, Any]]:
    """Every route that gives `items` and `next`, as the description tells it."""
    described = app.openapi()
    schemas = described["components"]["schemas"]
    found = {}
    for path, methods in described["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if "items" in schemas.get(reference.rpartition("/")[2], {}).get("properties", {}):
            found[path] = methods["get"]
    return found


def place_in(path: str, database: Database) -> str:
    with database.reading() as connection:
        device = connection.execute(text("SELECT id FROM device WHERE key = 5")).scalar_one()
    known = IN_PLACE | {"device_id": device, "domain": "site00001.example"}
    return re.sub(r"{(\w+)}", lambda named: known[named[1]], path)


def test_every_list_has_the_one_form_and_its_pages_hold_each_item_once(
    app: FastAPI, client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)
    paged = {
        path: told
        for path, told in lists_of(app).items()
        if {"limit", "cursor"} <= {given["name"] for given in told.get("parameters", ())}
    }
    assert len(paged) >= 18
    for path in paged:
        place = place_in(path, database)
        whole = client.get(f"{place}?limit=1000", headers=headers).json()["items"]
        found: list[Any] = []
        following: str | None = f"{place}?limit={max(1, len(whole) // 3)}"
        while following is not None:
            answer = client.get(following, headers=headers)
            assert answer.status_code == 200, (following, answer.text)
            found += answer.json()["items"]
            following = answer.json()["next"]
        assert found[: len(whole)] == whole, path
        assert len(whole) == 1000 or len(found) == len(whole), path


def test_every_list_is_what_its_description_says_field_by_field(
    app: FastAPI, client: TestClient, as_: Callers, database: Database
) -> None:
    models = {model.__name__: model for model in _shapes(listing.PageShape)}
    shaped = {}
    for path, told in lists_of(app).items():
        content = told["responses"]["200"]["content"]["application/json"]
        if model := models.get(content["schema"]["$ref"].rpartition("/")[2]):
            shaped[path] = model
    assert len(shaped) >= 18
    for path, model in shaped.items():
        page = client.get(place_in(path, database), headers=as_(Role.ADMIN)).json()
        assert model.model_validate(page).model_dump(mode="json") == page, path


def _shapes(shape: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for narrower in shape.__subclasses__():
        yield narrower
        yield from _shapes(narrower)


def test_a_cursor_of_another_list_or_of_nobody_is_a_problem_that_says_what_to_do(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.ADMIN)
    following = client.get("/api/v1/devices?limit=1", headers=headers).json()["next"]
    cursor = following.partition("cursor=")[2]

    for wrong in (
        f"/api/v1/devices?sort=hostname&cursor={cursor}",
        f"/api/v1/devices?state=active&cursor={cursor}",
        f"/api/v1/transitions?cursor={cursor}",
        "/api/v1/devices?cursor=nonsense",
    ):
        answer = client.get(wrong, headers=headers)
        assert answer.status_code == 400, wrong
        assert answer.headers["content-type"] == "application/problem+json"
        assert "without `cursor`" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["devices", "transitions", f"rules/{RULE}/verdicts", "assets"])
def test_a_cursor_of_who_sees_all_shows_a_contractor_its_sites_alone(
    client: TestClient, as_: Callers, path: str
) -> None:
    contractor, everywhere = as_(Role.CONTRACTOR, SITE), as_(Role.ADMIN)
    following = client.get(f"/api/v1/{path}?limit=1", headers=everywhere).json()["next"]

    seen = []
    while following is not None:
        page = client.get(following, headers=contractor).json()
        seen += page["items"]
        following = page["next"]
    widened = client.get(f"/api/v1/{path}?site={OTHER}", headers=contractor).json()

    assert {item["site"] for item in seen} <= {SITE}
    assert widened["items"] == []


def approx_ratio(item: dict[str, Any]) -> dict[str, Any]:
    """The item where its ratio, if it has one, may differ behind the digits that SQLite tells."""
    ratio = item.get("compliance_ratio")
    return item if ratio is None else item | {"compliance_ratio": pytest.approx(ratio, rel=1e-14)}


@pytest.mark.parametrize("path", ["devices", "transitions", f"rules/{RULE}/verdicts", "audit"])
def test_a_stream_holds_what_the_pages_hold(
    client: TestClient, as_: Callers, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STREAM_PAGE", 7)
    headers = as_(Role.ADMIN)
    items: list[Any] = []
    following: str | None = f"/api/v1/{path}?limit=1000"
    while following is not None:
        page = client.get(following, headers=headers).json()
        items, following = items + page["items"], page["next"]

    lines = client.get(f"/api/v1/{path}?format=ndjson", headers=headers)
    sheet = client.get(f"/api/v1/{path}", headers=headers | {"Accept": "text/csv"})

    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == [
        approx_ratio(item) for item in items
    ]
    rows = list(csv.DictReader(io.StringIO(sheet.text, newline="")))
    assert sheet.headers["content-type"].startswith("text/csv")
    assert len(rows) == len(items) > 100


def test_a_sheet_has_no_formula_and_each_language_its_column(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.ADMIN)

    sheet = client.get(f"/api/v1/rules/{RULE}/verdicts?format=csv", headers=headers).text

    rows = list(csv.DictReader(io.StringIO(sheet, newline="")))
    assert "'=1+1" in {row["hostname"] for row in rows}
    assert not [row for row in rows if row["hostname"].startswith("=")]
    assert all(row["reason_fr"] and row["reason_en"] for row in rows)


def test_a_stream_of_a_contractor_holds_its_sites_alone(client: TestClient, as_: Callers) -> None:
    lines = client.get("/api/v1/devices?format=ndjson", headers=as_(Role.CONTRACTOR, SITE)).text

    found = [json.loads(line) for line in lines.splitlines()]
    assert found
    assert {device["site"] for device in found} == {SITE}
    assert len(found) < DEVICES


def test_counts_of_rules_are_those_of_the_sites_that_are_seen(
    client: TestClient, as_: Callers
) -> None:
    def counts(headers: dict[str, str]) -> dict[str, int]:
        rules = client.get("/api/v1/rules?limit=1000", headers=headers).json()["items"]
        (told,) = [rule for rule in rules if rule["id"] == RULE]
        assert len(rules) == 51
        counted: dict[str, int] = told["devices"]
        return counted

    def listed(headers: dict[str, str], **wanted: str) -> int:
        asked = {"rule": RULE, "limit": "1000"} | wanted
        items = client.get("/api/v1/devices", params=asked, headers=headers).json()["items"]
        return len([device for device in items if device["state"] != "retired"])

    for headers in (as_(Role.ADMIN), as_(Role.CONTRACTOR, SITE)):
        told = counts(headers)
        assert told["passing"] == listed(headers, status="pass")
        assert told["failing"] + told["waived"] == listed(headers, status="fail")
        assert sum(told.values()) == listed(headers)


def test_who_holds_the_newest_is_told_so_without_the_body(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.AUDITOR)
    path = place_in("/api/v1/devices/{device_id}", database)

    first = client.get(path, headers=headers)
    again = client.get(path, headers=headers | {"If-None-Match": first.headers["etag"]})
    other = client.get(path, headers=headers | {"If-None-Match": '"another"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.json() == first.json()


def test_the_audit_is_for_who_sees_every_site(client: TestClient, as_: Callers) -> None:
    assert client.get("/api/v1/audit", headers=as_(Role.AUDITOR)).status_code == 200
    for headers in (as_(Role.OPERATOR), as_(Role.AUDITOR, SITE), as_(Role.CONTRACTOR, SITE)):
        assert client.get("/api/v1/audit", headers=headers).status_code == 403


def test_the_description_tells_errors_as_problems(app: FastAPI) -> None:
    described = app.openapi()

    told = described["paths"]["/api/v1/devices"]["get"]
    assert set(told["responses"]["200"]["content"]) == {
        "application/json",
        "text/csv",
        "application/x-ndjson",
    }
    for status in ("400", "401", "403", "422", "503"):
        assert set(told["responses"][status]["content"]) == {"application/problem+json"}
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert "HTTPValidationError" not in json.dumps(described)
