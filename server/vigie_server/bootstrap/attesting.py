"""The routes of what people attest, waive and note, each with its store."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.bundled import bundled_attestations
from vigie_server.domain.rules import Catalogue
from vigie_server.settings import DeclareSettings
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.incidents import Incidents
from vigie_server.store.site_lists import SiteLists
from vigie_server.store.waivers import Waivers
from vigie_server.web.access import Access
from vigie_server.web.attestations import attestations_router
from vigie_server.web.incidents import incidents_router
from vigie_server.web.waivers import waivers_router


def attesting_routes(
    database: Database,
    catalogue: Catalogue,
    settings: DeclareSettings,
    now: Callable[[], datetime],
) -> tuple[Callable[[Access], APIRouter], ...]:
    """Raises RulesMalformed."""
    lists = SiteLists(database)
    return (
        partial(
            attestations_router,
            store=Attestations(database, catalogue.attestations),
            lists=lists,
            catalogue=bundled_attestations(),
            remind_before=settings.remind_before,
            now=now,
        ),
        partial(
            waivers_router,
            store=Waivers(database),
            lists=lists,
            catalogue=catalogue,
            months=settings.waiver_months,
            now=now,
        ),
        partial(incidents_router, log=Incidents(database), lists=lists, now=now),
    )
