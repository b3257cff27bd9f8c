"""The HTTP application with every route of a server: API, metrics, pages of people, console."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from vigie_server.bootstrap.asking import asking_routes
from vigie_server.bootstrap.attesting import attesting_routes
from vigie_server.bootstrap.codes import account_desk
from vigie_server.bootstrap.console import console_routes
from vigie_server.bootstrap.declaring import declaring_routes
from vigie_server.bootstrap.lists import fleet_routes, list_terms
from vigie_server.bootstrap.mail import mail_routes
from vigie_server.bootstrap.maturity import maturity_routes
from vigie_server.bootstrap.notify import notification_routes
from vigie_server.bootstrap.people import (
    access_to,
    keep_answers,
    people_routes,
    watch_contractors,
)
from vigie_server.bootstrap.reports import reports_of, reports_routes
from vigie_server.bootstrap.software import software_routes
from vigie_server.bootstrap.tokens import token_routes
from vigie_server.bootstrap.updates import updates_routes
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.services.app_secrets import AppSecrets
from vigie_server.services.known_scrapers import KnownScrapers
from vigie_server.services.token_desk import Desk
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app
from vigie_server.web.documented import Documented


def application(
    settings: ServerSettings,
    database: Database,
    rules: tuple[Catalogue, SiteGuide],
    metrics: tuple[FleetPages, CollectorRegistry],
    *,
    fleet: Fleet,
    token_desk: Desk,
    secrets: AppSecrets,
    now: Callable[[], datetime],
) -> Documented:
    """The application over a store. Raises RulesMalformed, SettingsMalformed, StoreBusy."""
    catalogue, site_guide = rules
    pages, registry = metrics
    made = create_app(
        reader=fleet,
        tokens=KnownScrapers(KnowCallers(Tokens(database)), settings.metrics.tokens_known_for),
        fleet=pages,
        own=registry,
        now=now,
        version=version("vigie"),
        page_most=settings.http.page_most,
        file_most=int(settings.http.form_file_most),
    )
    made.short.terms = list_terms(settings.lists)
    watch_contractors(made, database, fleet, now)
    keep_answers(made, settings, database)
    access = access_to(settings, database, now)
    people = account_desk(settings, database)
    for routes in (
        *people_routes(settings, database, now, secrets),
        *fleet_routes(database, catalogue, fleet, now),
        *software_routes(database, site_guide, now),
        *declaring_routes(database, catalogue, site_guide, settings.declare, now),
        *attesting_routes(database, catalogue, settings.declare, now),
        *maturity_routes(database, catalogue, site_guide, now),
        *mail_routes(database, now),
        *notification_routes(database, now),
        *asking_routes(database, settings.asking, now),
        *token_routes(token_desk, people, database, now),
        *updates_routes(settings, database),
        *reports_routes(reports_of(settings, database, catalogue, site_guide), now),
        console_routes(database, catalogue, site_guide, fleet, settings, token_desk, people, now),
    ):
        made.include_router(routes(access))
    return made
