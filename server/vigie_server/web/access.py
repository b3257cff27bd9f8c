"""Who may call what: a bearer token on every request, a role for every route, a scope of sites."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import NotFound, TokenRefused
from vigie_server.ports.declaring import Act
from vigie_server.ports.tokens import ApiCaller, ApiTokens, Role

READERS: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.CONTRACTOR})
WRITERS: Final = frozenset({Role.ADMIN, Role.OPERATOR})
SCRAPERS: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.SCRAPE})

_SCHEME: Final = "bearer "
_HOW: Final = "send a token in the header `Authorization: Bearer <token>`"


@dataclass(frozen=True, slots=True)
class Access:
    """Finds the caller of a request; hand `allow(roles)` to a route as its dependency."""

    tokens: ApiTokens
    now: Callable[[], datetime]

    def allow(self, roles: frozenset[Role]) -> Callable[[Request], Awaitable[ApiCaller]]:
        """A dependency that gives the caller, or refuses with 401 or 403."""

        async def caller(request: Request) -> ApiCaller:
            header = request.headers.get("authorization", "")
            if not header.lower().startswith(_SCHEME):
                raise TokenRefused(_HOW)
            secret = header[len(_SCHEME) :].strip()
            found = await run_in_threadpool(self.tokens.caller, secret, now=self.now())
            if found.role not in roles:
                raise HTTPException(
                    HTTPStatus.FORBIDDEN, f"a token of role {found.role} may not do this"
                )
            return found

        return caller


def acting(caller: ApiCaller, now: datetime) -> Act:
    """Who acts, for the audit: the token, which names its holder."""
    return Act(f"api:{caller.token_id}", now)


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
