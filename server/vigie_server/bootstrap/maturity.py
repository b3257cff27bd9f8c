"""Wires what readers see of sites: levels, sites' rules, inventories."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.services.generated_inventory import GeneratedInventory
from vigie_server.store.database import Database
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.overrides import Overrides
from vigie_server.store.site_lists import SiteLists
from vigie_server.web.access import Access
from vigie_server.web.inventories import inventories_router
from vigie_server.web.maturity import maturity_router


def maturity_routes(
    database: Database, catalogue: Catalogue, guide: SiteGuide, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of what sites come to, and of their inventories."""
    inventories, overrides = SiteInventories(database), Overrides(database)
    return (
        partial(
            maturity_router,
            reader=MaturityRecords(database),
            lists=SiteLists(database),
            guide=guide,
        ),
        partial(
            inventories_router,
            inventories=inventories,
            files=GeneratedInventory(inventories, catalogue.topics),
            review_days=lambda site: guide.review_days(overrides.of_site(site)),
            now=now,
        ),
    )
