"""The page of whom a site's messages go to: the weekly digest, and what needs to be seen to now.

Recipients of a body or of every site, and webhooks, whose keys are files of the server, are
declared by the API and the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.notices.recipients import Channel, email_of, recipient_of, shown_address
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.notifying import RecipientStore
from vigie_server.ports.people import LANGUAGES
from vigie_server.web.access import OVERSEERS, WRITERS, acting, require_site

FIELDS: Final = ("address", "language", "critical", "digest")
NOTHING: Final = {"address": "", "language": "fr", "critical": "yes", "digest": "yes"}


@dataclass(frozen=True, slots=True)
class ToldSeen:
    """What this page reads and writes. `mails`: whether a relay for mails is set."""

    recipients: RecipientStore
    sites: SiteStore
    mails: bool


def told_pages(shell: Shell, seen: ToldSeen) -> APIRouter:
    """The page of a site's recipients."""
    router = shell.router()
    Overseer = Annotated[Visit, Depends(shell.visit(OVERSEERS))]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(
        visit: Visit, site: str, given: Mapping[str, str], fault: Fault | None = None
    ) -> Response:
        return shell.page(
            visit,
            "told.html",
            name=site,
            recipients=[
                (one.id, one.recipient, shown_address(one.recipient.channel, one.recipient.address))
                for one in seen.recipients.recipients(frozenset({site}))
            ],
            languages=[(each, visit.words(f"language.{each}")) for each in LANGUAGES],
            mails=seen.mails,
            given=dict(given),
            fault=fault,
        )

    @router.get("/sites/{site}/told")
    def told(site: str, visit: Overseer) -> Response:
        """Who is told, and the form of another."""
        require_site(visit.caller, site)
        seen.sites.site(site)
        return shown(visit, site, NOTHING)

    @router.post("/sites/{site}/told")
    def add(site: str, visit: Writer, sent: Form) -> Response:
        """Adds an e-mail address."""
        require_site(visit.caller, site)
        try:
            text = sent.needed("address", "told.address")
            with sent.beside("address"):
                email_of(text)
            given = recipient_of(
                site=site,
                body="",
                channel=Channel.EMAIL,
                address=text,
                secret="",
                language=sent.choice("language", "people.language", LANGUAGES),
                critical=bool(sent.text("critical")),
                digest=bool(sent.text("digest")),
            )
            seen.recipients.add(given, acting(visit.caller, shell.now()))
        except (FormRefused, DeclarationRefused) as error:
            fault = fault_of(error, visit.words.language)
            return shown(visit, site, sent.given(FIELDS), fault)
        return gone_to(address("sites", site, "told"), done="told")

    @router.post("/sites/{site}/told/{recipient}/{what}")
    def act_on(site: str, recipient: str, what: str, visit: Writer, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Sends a test message, or removes the recipient."""
        require_site(visit.caller, site)
        act, within = acting(visit.caller, shell.now()), frozenset({site})
        if what == "test":
            seen.recipients.test(recipient, within, act)
        elif what == "remove":
            seen.recipients.remove(recipient, within, act)
        else:
            raise NotFound(f"no act {what}")
        done = "told_test" if what == "test" else "told_remove"
        return gone_to(address("sites", site, "told"), done=done)

    return router
