"""The first page: sites with their levels; and a site."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from vigie_server.console.forms import Sent
from vigie_server.console.presenters.levels import TOP, trend
from vigie_server.console.presenters.overview import (
    MOST_SORTED,
    Order,
    SiteLine,
    counted,
    in_order,
    site_line,
    waiting,
)
from vigie_server.console.presenters.site import first_steps, question_titles, questions
from vigie_server.console.shell import ROOT, Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.regions import Regions
from vigie_server.domain.site_figures import Inventory, complement_of
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.lists import DeviceLists, DevicesWanted
from vigie_server.ports.mail import MailStore
from vigie_server.ports.maturity import Inventories, LevelChange, MaturityReader
from vigie_server.ports.site_lists import SiteEntry, SiteLists, SitesWanted
from vigie_server.ports.site_sizes import SiteSizes
from vigie_server.web.access import WRITERS, acting, require_site

PAGE: Final = 25
BACK: Final = timedelta(days=90)
"""How far back the trend of the table looks."""
SHOWN_BACK: Final = timedelta(days=365)
"""How far back a site's chart looks."""
MOST_CHANGES: Final = 400
AT_RISK: Final = 10
FIRST: Final = 5
"""What a site is told to begin with."""
DRIFT: Final = "Q03-versions-homogeneous"


@dataclass(frozen=True, slots=True)
class SitesSeen:
    """What these pages read."""

    lists: SiteLists
    sites: SiteStore
    sizes: SiteSizes
    maturity: MaturityReader
    inventories: Inventories
    review_days: Callable[[str], int]
    mail: MailStore
    devices: DeviceLists
    guide: SiteGuide
    regions: Regions


def sites_pages(shell: Shell, seen: SitesSeen) -> APIRouter:
    """The pages of sites."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def lines_of(entries: Sequence[SiteEntry]) -> list[SiteLine]:
        since = shell.now() - BACK
        names = [entry.site.name for entry in entries]
        sizes = seen.sizes.sizes(names)
        moves = seen.lists.moves(names, since, limit=MOST_CHANGES * PAGE)
        return [
            site_line(
                entry,
                sizes.get(entry.site.name, {}),
                moves.get(entry.site.name, ()),
                seen.regions,
                since,
            )
            for entry in entries
        ]

    def changes_of(site: str) -> Sequence[LevelChange]:
        return seen.lists.level_changes(site, after=None, limit=MOST_CHANGES).items

    @router.get("")
    def overview(
        request: Request, visit: Visitor, *, body: str = "", region: str = "", sort: str = "name"
    ) -> Response:
        """Sites with their levels."""
        walk, titles = Walk.of(request), question_titles(seen.guide)
        order: Order = sort if sort in get_args(Order) else "name"  # type: ignore[assignment]
        wanted = SitesWanted(visit.caller.sites, body or None, region or None)
        if order == "name":
            page = seen.lists.sites(wanted, after=walk.place((str,)), limit=PAGE)
            lines, following, too_many = lines_of(page.items), walk.next(page.after), False
        else:
            every = seen.lists.sites(wanted, after=None, limit=MOST_SORTED)
            too_many = every.after is not None
            names = [entry.site.name for entry in every.items]
            sizes = seen.sizes.sizes(names) if order.endswith("devices") else {}
            after = walk.place((int, str, str))
            page = in_order(every.items, sizes, order, after=after, limit=PAGE)
            lines, following = lines_of(page.items), walk.next(page.after)
        return shell.page(
            visit,
            "overview.html",
            lines=lines,
            walk=walk,
            next=following,
            order=order,
            too_many=too_many,
            questions=[(number, titles.get(number, {})) for number in QUESTIONS],
            regions=sorted(seen.regions.items(), key=lambda item: item[1]),
            chosen={"body": body, "region": region},
            back=BACK.days,
        )

    @router.get("/sites/{name}")
    def site(name: str, visit: Visitor) -> Response:
        """A site's questions, and what to do next."""
        require_site(visit.caller, name)
        records = seen.maturity.levels(name)
        levels = {record.question: record.level for record in records}
        now = shell.now()
        sizes = seen.sizes.sizes([name]).get(name, {})
        risky = seen.devices.devices(
            DevicesWanted(frozenset({name}), sort="-failing"), after=None, limit=AT_RISK
        )
        drift = [found for found in seen.maturity.verdicts(name) if found.rule == DRIFT]
        declared, asked = seen.sites.site(name), questions(records, seen.guide)
        return shell.page(
            visit,
            "site.html",
            name=name,
            site=declared,
            region=seen.regions.get(declared.region, ""),
            questions=asked,
            first=first_steps(asked, FIRST),
            chart=trend(levels, changes_of(name), since=now - SHOWN_BACK, now=now),
            top=TOP,
            devices=counted(sizes),
            pending=waiting(sizes),
            risky=[entry for entry in risky.items if entry.failing_rules],
            drift=drift,
            reviews=seen.inventories.reviews(name, days=seen.review_days(name), now=now),
            domains=seen.mail.of_site(name),
            titles=seen.guide.titles,
        )

    @router.post("/sites/{name}/inventories/{inventory}")
    def review(name: str, inventory: Inventory, visit: Writer, sent: Form) -> Response:
        """Records that an inventory was reviewed today."""
        require_site(visit.caller, name)
        complement = complement_of(sent.text("complement"))
        act = acting(visit.caller, shell.now())
        seen.inventories.review(name, inventory, complement, act)
        return gone_to(address("sites", name), done="reviewed", anchor="inventories")

    return router


def entrance() -> APIRouter:
    """The address without a path leads to the console."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def to_console() -> Response:
        return RedirectResponse(ROOT)

    return router
