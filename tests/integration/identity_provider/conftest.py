"""An application and the identity provider by which people sign in to it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from fakes.browser import ORIGIN, Browser
from fakes.identity_provider import CLIENT, IdentityProvider, identity_provider
from fakes.provider_visits import NAME, Clock
from fakes.stored import opened_store
from metric_pages import pages_of
from vigie_server.bootstrap.people import access_to, people_routes
from vigie_server.services.app_secrets import AppSecrets
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import HttpSettings, ServerSettings, SignInSettings
from vigie_server.settings_oidc import OidcSettings
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app

SECRETS = AppSecrets(b"k" * 32)
ADMINS = {"claim": "realm_access.roles", "value": "vigie-admin", "role": "admin"}
AUDITORS = {"claim": "groups", "value": "audit", "role": "auditor", "sites_claim": "sites"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(tmp_path: Path, clock: Clock) -> Iterator[IdentityProvider]:
    """Its person is an administrator by a role."""
    with identity_provider(tmp_path, clock) as serving:
        serving.claims = {
            "preferred_username": NAME,
            "realm_access": {"roles": ["vigie-admin"]},
        }
        yield serving


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that the migrations have made, once for all tests."""
    folder = tmp_path_factory.mktemp("store")
    with opened_store("sqlite", folder):
        pass
    return folder / "vigie.db"


@pytest.fixture
def database(empty_store: Path, tmp_path: Path) -> Iterator[Database]:
    copy = Path(shutil.copy(empty_store, tmp_path / "vigie.db"))
    opened = Database(sqlite_url(copy))
    yield opened
    opened.close()


@pytest.fixture
def an_app(database: Database, clock: Clock, provider: IdentityProvider) -> Callable[..., FastAPI]:
    """Makes an application over the store; its arguments are settings of the provider."""

    def made(*, refusals: float = 1000, origin: str = ORIGIN, **changes: object) -> FastAPI:
        oidc: dict[str, object] = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret_file": provider.secret_file,
            "authorities": provider.authorities,
            "grants": [ADMINS, AUDITORS],
            "ask_again": 0,
            "attempts_at_once": 1000,
        }
        settings = ServerSettings(
            http=HttpSettings(origin=origin),
            sign_in=SignInSettings(attempts_at_once=refusals),
            oidc=OidcSettings.model_validate(oidc | changes),
        )
        app = create_app(
            reader=Fleet(database, {}),
            tokens=KnowCallers(Tokens(database)),
            fleet=pages_of(()),
            own=CollectorRegistry(),
            now=clock,
            version="0.0.0",
        )
        access = access_to(settings, database, clock)
        for routes in people_routes(settings, database, clock, SECRETS):
            app.include_router(routes(access))
        return app

    return made


@pytest.fixture
def browser(an_app: Callable[..., FastAPI]) -> Browser:
    return Browser(an_app())
