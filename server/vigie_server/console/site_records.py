"""What people record of a site: attestations, waivers, the incident log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.presenters.attested import items_of
from vigie_server.console.presenters.site import question_titles
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.attesting import (
    BOUNDS,
    DEFAULT_MONTHS,
    AttestationCatalogue,
    AttestedValue,
    NewAttestation,
    Outcome,
    ValueKind,
    months_after,
)
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.incident_log import AHEAD, NewEntry, checked
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.attesting import AttestationStore
from vigie_server.ports.incidents import IncidentLog
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.waiving import WaiverStore
from vigie_server.web.access import WRITERS, acting, require_site

PAGE: Final = 50
ATTESTED: Final = ("item", "outcome", "value", "reason", "author", "document", "expires")
NOTED: Final = ("happened", "person", "text")
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class RecordsSeen:
    """What these pages read and write."""

    attestations: AttestationStore
    items: AttestationCatalogue
    remind_before: timedelta
    waivers: WaiverStore
    lists: SiteLists
    log: IncidentLog
    guide: SiteGuide


def attestation_pages(shell: Shell, seen: RecordsSeen) -> APIRouter:
    """The page of a site's attestations, with its forms."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(visit: Visit, site: str, given: Mapping[str, str], **beside: Any) -> Response:
        standing = seen.attestations.standing(site)
        titles: Mapping[str, Texts] = seen.guide.titles
        page: dict[str, Any] = {
            "name": site,
            "questions": items_of(
                seen.items, standing, now=shell.now(), remind_before=seen.remind_before
            ),
            "titles": question_titles(seen.guide),
            "rules": [(rule, titles.get(rule, {})) for rule in sorted(seen.items.rules)],
            "given": dict.fromkeys(ATTESTED, "") | dict(given),
            "fault": None,
            "outcomes": [outcome.value for outcome in Outcome],
        }
        return shell.page(visit, "attestations.html", **(page | beside))

    @router.get("/sites/{site}/attestations")
    def attestations(site: str, visit: Visitor, *, item: str = "") -> Response:
        """What can be attested, and what stands."""
        require_site(visit.caller, site)
        return shown(visit, site, {"item": item})

    @router.post("/sites/{site}/attestations")
    def attest(site: str, visit: Writer, sent: Form) -> Response:
        """Records an attestation of the whole site."""
        require_site(visit.caller, site)
        act = acting(visit.caller, shell.now())
        try:
            given = seen.items.checked(_attestation(seen.items, sent, act.at), now=act.at)
        except (FormRefused, DeclarationRefused) as error:
            return shown(
                visit,
                site,
                sent.given(ATTESTED),
                fault=fault_of(error, visit.words.language, ATTESTED),
            )
        seen.attestations.record(site, given, act)
        return gone_to(address("sites", site, "attestations"), done="attested", anchor=given.item)

    @router.post("/sites/{site}/attestations/withdraw")
    def withdraw(site: str, visit: Writer, sent: Form) -> Response:
        """Takes back what was attested of an item."""
        require_site(visit.caller, site)
        act = acting(visit.caller, shell.now())
        seen.attestations.withdraw(site, sent.text("item"), sent.text("group") or None, act)
        return gone_to(address("sites", site, "attestations"), done="withdrawn")

    return router


def waiver_pages(shell: Shell, seen: RecordsSeen) -> APIRouter:
    """The page of a site's waivers."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    @router.get("/sites/{site}/waivers")
    def waivers(site: str, request: Request, visit: Visitor) -> Response:
        """Waivers in force and past, the newest first."""
        require_site(visit.caller, site)
        walk = Walk.of(request)
        page = seen.lists.waivers(site, rule=None, after=walk.place((int,)), limit=PAGE)
        return shell.page(
            visit,
            "waivers.html",
            name=site,
            waivers=page.items,
            walk=walk,
            next=walk.next(page.after),
            titles=seen.guide.titles,
        )

    @router.post("/sites/{site}/waivers/{waiver_id}/end")
    def end(site: str, waiver_id: str, visit: Writer, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Ends a waiver: what it covered fails openly again."""
        require_site(visit.caller, site)
        seen.waivers.end(site, waiver_id, acting(visit.caller, shell.now()))
        return gone_to(address("sites", site, "waivers"), done="ended")

    return router


