"""The page of what people declare of a site: who runs it, where it is, its networks, contacts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.regions import Regions
from vigie_server.domain.sites import MOST_DEVICES, Contact, Site, checked
from vigie_server.ports.declaring import SiteStore
from vigie_server.web.access import WRITERS, acting, require_site

FIELDS: Final = ("body", "region", "finess", "networks", "gateways", "devices", "contacts", "was")
BETWEEN: Final = ";"
"""What stands between the parts of a contact."""
_FIELD_OF: Final = (
    ("the name of a managing body", "body"),
    ("region", "region"),
    ("FINESS", "finess"),
    ("network", "networks"),
    ("a site has at most 256 networks", "networks"),
    ("gateway", "gateways"),
    ("a site has at most 256 gateways", "gateways"),
    ("contact", "contacts"),
    ("the name of a contact", "contacts"),
    ("a site has at most 256 contacts", "contacts"),
)
"""How refusals begin, and the field that each is about."""


@dataclass(frozen=True, slots=True)
class DeclaredSeen:
    """What this page reads and writes."""

    sites: SiteStore
    regions: Regions


def declared_pages(shell: Shell, seen: DeclaredSeen) -> APIRouter:
    """The page of a site's declaration."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(
        visit: Visit, name: str, given: Mapping[str, str], fault: Fault | None = None
    ) -> Response:
        return shell.page(
            visit,
            "declared.html",
            name=name,
            given=given,
            fault=fault,
            most=MOST_DEVICES,
            regions=[("", "\u2013"), *sorted(seen.regions.items(), key=lambda item: item[1])],
        )

    @router.get("/sites/{name}/declared")
    def declared(name: str, visit: Writer) -> Response:
        """What stands."""
        require_site(visit.caller, name)
        return shown(visit, name, _given(seen.sites.site(name)))

    @router.post("/sites/{name}/declared")
    def declare(name: str, visit: Writer, sent: Form) -> Response:
        """Has the site be as the form says; what somebody declared meanwhile is not lost."""
        require_site(visit.caller, name)
        seen.sites.site(name)
        try:
            site = _site(name, sent, seen.regions)

            def require(held: Site | None) -> None:
                if held is not None and sent.text("was") not in {"", _mark(held)}:
                    sent.refuse("declared.changed")

            seen.sites.put(site, acting(visit.caller, shell.now()), require)
        except (FormRefused, DeclarationRefused) as error:
            fault = fault_of(error, visit.words.language)
            about = next(
                (field for begins, field in _FIELD_OF if str(error).startswith(begins)), ""
            )
            return shown(
                visit, name, sent.given(FIELDS), replace(fault, field=fault.field or about)
            )
        return gone_to(address("sites", name), done="declared")

    return router


def _site(name: str, sent: Sent, regions: Regions) -> Site:
    """The site that a form declares. Raises FormRefused, DeclarationRefused."""
    devices = None
    if sent.text("devices"):
        devices = sent.whole("devices", "declared.devices", least=0, most=MOST_DEVICES)
    site = Site(
        name=name,
        body=sent.text("body"),
        region=sent.text("region"),
        finess=sent.text("finess"),
        networks=tuple(sent.lines("networks")),
        gateways=tuple(sent.lines("gateways")),
        declared_devices=devices,
        contacts=tuple(map(_contact, sent.lines("contacts"))),
    )
    return checked(site, regions)


def _contact(line: str) -> Contact:
    parts = [part.strip() for part in line.split(BETWEEN)]
    return Contact(*(parts + [""] * 4)[:4])


def _given(site: Site) -> Mapping[str, str]:
    """The site as the form sends it."""
    contacts = (
        f" {BETWEEN} ".join((one.name, one.email, one.phone, one.about)) for one in site.contacts
    )
    return {
        "body": site.body,
        "region": site.region,
        "finess": site.finess,
        "networks": "\n".join(site.networks),
        "gateways": "\n".join(site.gateways),
        "devices": "" if site.declared_devices is None else str(site.declared_devices),
        "contacts": "\n".join(contacts),
        "was": _mark(site),
    }


def _mark(site: Site) -> str:
    """What tells one state of a site from another."""
    return blake2b(repr(site).encode(), digest_size=12).hexdigest()
