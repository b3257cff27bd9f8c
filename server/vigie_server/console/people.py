"""The pages of people: who may sign in, what they may do, and until when. For administrators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.forms import FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.account_terms import CONTRACTOR, CONTRACTOR_DAYS, AccountTerms
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.pages import sifted
from vigie_server.ports.people import LANGUAGES, ROLES, Account, Fault
from vigie_server.web.access import ADMINISTRATORS, acting, reaches
from vigie_server.web.accounts import own_account, require_another

PAGE: Final = 50
FIELDS: Final = ("name", "role", "sites", "language", "expires")
NOTHING: Final = {"name": "", "role": "operator", "sites": "", "language": "fr", "expires": ""}
_NAMES: Final = {Fault.NAME.value: "people.bad_name", Fault.TAKEN.value: "people.taken"}


@dataclass(frozen=True, slots=True)
class PeopleSeen:
    """What these pages read and act on."""

    desk: AccountDesk
    sites: SiteStore


def people_pages(shell: Shell, seen: PeopleSeen) -> APIRouter:
    """The page of all people."""
    router = shell.router()
    Admin = Annotated[Visit, Depends(shell.visit(ADMINISTRATORS))]  # noqa: N806 (a type)
    Secret = Annotated[Sent, Depends(shell.form(secret=True))]  # noqa: N806 (a type)

    def listed(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        walk = Walk.of(visit.request)
        held = sifted(
            seen.desk.page,
            lambda account: reaches(visit.caller, account.sites),
            after=walk.place((str,)),
            limit=PAGE,
        )
        page: dict[str, Any] = {
            "people": held.items,
            "walk": walk,
            "next": walk.next(held.after),
            "given": NOTHING | dict(given),
            "fault": None,
            "code": None,
            "made": None,
            "desk": seen.desk,
            "roles": [(role.value, visit.words(f"role.{role.value}")) for role in ROLES],
            "languages": [(each, visit.words(f"language.{each}")) for each in LANGUAGES],
        }
        return shell.page(visit, "people.html", **(page | beside))

    @router.get("/people")
    def people(visit: Admin) -> Response:
        """Accounts, and the form of a new one."""
        return listed(visit, {})

    @router.post("/people")
    def make(visit: Admin, sent: Secret) -> Response:
        """Makes an account, and shows its setup code this once."""
        act = acting(visit.caller, shell.now())
        try:
            name = sent.needed("name", "people.name")
            language = sent.choice("language", "people.language", LANGUAGES)
            terms = _terms(sent, visit, seen.sites, now=act.at)
            try:
                made = seen.desk.make(name, terms, language, act)
            except DeclarationRefused as error:
                if str(error) not in _NAMES:
                    raise
                sent.refuse(_NAMES[str(error)], field="name")
        except (FormRefused, DeclarationRefused) as error:
            return listed(visit, sent.given(FIELDS), fault=fault_of(error, visit.words.language))
        return listed(visit, {}, made=made, code=seen.desk.code(made, act))

    return router


def person_pages(shell: Shell, seen: PeopleSeen) -> APIRouter:  # noqa: C901 (a route each)
    """The page of one person."""
    router = shell.router()
    Admin = Annotated[Visit, Depends(shell.visit(ADMINISTRATORS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)
    Secret = Annotated[Sent, Depends(shell.form(secret=True))]  # noqa: N806 (a type)

    def one(visit: Visit, person: Account, given: Mapping[str, str], **beside: Any) -> Response:
        page: dict[str, Any] = {
            "person": person,
            "own": own_account(visit.caller, person),
            "given": given or _given(person),
            "fault": None,
            "code": None,
            "desk": seen.desk,
            "roles": [(role.value, visit.words(f"role.{role.value}")) for role in ROLES],
        }
        return shell.page(visit, "person.html", **(page | beside))

    def known(visit: Visit, account_id: str) -> Account:
        found = seen.desk.account(account_id)
        if not reaches(visit.caller, found.sites):
            raise NotFound(f"no account {account_id}")
        return found

    def another(visit: Visit, account_id: str) -> Account:
        """An account that is not the visitor's own: nobody shuts themselves out."""
        found = known(visit, account_id)
        require_another(visit.caller, found)
        return found

    @router.get("/people/{account_id}")
    def person(account_id: str, visit: Admin) -> Response:
        """One account."""
        return one(visit, known(visit, account_id), {})

    @router.post("/people/{account_id}/terms")
    def change(account_id: str, visit: Admin, sent: Form) -> Response:
        """Changes role, sites and end; the person signs in again."""
        found = another(visit, account_id)
        act = acting(visit.caller, shell.now())
        try:
            seen.desk.change(found, _terms(sent, visit, seen.sites, now=act.at), act)
        except (FormRefused, DeclarationRefused) as error:
            return one(
                visit, found, sent.given(FIELDS), fault=fault_of(error, visit.words.language)
            )
        return gone_to(address("people", account_id), done="terms")

    @router.post("/people/{account_id}/{what}")
    def act_on(account_id: str, what: str, visit: Admin, sent: Secret) -> Response:  # noqa: ARG001 (its token is checked)
        """Locks, unlocks, or resets an account; a reset shows the new setup code this once."""
        found = another(visit, account_id)
        act = acting(visit.caller, shell.now())
        if what == "reset":
            code = seen.desk.reset(found, act)
            return one(visit, seen.desk.account(account_id), {}, code=code)
        if what not in {"lock", "unlock"}:
            raise NotFound(f"no act {what}")
        seen.desk.lock(found, act, locked=what == "lock")
        return gone_to(address("people", account_id), done=what)

    return router


def _given(person: Account) -> Mapping[str, str]:
    return {
        "name": person.name,
        "role": person.role.value,
        "sites": "\n".join(sorted(person.sites or ())),
        "language": person.language,
        "expires": "" if person.expires_at is None else f"{person.expires_at:%Y-%m-%d}",
    }


def _terms(sent: Sent, visit: Visit, store: SiteStore, *, now: datetime) -> AccountTerms:
    """The terms that a form asks for. Raises FormRefused."""
    role = sent.choice("role", "tokens.role", [role.value for role in ROLES])
    sites = frozenset(sent.lines("sites")) or None
    if role == CONTRACTOR and sites is None:
        sent.refuse("tokens.contractor", field="sites")
    if not reaches(visit.caller, sites):
        sent.refuse("tokens.outside", field="sites")
    for site in sorted(sites or ()):
        try:
            store.site(site)
        except NotFound:
            sent.refuse("people.no_site", field="sites", site=site)
    expires = sent.until("expires", "people.expires")
    if expires is not None and expires <= now:
        sent.refuse("people.past", field="expires")
    too_far = expires is None or (expires - now).days >= CONTRACTOR_DAYS
    if role == CONTRACTOR and too_far:
        sent.refuse("people.contractor_ends", field="expires")
    return AccountTerms(role, sites, expires)
