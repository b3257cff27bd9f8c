"""The pages of groups of devices: what each picks, seen before it is declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.errors import DeclarationRefused, InUse, NotFound
from vigie_server.domain.parameters import PROFILES
from vigie_server.domain.selectors import CHASSIS, PLATFORMS, Selector, selector_of
from vigie_server.domain.sites import name_of
from vigie_server.domain.surroundings import Group
from vigie_server.ports.declaring import GroupStore, HeldGroup
from vigie_server.ports.site_lists import SiteLists
from vigie_server.web.access import WRITERS, acting, require_site, scope_of
from vigie_server.web.groups import require_group_site

PAGE: Final = 50
SHOWN: Final = 20
"""Devices that a preview names."""
BOXES: Final[Mapping[str, Sequence[str]]] = {
    "platform": sorted(PLATFORMS),
    "chassis": sorted(CHASSIS),
    "profile": sorted(PROFILES),
}
"""Criteria of a few words, each with a box a word."""
LINES: Final = ("hostname", "roles", "devices")
"""Criteria that are written, one value a line."""
FIELDS: Final = (
    "site",
    "name",
    "was",
    *LINES,
    *(f"{criterion}_{word}" for criterion, words in BOXES.items() for word in words),
)


@dataclass(frozen=True, slots=True)
class GroupsSeen:
    """What these pages read and write."""

    groups: GroupStore
    lists: SiteLists


def groups_pages(shell: Shell, seen: GroupsSeen) -> APIRouter:
    """The pages of groups."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        page: dict[str, Any] = {
            "given": dict.fromkeys(FIELDS, "") | dict(given),
            "boxes": BOXES,
            "fault": None,
            "preview": None,
        }
        return shell.page(visit, "group.html", **(page | beside))

    @router.get("/groups")
    def groups(request: Request, visit: Visitor, *, site: str = "") -> Response:
        """Groups of the visitor's sites, and of every site."""
        walk = Walk.of(request)
        page = seen.lists.groups(
            scope_of(visit.caller, site or None), after=walk.place((str, int)), limit=PAGE
        )
        return shell.page(
            visit,
            "groups.html",
            groups=page.items,
            walk=walk,
            next=walk.next(page.after),
            site=site,
        )

    @router.get("/groups/edit")
    def edit(visit: Writer, *, name: str = "", site: str = "") -> Response:
        """The form of a new group, or of one that is there."""
        _require(visit, site or None)
        if not name:
            return shown(visit, {"site": site})
        group = seen.groups.group(site or None, name)
        return shown(visit, _given(group), preview=_preview(seen, visit, group.selector, site))

    @router.post("/groups/edit")
    def declare(visit: Writer, sent: Form) -> Response:
        """Shows the devices that a selector picks; declares the group where it is asked to."""
        act = acting(visit.caller, shell.now())
        given = sent.given(FIELDS)
        try:
            site = _site(sent, visit)
            selector = _selector(sent)
            preview = _preview(seen, visit, selector, site or "")
            if sent.text("what") != "save":
                return shown(visit, given, preview=preview)
            name = sent.needed("name", "groups.name")
            with sent.beside("name"):
                name = name_of("group", name)
            seen.groups.put(site, name, selector.as_json(), act, _unchanged(sent))
        except (FormRefused, DeclarationRefused) as error:
            return shown(visit, given, fault=fault_of(error, visit.words.language))
        return gone_to(address("groups"), done="grouped")

    @router.post("/groups/remove")
    def remove(visit: Writer, sent: Form) -> Response:
        """Removes a group, with what is set for it."""
        site = sent.text("site") or None
        _require(visit, site)
        group = seen.groups.group(site, sent.text("name"))
        try:
            seen.groups.remove(site, group.name, acting(visit.caller, shell.now()))
        except InUse as error:
            return shown(visit, _given(group), fault=fault_of(error, visit.words.language))
        return gone_to(address("groups"), done="ungrouped")

    return router


def _require(visit: Visit, site: str | None) -> None:
    """Raises for a site outside the scope; every site is for who sees every site."""
    if site is not None:
        require_site(visit.caller, site)
    else:
        require_group_site(visit.caller, None)


def _site(sent: Sent, visit: Visit) -> str | None:
    site = sent.text("site") or None
    if site is None and visit.caller.sites is not None:
        sent.refuse("groups.every_site", field="site")
    if site is not None and visit.caller.sites is not None and site not in visit.caller.sites:
        sent.refuse("tokens.outside", field="site")
    return site


def _selector(sent: Sent) -> Selector:
    criteria: dict[str, list[str]] = {
        criterion: [word for word in words if sent.text(f"{criterion}_{word}")]
        for criterion, words in BOXES.items()
    }
    criteria |= {criterion: sent.lines(criterion) for criterion in LINES}
    wanted = {criterion: values for criterion, values in criteria.items() if values}
    if not wanted:
        sent.refuse("groups.no_criterion", field="hostname")
    return selector_of(wanted)


def _preview(seen: GroupsSeen, visit: Visit, selector: Selector, site: str) -> Mapping[str, Any]:
    try:
        found = seen.groups.picking(selector, site or None, visit.caller.sites)
    except NotFound:
        raise FormRefused(
            Fault(visit.words("people.no_site", site=site), visit.words.language, "site")
        ) from None
    return {"devices": found[:SHOWN], "count": len(found)}


def _given(group: Group) -> Mapping[str, str]:
    given = {"site": group.site or "", "name": group.name, "was": group.selector.as_json()}
    for criterion, values in group.selector.criteria.items():
        if criterion in BOXES:
            given |= {f"{criterion}_{word}": "yes" for word in values}
        else:
            given[criterion] = "\n".join(values)
    return given


def _unchanged(sent: Sent) -> Any:
    """Refuses to put this group over what the form has not shown."""
    was = sent.text("was")

    def require(held: HeldGroup | None) -> None:
        stands = "" if held is None else held.group.selector.as_json()
        if stands not in {was, ""} or (held is None and was):
            sent.refuse("groups.changed", field="name")

    return require
