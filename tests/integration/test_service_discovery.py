"""Prometheus asks what to scrape: a target a site, in the token's scope."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from fakes.callers import Callers
from fakes.stored import NOW, SITE, a_token, opened_store
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.store.database import Database
from vigie_server.store.organisation import Organisation
from vigie_server.store.tokens import Tokens
from vigie_server.web.access import Access
from vigie_server.web.discovery import discovery_router

OTHER = "L'Orée, d'Arc"


def client_of(database: Database) -> TestClient:
    app = FastAPI()
    access = Access(KnowCallers(Tokens(database)), lambda: NOW)
    app.include_router(discovery_router(access, sites=Organisation(database)))
    return TestClient(app, base_url="https://vigie.example.org:8445")


def test_each_site_is_a_target_of_its_own(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as database:
        a_token(database)
        a_token(database, secret_hash=b"o" * 32, site=OTHER)

        answer = client_of(database).get(
            "/api/v1/sd/prometheus", headers=Callers(database, NOW)(Role.SCRAPE)
        )

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {
            "targets": ["vigie.example.org:8445"],
            "labels": {
                "__metrics_path__": "/metrics/fleet",
                "__param_site": site,
                "instance": site,
            },
        }
        for site in sorted([SITE, OTHER])
    ]


def test_a_token_of_some_sites_discovers_these_alone(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as database:
        a_token(database)
        a_token(database, secret_hash=b"o" * 32, site=OTHER)

        answer = client_of(database).get(
            "/api/v1/sd/prometheus", headers=Callers(database, NOW)(Role.SCRAPE, OTHER)
        )

    assert [group["labels"]["__param_site"] for group in answer.json()] == [OTHER]
