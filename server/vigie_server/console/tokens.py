"""The pages of tokens: what lets devices enrol, and what lets programs read."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.forms import FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.account_terms import CONTRACTOR_DAYS
from vigie_server.domain.errors import DeclarationRefused, NotFound, SettingsMalformed
from vigie_server.domain.parameters import PROFILES
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.pages import sifted
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.ports.tokens import ApiTokenTerms, Role
from vigie_server.web.access import ADMINISTRATORS, WRITERS, acting, reaches, sees

PAGE: Final = 50
MOST_USES: Final = 10_000
MOST_DAYS: Final = 3650
COMMAND: Final = "vigie-agent enroll"
LONGEST_NAME: Final = 200
MOST_PROPOSED: Final = 500
"""Sites whose names the form proposes."""
OVERLAP: Final = timedelta(hours=24)
"""How long the secret before a rotation is good."""
ENROLMENT: Final = ("site", "profile", "uses", "days")
API: Final = ("name", "role", "sites", "days", "personal_data")
_ENROLMENT_GIVEN: Final = {"site": "", "profile": "standard", "uses": "1", "days": "7"}
_API_GIVEN: Final = {
    "name": "",
    "role": "contractor",
    "sites": "",
    "days": "180",
    "personal_data": "",
}


def enrolment_pages(shell: Shell, desk: TokenDesk, sites: SiteStore) -> APIRouter:
    """The page that lets devices in. It proposes the names of sites, so that none is mistyped."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form(secret=True))]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        walk = Walk.of(visit.request)
        within = visit.caller.sites
        held = desk.enrolment_page(within, after=walk.place((int,)), limit=PAGE)
        page: dict[str, Any] = {
            "tokens": held.items,
            "walk": walk,
            "next": walk.next(held.after),
            "profiles": [(name, visit.words(f"profile.{name}")) for name in sorted(PROFILES)],
            "given": _ENROLMENT_GIVEN | dict(given),
            "sites": sites.names(within, most=MOST_PROPOSED),
            "fault": None,
            "secret": None,
            "site": "",
        }
        return shell.page(visit, "enrolment.html", **(page | beside))

    @router.get("/enrolment")
    def enrolment(visit: Writer, *, site: str = "") -> Response:
        """Tokens, and the form of a new one."""
        return shown(visit, {"site": site})

    @router.post("/enrolment")
    def make(visit: Writer, sent: Form) -> Response:
        """Makes a token, and shows it this once."""
        try:
            site = " ".join(sent.needed("site", "overview.site").split())
            if not sees(visit.caller, site):
                sent.refuse("tokens.outside", field="site")
            _, text = desk.enrolment(
                site=site,
                profile=sent.choice("profile", "device.profile", PROFILES)
                if sent.text("profile")
                else "standard",
                max_uses=sent.whole("uses", "tokens.uses", least=1, most=MOST_USES),
                lifetime=timedelta(days=sent.whole("days", "tokens.days", least=1, most=MOST_DAYS)),
                act=acting(visit.caller, shell.now()),
            )
        except (FormRefused, DeclarationRefused, SettingsMalformed) as error:
            return shown(visit, sent.given(ENROLMENT), fault=fault_of(error, visit.words.language))
        return shown(visit, {}, secret=f"{COMMAND} {text}", site=site)

    @router.post("/enrolment/{token_id}/revoke")
    def revoke(token_id: str, visit: Writer, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """No further device gets in by this token."""
        if not sees(visit.caller, desk.enrolment_token(token_id).site):
            raise NotFound(f"no token {token_id}")
        desk.revoke(token_id, acting(visit.caller, shell.now()))
        return gone_to(address("enrolment"), done="revoked")

    return router


def token_pages(shell: Shell, desk: TokenDesk) -> APIRouter:  # noqa: C901 (a route each)
    """The page of API tokens, for administrators."""
    router = shell.router()
    Admin = Annotated[Visit, Depends(shell.visit(ADMINISTRATORS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form(secret=True))]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        walk = Walk.of(visit.request)
        held = sifted(
            desk.api_page,
            lambda token: reaches(visit.caller, token.sites),
            after=walk.place((int,)),
            limit=PAGE,
        )
        page: dict[str, Any] = {
            "tokens": held.items,
            "walk": walk,
            "next": walk.next(held.after),
            "roles": [(role.value, visit.words(f"role.{role.value}")) for role in Role],
            "given": _API_GIVEN | dict(given),
            "fault": None,
            "secret": None,
            "rotated": None,
        }
        return shell.page(visit, "tokens.html", **(page | beside))

    def known(visit: Visit, token_id: str) -> ApiTokenTerms:
        """Raises NotFound for a token beyond the visitor's scope too."""
        token = desk.api_token(token_id)
        if not reaches(visit.caller, token.sites):
            raise NotFound(f"no token {token_id}")
        return token

    @router.get("/tokens")
    def tokens(visit: Admin) -> Response:
        """Tokens, and the form of a new one."""
        return shown(visit, {})

    @router.post("/tokens")
    def make(visit: Admin, sent: Form) -> Response:
        """Makes a token, and shows it this once."""
        try:
            sites = frozenset(filter(None, map(str.strip, sent.text("sites").splitlines())))
            if not reaches(visit.caller, sites or None):
                sent.refuse("tokens.outside", field="sites")
            role = sent.choice("role", "tokens.role", [role.value for role in Role])
            if role == Role.CONTRACTOR and not sites:
                sent.refuse("tokens.contractor", field="sites")
            most = CONTRACTOR_DAYS if role == Role.CONTRACTOR else MOST_DAYS
            _, text = desk.api(
                name=sent.needed("name", "tokens.name")[:LONGEST_NAME],
                role=Role(role),
                sites=sites or None,
                lifetime=timedelta(days=sent.whole("days", "tokens.days", least=1, most=most)),
                personal_data=bool(sent.text("personal_data")),
                act=acting(visit.caller, shell.now()),
            )
        except (FormRefused, DeclarationRefused, SettingsMalformed) as error:
            return shown(visit, sent.given(API), fault=fault_of(error, visit.words.language))
        return shown(visit, {}, secret=text)

    @router.post("/tokens/{token_id}/rotate")
    def rotate(token_id: str, visit: Admin, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Gives the token a new secret, and shows it this once."""
        token = known(visit, token_id)
        text = desk.rotate(token_id, acting(visit.caller, shell.now()), overlap=OVERLAP)
        return shown(visit, {}, secret=text, rotated=token)

    @router.post("/tokens/{token_id}/revoke")
    def revoke(token_id: str, visit: Admin, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Who holds this token reads no more, from the next request on."""
        known(visit, token_id)
        desk.revoke(token_id, acting(visit.caller, shell.now()))
        return gone_to(address("tokens"), done="revoked")

    return router
