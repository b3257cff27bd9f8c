"""Who may call what: a token or a session, a role for every route, a scope of sites.

A session is a browser's: it may do what its account's role may, and changes something only by a
request that carries the session's CSRF token and comes from our own origin.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import DeclarationRefused, NotFound, TokenRefused
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, KnowsSessions
from vigie_server.ports.tokens import ApiCaller, ApiTokens, Role
from vigie_server.web.browsers import SAFE, Browsers, csrf_of
from vigie_server.web.conditions import (
    Condition,
    IfMatch,
    IfNoneMatch,
    condition_of,
    refuse_unbound,
)
from vigie_server.web.repeating import Repeating
from vigie_server.web.taken import refuse_unknown

READERS: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.CONTRACTOR})
WRITERS: Final = frozenset({Role.ADMIN, Role.OPERATOR})
OVERSEERS: Final = WRITERS | {Role.AUDITOR}
ADMINISTRATORS: Final = frozenset({Role.ADMIN})
SCRAPERS: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.SCRAPE})
PEOPLE: Final = READERS

COUNTED: Final = "counted"
"""In a request's state: it was counted for its token's limits on its way here."""

_SCHEME: Final = "bearer "
_HOW: Final = "send a token in the header `Authorization: Bearer <token>`"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: the account, the same as the API's caller, and its forms' token."""

    account: Account
    caller: ApiCaller
    csrf: str


class SignInNeeded(Exception):
    """A page without a session. `back` is where to return to, where that makes sense."""

    def __init__(self, back: str | None) -> None:
        super().__init__("sign in first")
        self.back = back


@dataclass(frozen=True, slots=True)
class Access:
    """Finds the caller of a request.

    Hand `allow(roles)` to a route of the API as its dependency, `page(roles)` to one of a page.
    Without `sessions` and `browsers`, tokens alone are known. `limits`: how often each may ask.
    `repeating`: recognises requests that are sent again. `demands_tags`: changes of what has an
    `ETag` must say which state they are for.
    """

    tokens: ApiTokens
    now: Callable[[], datetime]
    sessions: KnowsSessions | None = None
    browsers: Browsers | None = None
    limits: Attempts | None = None
    repeating: Repeating | None = None
    demands_tags: bool = False

    def allow(
        self, roles: frozenset[Role], *, of_page: bool = False
    ) -> Callable[[Request], Awaitable[ApiCaller]]:
        """A dependency that gives the caller, or refuses with 401 or 403.

        A parameter that the route does not take is refused after that, with 400. Not so `of_page`:
        pages look at their address themselves, and links to them are kept for years.
        """

        async def caller(request: Request) -> ApiCaller:
            header = request.headers.get("authorization", "")
            if header.lower().startswith(_SCHEME):
                found = await run_in_threadpool(self._holder, header)
            else:
                visitor = None if header else await self._visitor(request)
                if visitor is None:
                    raise TokenRefused(_HOW)
                found = visitor.caller
            request.state.caller = found
            self._admit(found, roles, counted=getattr(request.state, COUNTED, False))
            if not of_page:
                refuse_unknown(request)
            if request.method not in SAFE:
                refuse_unbound(request)
            if self.repeating is not None:
                await self.repeating.recognise(request, acting(found, self.now()).actor)
            return found

        return caller

    async def condition(
        self,
        request: Request,
        if_match: IfMatch = None,  # noqa: ARG002 (for the description)
        if_none_match: IfNoneMatch = None,  # noqa: ARG002 (for the description)
    ) -> Condition:
        """A dependency that gives what a change demands of the state that it finds."""
        return condition_of(request, demanded=self.demands_tags)

    def admitted(self, header: str, roles: frozenset[Role]) -> ApiCaller:
        """The holder of the token in a header `Authorization`, of one of these roles. Blocking.

        Raises TokenRefused, RateLimited, and 403 for another role.
        """
        if not header.lower().startswith(_SCHEME):
            raise TokenRefused(_HOW)
        found = self._holder(header)
        self._admit(found, roles)
        return found

    def page(self, roles: frozenset[Role]) -> Callable[[Request], Awaitable[Visitor]]:
        """A dependency that gives who looks at a page, or sends them to sign in first."""

        async def visitor(request: Request) -> Visitor:
            found = await self._visitor(request)
            if found is None:
                raise SignInNeeded(_here(request) if request.method in SAFE else None)
            request.state.caller = found.caller
            self._admit(found.caller, roles)
            return found

        return visitor

    def _holder(self, header: str) -> ApiCaller:
        return self.tokens.caller(header[len(_SCHEME) :].strip(), now=self.now())

    def _admit(self, caller: ApiCaller, roles: frozenset[Role], *, counted: bool = False) -> None:
        """Raises RateLimited, and 403 for a role that is not among these."""
        if self.limits is not None and not counted:
            self.limits.take(caller.token_id)
        _require_role(caller, roles)

    async def _visitor(self, request: Request) -> Visitor | None:
        """Whose session the request carries. Raises 403 for a change that is not our own form's."""
        if self.sessions is None or self.browsers is None:
            return None
        secret = self.browsers.secret(request)
        if secret is None:
            return None
        account = await run_in_threadpool(self.sessions.account_of, secret, now=self.now())
        if account is None:
            return None
        if request.method not in SAFE:
            await self.browsers.require_own_form(request, secret)
        caller = ApiCaller(
            account.name,
            account.name,
            account.role,
            account.sites,
            person=True,
            personal_data=account.role is not Role.CONTRACTOR,
        )
        return Visitor(account, caller, csrf_of(secret))


