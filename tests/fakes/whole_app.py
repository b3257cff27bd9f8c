"""The HTTP application with every route of the API that a server has, over a store."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from metric_pages import pages_of
from vigie_server.bootstrap.asking import asking_routes
from vigie_server.bootstrap.attesting import attesting_routes
from vigie_server.bootstrap.codes import account_desk
from vigie_server.bootstrap.declaring import declaring_routes
from vigie_server.bootstrap.lists import fleet_routes
from vigie_server.bootstrap.mail import mail_routes
from vigie_server.bootstrap.maturity import maturity_routes
from vigie_server.bootstrap.notify import notification_routes
from vigie_server.bootstrap.reports import reports_of, reports_routes
from vigie_server.bootstrap.software import software_routes
from vigie_server.bootstrap.tokens import token_routes
from vigie_server.bootstrap.updates import updates_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.services.token_desk import Desk
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import AskingSettings, DeclareSettings, ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.access import Access
from vigie_server.web.app import create_app


def whole_app(database: Database, now: Callable[[], datetime]) -> FastAPI:
    """The application, without the pages of the console."""
    catalogue = bundled_catalogue()
    guide = bundled_site_guide(catalogue)
    tokens = KnowCallers(Tokens(database))
    fleet = Fleet(database, {})
    made = create_app(
        reader=fleet,
        tokens=tokens,
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=now,
        version="0.0.0",
    )
    access = Access(tokens, now)
    reports = reports_of(ServerSettings(), database, catalogue, guide)
    for routes in (
        *fleet_routes(database, catalogue, fleet, now),
        *software_routes(database, guide, now),
        *declaring_routes(database, catalogue, guide, DeclareSettings(), now),
        *attesting_routes(database, catalogue, DeclareSettings(), now),
        *maturity_routes(database, catalogue, guide, now),
        *mail_routes(database, now),
        *notification_routes(database, now),
        *reports_routes(reports, now),
        *asking_routes(database, AskingSettings(), now),
        *token_routes(
            Desk(Tokens(database), lambda: ("localhost:8444",), bytes(32)),
            account_desk(ServerSettings(), database),
            database,
            now,
        ),
        *updates_routes(ServerSettings(), database),
    ):
        made.include_router(routes(access))
    return made
