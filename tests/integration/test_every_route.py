"""Every route of the HTTP application, whatever is added: who may call it, and in which scope."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from fakes.callers import Callers
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from metric_pages import pages_of
from vigie_server.bootstrap_attesting import attesting_routes
from vigie_server.bootstrap_declaring import declaring_routes
from vigie_server.bootstrap_lists import fleet_routes
from vigie_server.bootstrap_mail import mail_routes
from vigie_server.bootstrap_maturity import maturity_routes
from vigie_server.bootstrap_notify import notification_routes
from vigie_server.bootstrap_reports import reports_of, reports_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings, ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.access import Access
from vigie_server.web.app import create_app

OPEN: Final = {"/healthz", "/readyz"}
"""What answers without a token, by design."""
METRICS: Final = ("/metrics", "/metrics/fleet", "/metrics/server")
OTHER: Final = "Les Lilas"
PLACES: Final = {
    "device_id": "a",
    "site": SITE,
    "rule": "Q05-min-length",
    "item": "Q02-restore-test",
    "scope": "device",
    "of": "a",
    "domain": "example.org",
    "inventory": "equipment",
    "what": "equipment",
    "waiver_id": "w1",
}
"""What stands in the places of a path; a `name` is a site's where it follows `/sites/`."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A device `a` at Les Tilleuls, and another site."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a")
        yield opened


@pytest.fixture
def app(database: Database) -> FastAPI:
    """The application with every route that a server has."""
    catalogue = bundled_catalogue()
    tokens = KnowCallers(Tokens(database))
    made = create_app(
        reader=Fleet(database, {}),
        tokens=tokens,
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=lambda: NOW,
        version="0.0.0",
    )
    access = Access(tokens, lambda: NOW)
    reports = reports_of(ServerSettings(), database, catalogue, bundled_site_guide(catalogue))
    for routes in (
        *fleet_routes(database, catalogue, Fleet(database, {})),
        *declaring_routes(
            database, catalogue, bundled_site_guide(catalogue), DeclareSettings(), lambda: NOW
        ),
        *attesting_routes(database, catalogue, DeclareSettings(), lambda: NOW),
        *maturity_routes(database, catalogue, bundled_site_guide(catalogue), lambda: NOW),
        *mail_routes(database, lambda: NOW),
        *notification_routes(database, lambda: NOW),
        *reports_routes(reports, lambda: NOW),
    ):
        made.include_router(routes(access))
    return made


def calls_of(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, template and a path of every route that wants a token."""
    found = [("GET", path, path) for path in METRICS]
    for described, methods in app.openapi()["paths"].items():
        if described not in OPEN:
            template = described.replace("/sites/{name}", "/sites/{site}")
            path = re.sub(r"{(\w+)}", lambda place: PLACES.get(place[1], "x"), template)
            found += [(method.upper(), template, path) for method in methods]
    return found


def test_no_route_answers_without_a_token(app: FastAPI) -> None:
    client = TestClient(app)

    answers = {
        (method, path): client.request(method, path).status_code
        for method, _, path in calls_of(app)
    }

    assert len(answers) > 40
    assert set(answers.values()) == {401}


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CONTRACTOR, Role.SCRAPE])
def test_who_may_only_read_changes_nothing_by_any_route(
    app: FastAPI, database: Database, role: Role
) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(role)

    answers = {
        (method, path): client.request(method, path, headers=headers).status_code
        for method, _, path in calls_of(app)
        if method != "GET"
    }

    assert len(answers) > 15
    assert set(answers.values()) == {403}


def test_a_scraper_reads_nothing_but_metrics(app: FastAPI, database: Database) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.SCRAPE)

    answers = {
        path: client.get(path, headers=headers).status_code
        for method, _, path in calls_of(app)
        if method == "GET"
    }

    assert {path: answers.pop(path) for path in METRICS} == dict.fromkeys(METRICS, 200)
    assert set(answers.values()) == {403}


def test_what_belongs_to_a_site_or_device_is_not_found_from_another_site(
    app: FastAPI, database: Database
) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.ADMIN, OTHER)
    scoped = [
        (method, path)
        for method, template, path in calls_of(app)
        if "{site}" in template or "{device_id}" in template
    ]

    answers = {
        (method, path): client.request(method, path, headers=headers).status_code
        for method, path in scoped
        if method in {"GET", "DELETE"}
    }

    assert len(answers) > 15
    assert set(answers.values()) == {404}
