"""The page of a site's mail domains: add, remove, check now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.mail.names import domain_of, selectors_of
from vigie_server.domain.mail.rule_files import MailRule
from vigie_server.ports.mail import MailStore
from vigie_server.web.access import WRITERS, acting, require_site

FIELDS: Final = ("domain", "selectors")
NOTHING: Final[dict[str, str]] = dict.fromkeys(FIELDS, "")


@dataclass(frozen=True, slots=True)
class MailSeen:
    """What this page reads and writes."""

    store: MailStore
    rules: Mapping[str, MailRule]
    titles: Mapping[str, Texts]


def mail_pages(shell: Shell, seen: MailSeen) -> APIRouter:
    """The page of a site's mail domains."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(
        visit: Visit, site: str, given: Mapping[str, str], fault: Fault | None = None
    ) -> Response:
        return shell.page(
            visit,
            "mail.html",
            name=site,
            domains=seen.store.of_site(site),
            titles=seen.titles,
            rules=seen.rules,
            given=NOTHING | dict(given),
            fault=fault,
        )

    @router.get("/sites/{site}/mail")
    def mail(site: str, visit: Visitor) -> Response:
        """The domains, with what was found on each."""
        require_site(visit.caller, site)
        return shown(visit, site, NOTHING)

    @router.post("/sites/{site}/mail")
    def put(site: str, visit: Writer, sent: Form) -> Response:
        """Adds a domain, or sets its selectors anew."""
        require_site(visit.caller, site)
        act = acting(visit.caller, shell.now())
        try:
            text = sent.needed("domain", "mail.domain")
            with sent.beside("domain"):
                domain = domain_of(text)
            with sent.beside("selectors"):
                selectors = selectors_of(sent.text("selectors").replace(",", " ").split())
            seen.store.put(site, domain, selectors, act)
        except (FormRefused, DeclarationRefused) as error:
            return shown(visit, site, sent.given(FIELDS), fault_of(error, visit.words.language))
        return gone_to(address("sites", site, "mail"), done="mail_put")

    @router.post("/sites/{site}/mail/check")
    def check(site: str, visit: Writer, sent: Form) -> Response:
        """Has a domain checked as soon as possible."""
        require_site(visit.caller, site)
        seen.store.ask(site, domain_of(sent.text("domain")), acting(visit.caller, shell.now()))
        return gone_to(address("sites", site, "mail"), done="mail_check")

    @router.post("/sites/{site}/mail/remove")
    def remove(site: str, visit: Writer, sent: Form) -> Response:
        """Removes a domain, with what was found on it."""
        require_site(visit.caller, site)
        seen.store.remove(site, domain_of(sent.text("domain")), acting(visit.caller, shell.now()))
        return gone_to(address("sites", site, "mail"), done="mail_remove")

    return router