async def to_sign_in(request: Request, error: Exception) -> RedirectResponse:  # noqa: ARG001 (FastAPI's shape)
    """Sends who has no session to the sign-in page, which sends them back."""
    back = error.back if isinstance(error, SignInNeeded) else None
    query = "" if back is None else f"?{urlencode({'next': back})}"
    return RedirectResponse(f"/sign-in{query}", HTTPStatus.SEE_OTHER)


def acting(caller: ApiCaller, now: datetime) -> Act:
    """Who acts, for the audit: the account, or the token, which names its holder."""
    return Act(f"{'account' if caller.person else 'api'}:{caller.token_id}", now)


def require_site(caller: ApiCaller, site: str) -> None:
    """Raises NotFound for a site outside the scope, as for one that does not exist."""
    if not sees(caller, site):
        raise NotFound(f"no site {site}")


def scope_of(caller: ApiCaller, site: str | None) -> frozenset[str] | None:
    """The caller's scope, narrowed to a site where one is asked for."""
    if site is None:
        return caller.sites
    return frozenset({site} if sees(caller, site) else ())


def sees(caller: ApiCaller, site: str) -> bool:
    """Whether the site is in the caller's scope."""
    return caller.sites is None or site in caller.sites


def reaches(caller: ApiCaller, sites: frozenset[str] | None) -> bool:
    """Whether these sites are all in the caller's scope; None: every site there is."""
    return caller.sites is None or (sites is not None and sites <= caller.sites)


def require_reach(caller: ApiCaller, sites: frozenset[str] | None) -> None:
    """Raises DeclarationRefused for a scope that nobody can have, or not by this caller."""
    if sites is not None and not sites:
        raise DeclarationRefused("sites: name one at least, or give null for every site")
    if not reaches(caller, sites):
        raise DeclarationRefused("sites: all of them in your own scope, which is of some sites")


def _require_role(caller: ApiCaller, roles: frozenset[Role]) -> None:
    if caller.role not in roles:
        what = "an account" if caller.person else "a token"
        raise HTTPException(HTTPStatus.FORBIDDEN, f"{what} of role {caller.role} may not do this")


def _here(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"
