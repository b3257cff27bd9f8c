"""`/api/v1/software`: products in several versions or past their end, and who has them."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from vigie_server.domain.products import ProductTable
from vigie_server.domain.software_drift import ProductInUse, products_in_use
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import page_of
from vigie_server.ports.software import DeviceWithVersion, InstalledWanted, SoftwareLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, scope_of
from vigie_server.web.listing import STREAMS, Fields, Listing, PageShape, Streamed

LONGEST: Final = 200


class Kept(StrEnum):
    """Which products: all, those past their end, or those of which an older version is in use."""

    ALL = "all"
    ENDED = "ended"
    BEHIND = "behind"


class VersionShape(BaseModel):
    """A version, and how many devices have it. `behind`: a newer one is in use."""

    version: str
    devices: int
    behind: bool


class ProductShape(BaseModel):
    """A product on one system, over the devices that are seen.

    `installations` counts a device once for each version it has. `ends_at` is the first instant
    without the vendor's support, of a product of the list of ended ones; null: a product whose
    versions are compared.
    """

    platform: str = Field(examples=["windows"])
    product: str = Field(examples=["Mozilla Firefox"])
    ends_at: datetime | None
    ended: bool
    newest: str = Field(examples=["145.0.1"])
    installations: int
    behind: int
    behind_ratio: float
    versions: list[VersionShape]


class ProductList(PageShape[ProductShape]):
    """Products: those past their end first, then the ones most behind."""


class InstalledShape(BaseModel):
    """A device, and the version of the product that it has."""

    device: str
    hostname: str
    site: str
    version: str = Field(examples=["140.5.0"])


class InstalledList(PageShape[InstalledShape]):
    """Devices with a product, in the order of enrolment."""


_PLACE: Final = (int, int, str, str)
DEVICES: Final = Listing[DeviceWithVersion, InstalledShape](
    InstalledList, InstalledShape, lambda found: found._asdict(), (int, str)
)
Name = Annotated[str, Query(max_length=LONGEST, examples=["Mozilla Firefox"])]
System = Annotated[str, Query(max_length=LONGEST, examples=["windows"])]


def software_router(
    access: Access,
    *,
    lists: SoftwareLists,
    ended: ProductTable,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of software."""
    router = APIRouter(prefix="/api/v1/software")
    Caller = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    @router.get("", response_model=ProductList, responses=STREAMS)
    def list_products(
        caller: Caller,
        asked: Streamed,
        *,
        site: str | None = None,
        platform: Annotated[str | None, Query(max_length=LONGEST)] = None,
        product: Annotated[str | None, Query(max_length=LONGEST)] = None,
        kept: Kept = Kept.ALL,
    ) -> Response:
        """Products in use with their versions; `kept` narrows to what needs work."""
        at = now()
        found = wanted_products(
            lists, scope_of(caller, site), ended, kept=kept, platform=platform, product=product,
            now=at,
        )  # fmt: skip
        listing = Listing[ProductInUse, ProductShape](
            ProductList, ProductShape, lambda held: product_told(held, at), _PLACE
        )
        return listing.answer(
            asked,
            lambda after, limit: page_of(
                found, lambda held: held.place(at), after=after, limit=limit
            ),
        )

    @router.get("/devices", response_model=InstalledList, responses=STREAMS)
    def list_devices(
        caller: Caller,
        asked: Streamed,
        *,
        platform: System,
        product: Name,
        version: Annotated[str | None, Query(max_length=LONGEST)] = None,
        ended_product: bool = False,
        behind: bool = False,
        site: str | None = None,
    ) -> Response:
        """Devices with a product: of one version, or with `behind` of any but the newest in use.

        `ended_product`: the product is an entry of the list of ended ones.
        """
        sites = scope_of(caller, site)
        wanted = InstalledWanted(
            sites,
            platform,
            product,
            ended_product,
            versions_wanted(
                lists, sites, ended, platform=platform, product=product, version=version,
                behind=behind,
            ),
        )  # fmt: skip
        return DEVICES.answer(
            asked, lambda after, limit: lists.devices(wanted, after=after, limit=limit)
        )

    return router


def wanted_products(
    lists: SoftwareLists,
    sites: Sites,
    ended: ProductTable,
    *,
    kept: Kept,
    platform: str | None,
    product: str | None,
    now: datetime,
) -> list[ProductInUse]:
    """The products of these sites that a filter keeps; `product` is how the name begins."""
    begins = "" if product is None else product.casefold()
    return [
        held
        for held in products_in_use(lists.installed(sites), ended)
        if platform in {None, held.platform}
        and held.product.casefold().startswith(begins)
        and (kept is not Kept.ENDED or held.ended(now))
        and (kept is not Kept.BEHIND or (held.ends_at is None and held.behind))
    ]


def versions_wanted(
    lists: SoftwareLists,
    sites: Sites,
    ended: ProductTable,
    *,
    platform: str,
    product: str,
    version: str | None,
    behind: bool,
) -> frozenset[str] | None:
    """The versions that devices are looked for with; None: any."""
    if version is not None:
        return frozenset({version})
    if not behind:
        return None
    return frozenset(
        held.version
        for found in products_in_use(lists.installed(sites), ended)
        if (found.platform, found.product, found.ends_at) == (platform, product, None)
        for held in found.versions
        if held.behind
    )


def product_told(held: ProductInUse, now: datetime) -> Fields:
    """The fields of `ProductShape`."""
    return {
        "platform": held.platform,
        "product": held.product,
        "ends_at": held.ends_at,
        "ended": held.ended(now),
        "newest": held.versions[0].version,
        "installations": held.installations,
        "behind": held.behind,
        "behind_ratio": held.share_behind,
        "versions": [
            {"version": one.version, "devices": one.devices, "behind": one.behind}
            for one in held.versions
        ],
    }
