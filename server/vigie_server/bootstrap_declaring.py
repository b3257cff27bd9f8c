"""The routes of what people declare: sites, groups, parameters, asset cards."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.bundled import regions_file
from vigie_server.domain.regions import load_regions
from vigie_server.domain.rules import Catalogue
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.web.access import Access
from vigie_server.web.assets import assets_router
from vigie_server.web.groups import groups_router
from vigie_server.web.parameters import parameters_router
from vigie_server.web.sites import sites_router

Now = Callable[[], datetime]


def declaring_routes(
    database: Database, catalogue: Catalogue, now: Now
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of what people declare."""
    sites, groups, overrides = Organisation(database), Groups(database), Overrides(database)
    regions = load_regions(regions_file())
    return (
        partial(sites_router, sites=sites, regions=regions, now=now),
        partial(groups_router, groups=groups, now=now),
        partial(
            parameters_router, overrides=overrides, groups=groups, rules=catalogue.rules, now=now
        ),
        partial(assets_router, cards=Cards(database), now=now),
    )
