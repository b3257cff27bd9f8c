"""The routes of what people declare: sites, groups, parameters, asset cards."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from fastapi import APIRouter

from vigie_server.bundled import regions_file
from vigie_server.domain.regions import load_regions
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.settable import Settable
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.services.act_on_devices import ActOnDevices
from vigie_server.services.foresee import Foresee
from vigie_server.services.look_ahead import LookAhead
from vigie_server.settings import DeclareSettings
from vigie_server.store.administration import Administration
from vigie_server.store.assessments import Assessments
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.groups import Groups
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records
from vigie_server.store.site_lists import SiteLists
from vigie_server.web.access import Access
from vigie_server.web.assets import assets_router
from vigie_server.web.device_acts import device_acts_router
from vigie_server.web.groups import groups_router
from vigie_server.web.parameters import one_parameter_router, parameters_router
from vigie_server.web.sites import sites_router

Now = Callable[[], datetime]

SHOWN_DEVICES: Final = 50
"""Devices that an answer names, of those whose verdict would change."""


def looks_ahead(
    database: Database,
    catalogue: Catalogue,
    guide: SiteGuide,
    settings: DeclareSettings,
    now: Now,
) -> LookAhead:
    """Says what a change of a parameter comes to, of as many devices as the settings allow."""
    return LookAhead(
        overrides=Overrides(database),
        groups=Groups(database),
        devices=Foresee(Records(database), catalogue, now),
        sites=Assessments(database, own=guide.site_rules.keys(), shared={}),
        site_rules=guide.site_rules,
        now=now,
        most_judged=settings.look_ahead,
        most_shown=SHOWN_DEVICES,
    )


def declaring_routes(
    database: Database,
    catalogue: Catalogue,
    guide: SiteGuide,
    settings: DeclareSettings,
    now: Now,
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of what people declare."""
    sites, groups, overrides = Organisation(database), Groups(database), Overrides(database)
    settable = Settable.of(catalogue.rules, guide)
    look_ahead = looks_ahead(database, catalogue, guide, settings, now)
    lists = SiteLists(database)
    regions = load_regions(regions_file())
    return (
        partial(sites_router, sites=sites, lists=lists, regions=regions, now=now),
        partial(groups_router, groups=groups, lists=lists, now=now),
        partial(parameters_router, overrides=overrides, settable=settable, lists=lists),
        partial(
            one_parameter_router,
            overrides=overrides,
            groups=groups,
            settable=settable,
            look_ahead=look_ahead,
            now=now,
        ),
        partial(assets_router, cards=Cards(database), lists=lists, now=now),
        partial(
            device_acts_router,
            known=Fleet(database, {}).device,
            acts=ActOnDevices(Administration(database)),
            now=now,
        ),
    )
