"""Wires the console: its pages and what they read."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter

from vigie_server.bundled import regions_file
from vigie_server.console.fleet import FleetSeen, fleet_pages
from vigie_server.console.overview import SitesSeen, entrance, sites_pages
from vigie_server.console.shell import Shell
from vigie_server.console.static_files import static_files
from vigie_server.domain.regions import load_regions
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.readers import FleetReader
from vigie_server.store.cards import Cards
from vigie_server.store.change_lists import Changes
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.mail import MailDomains
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.site_lists import SiteLists
from vigie_server.store.site_sizes import Sizes
from vigie_server.web.access import Access


def console_routes(
    database: Database,
    catalogue: Catalogue,
    guide: SiteGuide,
    reader: FleetReader,
    now: Callable[[], datetime],
) -> Callable[[Access], APIRouter]:
    """The routes of the console."""
    lists, sites, overrides = FleetLists(database), SiteLists(database), Overrides(database)
    of_sites = SitesSeen(
        lists=sites,
        sites=Organisation(database),
        sizes=Sizes(database),
        maturity=MaturityRecords(database),
        inventories=SiteInventories(database),
        review_days=lambda site: guide.review_days(overrides.of_site(site)),
        mail=MailDomains(database),
        devices=lists,
        guide=guide,
        regions=load_regions(regions_file()),
    )
    of_fleet = FleetSeen(
        reader=reader,
        lists=lists,
        changes=Changes(database),
        cards=Cards(database),
        catalogue=catalogue,
    )

    def routes(access: Access) -> APIRouter:
        shell = Shell(access, now)
        router = APIRouter()
        for pages in (
            entrance(),
            static_files(shell),
            sites_pages(shell, of_sites),
            fleet_pages(shell, of_fleet),
        ):
            router.include_router(pages)
        return router

    return routes
