"""The pages of software: products in several versions or past their end, and who has them."""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.fleet import PLATFORMS
from vigie_server.console.presenters.software import product_in
from vigie_server.console.shell import Shell, Visit, address
from vigie_server.console.walking import Walk
from vigie_server.domain.products import ProductTable
from vigie_server.domain.software_drift import ProductInUse
from vigie_server.ports.pages import page_of
from vigie_server.ports.software import InstalledWanted, SoftwareLists
from vigie_server.web.access import scope_of
from vigie_server.web.software import Kept, versions_wanted, wanted_products

PAGE: Final = 50
FILTERS: Final = ("site", "platform", "product", "kept")
OF_DEVICES: Final = ("site", "platform", "product", "version", "ended", "behind")
_PLACE: Final = (int, int, str, str)


@dataclass(frozen=True, slots=True)
class SoftwareSeen:
    """What these pages read."""

    lists: SoftwareLists
    ended: ProductTable


def software_pages(shell: Shell, seen: SoftwareSeen) -> APIRouter:
    """The pages of software."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)

    @router.get("/software")
    def software(request: Request, visit: Visitor) -> Response:
        """Products with their versions; the filters are in the address."""
        walk = Walk.of(request)
        chosen = dict.fromkeys(FILTERS, "") | dict(walk.filters)
        now = shell.now()
        found = wanted_products(
            seen.lists,
            scope_of(visit.caller, chosen["site"] or None),
            seen.ended,
            kept=Kept(chosen["kept"]) if chosen["kept"] in set(Kept) else Kept.ALL,
            platform=chosen["platform"] or None,
            product=chosen["product"] or None,
            now=now,
        )
        page = page_of(found, lambda held: held.place(now), after=walk.place(_PLACE), limit=PAGE)

        def devices_of(held: ProductInUse, **more: str) -> str:
            given = {
                "site": chosen["site"],
                "platform": held.platform,
                "product": held.product,
                "ended": "" if held.ends_at is None else "yes",
                **more,
            }
            query = urlencode({name: value for name, value in given.items() if value})
            return f"{address('software', 'devices')}?{query}"

        return shell.page(
            visit,
            "software.html",
            products=page.items,
            walk=walk,
            next=walk.next(page.after),
            chosen=chosen,
            platforms=PLATFORMS,
            shown=[kept.value for kept in Kept],
            devices_of=devices_of,
            product_in=product_in,
        )

    @router.get("/software/devices")
    def devices(request: Request, visit: Visitor) -> Response:
        """Devices with a product, or with one of its versions."""
        walk = Walk.of(request)
        chosen = dict.fromkeys(OF_DEVICES, "") | dict(walk.filters)
        sites = scope_of(visit.caller, chosen["site"] or None)
        platform, product = chosen["platform"], chosen["product"]
        wanted = InstalledWanted(
            sites,
            platform,
            product,
            bool(chosen["ended"]),
            versions_wanted(
                seen.lists,
                sites,
                seen.ended,
                platform=platform,
                product=product,
                version=chosen["version"] or None,
                behind=bool(chosen["behind"]),
            ),
        )
        page = seen.lists.devices(wanted, after=walk.place((int, str)), limit=PAGE)
        return shell.page(
            visit,
            "software_devices.html",
            found=page.items,
            walk=walk,
            next=walk.next(page.after),
            chosen=chosen,
            product_in=product_in,
        )

    return router
