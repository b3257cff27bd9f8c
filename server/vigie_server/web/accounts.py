"""`/api/v1/accounts`: who may sign in, with which rights and until when, for administrators.

A setup code is shown once, in the answer that made it: hand it to its person, who chooses a
password and an app by it. Nobody changes the account they are signed in with.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.people import NAME_FAULTS, Account, AccountState
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import ADMINISTRATORS, Access, acting, reaches, require_reach
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.held import HeldOf, ScopeSent, scope_sent
from vigie_server.web.listing import Paged, PageShape
from vigie_server.web.repeating import SHOWS_SECRET
from vigie_server.web.tags import TAGGED

OWN = "this is your own account: another administrator changes it"


class TermsSent(BaseModel):
    """What an account may do. A contractor's names its sites and ends within a year."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["admin", "operator", "auditor", "contractor"] = Field(examples=["contractor"])
    sites: ScopeSent
    expires_at: AwareDatetime | None = Field(
        description="From then on nobody signs in; null: no end.",
        examples=["2027-03-01T00:00:00Z"],
    )

    def terms(self, caller: ApiCaller, known: Callable[[str], object]) -> AccountTerms:
        """Raises DeclarationRefused for a scope beyond the caller's, or of a site that is none."""
        sites = scope_sent(self.sites)
        require_reach(caller, sites)
        for site in sorted(sites or ()):
            try:
                known(site)
            except NotFound as error:
                raise DeclarationRefused(f"sites: {error}") from error
        return AccountTerms(self.role, sites, self.expires_at)


class AccountSent(TermsSent):
    """A new account: whose it is, and what it may do."""

    name: str = Field(max_length=200, examples=["Anaïs Lefèvre"])
    language: Literal["fr", "en"] = "fr"
    sites: ScopeSent = None
    expires_at: AwareDatetime | None = Field(
        default=None,
        description="From then on nobody signs in; null: no end.",
        examples=["2027-03-01T00:00:00Z"],
    )


class AccountAct(StrEnum):
    """`lock` ends the sessions and lets the person in no more; `unlock` lets them in again."""

    LOCK = "lock"
    UNLOCK = "unlock"


class AccountActWanted(BaseModel):
    """What is to be done with an account."""

    model_config = ConfigDict(extra="forbid")

    act: AccountAct = Field(examples=["lock"])


class SetupCodeMade(BaseModel):
    """The code that sets an account up at `/setup`, which is never shown again."""

    id: str = Field(examples=["9f1c2b7a4d3e5f60"])
    code: str = Field(examples=["ABCD-EFGH-JKLM-NPQR"])
    minutes: int = Field(description="How long it is good.", examples=[30])


class AccountShape(BaseModel):
    """An account. `sites` null: every site. `ended`: its last day is over."""

    id: str
    name: str
    role: Role
    sites: list[str] | None
    language: str
    state: AccountState
    created_at: datetime
    expires_at: datetime | None
    ended: bool

    @classmethod
    def of(cls, held: Account, now: datetime) -> "AccountShape":
        """The account, without anything that it signs in by."""
        return cls(
            id=held.id,
            name=held.name,
            role=held.role,
            sites=None if held.sites is None else sorted(held.sites),
            language=held.language,
            state=held.state,
            created_at=held.created_at,
            expires_at=held.expires_at,
            ended=held.ended(now),
        )


class AccountList(PageShape[AccountShape]):
    """Accounts, in the order of their ids."""


def own_account(caller: ApiCaller, account: Account) -> bool:
    """Whether it is the one that the caller is signed in with."""
    return caller.person and caller.token_id == account.name


def require_another(caller: ApiCaller, account: Account) -> None:
    """Raises DeclarationRefused for the caller's own account: nobody shuts themselves out."""
    if own_account(caller, account):
        raise DeclarationRefused(OWN)


def accounts_router(  # noqa: C901 (a route each)
    access: Access,
    *,
    desk: AccountDesk,
    site: Callable[[str], object],
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of people's accounts. `site` finds a site by its name, or raises NotFound."""
    router = APIRouter(prefix="/api/v1/accounts")
    Administrator = Annotated[ApiCaller, Depends(access.allow(ADMINISTRATORS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def shown(account: Account) -> AccountShape:
        return AccountShape.of(account, now())

    accounts = HeldOf[Account, AccountShape](
        "account",
        lambda _, after, limit: desk.by_ids(after, limit),
        desk.account,
        lambda caller, held: reaches(caller, held.sites),
        shown,
        AccountList,
        AccountShape,
    )

    def another(caller: ApiCaller, account_id: str) -> Account:
        found = accounts.one(caller, account_id)
        require_another(caller, found)
        return found

    def code_of(account: Account, code: str) -> SetupCodeMade:
        return SetupCodeMade(id=account.id, code=code, minutes=desk.code_minutes)

    @router.get("", response_model=AccountList)
    def list_accounts(caller: Administrator, asked: Paged) -> Response:
        """Accounts that reach no further than the caller."""
        return accounts.page(caller, asked)

    @router.post("", status_code=HTTPStatus.CREATED, openapi_extra=SHOWS_SECRET)
    def make_account(sent: AccountSent, caller: Administrator) -> SetupCodeMade:
        """Makes an account that reaches no further than the caller, and shows its setup code."""
        act = acting(caller, now())
        try:
            made = desk.make(sent.name, sent.terms(caller, site), sent.language, act)
        except DeclarationRefused as error:
            raise DeclarationRefused(NAME_FAULTS.get(str(error), str(error))) from error
        return code_of(made, desk.code(made, act))

    @router.get("/{account_id}", response_model=AccountShape, responses=TAGGED)
    def show_account(account_id: str, caller: Administrator, request: Request) -> Response:
        """One account."""
        return accounts.tagged(caller, account_id, request)

    @router.put("/{account_id}", responses=CONDITIONAL)
    def change_account(
        account_id: str, sent: TermsSent, caller: Administrator, when: When
    ) -> AccountShape:
        """Gives it this role, these sites and this end; where they differ, its sessions end."""
        found = another(caller, account_id)
        terms = sent.terms(caller, site)
        return shown(desk.change(found, terms, acting(caller, now()), when.on(shown)))

    @router.post("/{account_id}/acts", responses=CONDITIONAL)
    def act_on_account(
        account_id: str, wanted: AccountActWanted, caller: Administrator, when: When
    ) -> AccountShape:
        """Locks or unlocks it, and answers with the account as it then is."""
        found, act = another(caller, account_id), acting(caller, now())
        locked = wanted.act is AccountAct.LOCK
        return shown(desk.lock(found, act, when.on(shown), locked=locked))

    @router.post("/{account_id}/reset", responses=CONDITIONAL, openapi_extra=SHOWS_SECRET)
    def reset_account(account_id: str, caller: Administrator, when: When) -> SetupCodeMade:
        """Forgets password, app and sessions, and shows a new setup code."""
        found = another(caller, account_id)
        return code_of(found, desk.reset(found, acting(caller, now()), when.on(shown)))

    return router
