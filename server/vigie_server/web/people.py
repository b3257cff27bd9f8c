"""`/api/v1/accounts`: who may sign in, with which rights and until when, for administrators.

Accounts are made in the console or on the command line: their setup codes are for one person.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from vigie_server.domain.errors import NotFound
from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.pages import page_of
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import Access
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.tags import TAGGED, tagged

ADMINISTRATORS: Final = frozenset({Role.ADMIN})


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


def accounts_router(access: Access, *, desk: AccountDesk, now: Callable[[], datetime]) -> APIRouter:
    """The routes of people's accounts."""
    router = APIRouter(prefix="/api/v1/accounts")
    Administrator = Annotated[ApiCaller, Depends(access.allow(ADMINISTRATORS))]  # noqa: N806 (a type)

    listing = Listing[Account, AccountShape](
        AccountList, AccountShape, lambda held: AccountShape.of(held, now()), (str,)
    )

    def held(caller: ApiCaller) -> list[Account]:
        """Those that reach no further than the caller."""
        own = caller.sites
        return [
            account
            for account in desk.accounts()
            if own is None or (account.sites is not None and account.sites <= own)
        ]

    @router.get("", response_model=AccountList)
    def list_accounts(caller: Administrator, asked: Paged) -> Response:
        """Accounts that reach no further than the caller."""
        return listing.answer(
            asked,
            lambda after, limit: page_of(
                held(caller), lambda account: (account.id,), after=after, limit=limit
            ),
        )

    @router.get("/{account_id}", response_model=AccountShape, responses=TAGGED)
    def show_account(account_id: str, caller: Administrator, request: Request) -> Response:
        """One account."""
        for account in held(caller):
            if account.id == account_id:
                return tagged(request, AccountShape.of(account, now()))
        raise NotFound(f"no account {account_id[:40]}")

    return router