def incident_pages(shell: Shell, seen: RecordsSeen) -> APIRouter:
    """The page of a site's incident log."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(
        visit: Visit,
        site: str,
        walk: Walk,
        given: Mapping[str, str] = NOTHING,
        fault: Fault | None = None,
    ) -> Response:
        page = seen.lists.incidents(site, after=walk.place((int,)), limit=PAGE)
        return shell.page(
            visit,
            "incidents.html",
            name=site,
            entries=page.items,
            walk=walk,
            next=walk.next(page.after),
            check=seen.log.check(site),
            given=dict.fromkeys(NOTED, "") | dict(given),
            fault=fault,
        )

    @router.get("/sites/{site}/incidents")
    def incidents(site: str, request: Request, visit: Visitor) -> Response:
        """The log, the oldest entry first, and whether it is intact."""
        require_site(visit.caller, site)
        return shown(visit, site, Walk.of(request))

    @router.post("/sites/{site}/incidents")
    def note(site: str, request: Request, visit: Writer, sent: Form) -> Response:
        """Adds an entry."""
        require_site(visit.caller, site)
        act = acting(visit.caller, shell.now())
        try:
            given = checked(_entry(sent, act.at), now=act.at)
        except (FormRefused, DeclarationRefused) as error:
            return shown(
                visit,
                site,
                Walk.of(request),
                sent.given(NOTED),
                fault_of(error, visit.words.language, NOTED),
            )
        entry, _ = seen.log.append(site, given, act)
        return gone_to(
            address("sites", site, "incidents"), done="noted", anchor=f"entry-{entry.number}"
        )

    return router


def _attestation(items: AttestationCatalogue, sent: Sent, now: datetime) -> NewAttestation:
    item = sent.needed("item", "attest.item")
    outcome = Outcome(
        sent.choice("outcome", "attest.outcome", [outcome.value for outcome in Outcome])
    )
    reason = sent.text("reason")
    if outcome is not Outcome.NOT_APPLICABLE and item in items.rules:
        sent.refuse("attest.measured", field="outcome")
    if outcome is Outcome.NOT_APPLICABLE and not reason:
        sent.refuse("attest.why", field="reason")
    known = items.items.get(item)
    latest = months_after(now, DEFAULT_MONTHS if known is None else known.months)
    return NewAttestation(
        item=item,
        outcome=outcome,
        author=sent.needed("author", "attest.author"),
        value=_value(known.value if known and outcome is Outcome.HELD else None, sent),
        reason=reason,
        document=sent.text("document"),
        expires_at=sent.until("expires", "attest.expires", after=now, by=latest),
    )


def _value(kind: ValueKind | None, sent: Sent) -> AttestedValue:
    """The answer of this kind that goes with an attestation. Raises FormRefused."""
    text = sent.text("value").lower()
    match kind:
        case None:
            return sent.refuse("attest.no_value", field="value") if text else None
        case ValueKind.YES_NO:
            yes_no = {"oui": "yes", "non": "no", "yes": "yes", "no": "no"}
            return yes_no.get(text) or sent.refuse("attest.yes_no", field="value")
        case _:
            least, most = BOUNDS[kind]
            return sent.whole("value", f"attest.kind_{kind.value}", least=least, most=most)


def _entry(sent: Sent, now: datetime) -> NewEntry:
    text = sent.text("happened")
    try:
        happened = datetime.fromisoformat(text) if text else now
    except ValueError:
        sent.refuse("form.day", field="happened", label=sent.words("incident.happened"))
    happened = happened if happened.tzinfo else happened.replace(tzinfo=UTC)
    if happened > now + AHEAD:
        sent.refuse("incident.ahead", field="happened")
    return NewEntry(
        happened,
        sent.needed("person", "incident.person"),
        sent.needed("text", "incident.text"),
    )
