"""The console over a store, in this process."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from metric_pages import pages_of
from vigie_server.bootstrap.codes import account_desk
from vigie_server.bootstrap.console import console_routes
from vigie_server.bootstrap.people import access_to, keep_answers, watch_contractors
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.clock import utc_now
from vigie_server.services.token_desk import Desk
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import HttpSettings, ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app


def console_over(database: Database, *, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application with the pages of the console, and nothing of the API."""
    settings = ServerSettings(http=HttpSettings(requests_at_once=100_000))
    catalogue = bundled_catalogue()
    tokens = KnowCallers(Tokens(database))
    fleet = Fleet(database, {rule.id: rule.severity for rule in catalogue.rules.values()})
    made = create_app(
        reader=fleet,
        tokens=tokens,
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=now,
        version="0.0.0",
    )
    guide = bundled_site_guide(catalogue)
    desk = Desk(Tokens(database), lambda: ("localhost:8444",), bytes(32))
    people = account_desk(settings, database)
    routes = console_routes(database, catalogue, guide, fleet, settings, desk, people, now)
    watch_contractors(made, database, fleet, now)
    keep_answers(made, settings, database)
    made.include_router(routes(access_to(settings, database, now)))
    return made
