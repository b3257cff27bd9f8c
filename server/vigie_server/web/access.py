"""Who may call what: a bearer token on every request, a role for every route, a scope of sites."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import TokenRefused
from vigie_server.ports.tokens import ApiCaller, ApiTokens, Role

READERS: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.CONTRACTOR})
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


def sees(caller: ApiCaller, site: str) -> bool:
    """Whether the site is in the caller's scope."""
    return caller.sites is None or site in caller.sites
