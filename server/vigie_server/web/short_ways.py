"""The short way to a list: the same answer, for half of what FastAPI's way costs.

Of a page of a hundred devices, routing, the solving of dependencies one by one and two changes of
thread cost as much as the store and the JSON together. Scripts page through lists for hours, so the
lists among them are also answered here: one look at the path, one thread for the token, the limits
and the page.

It answers what it knows and nothing else. Whatever is asked for in another form (a session, a
stream, a parameter that is unknown or wrong) and whatever is refused goes the long way, which says
why; it counts once for the token's limits. What answers is the function of the route, so that there
is one of it; a test holds both ways against each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vigie_server.domain.errors import RateLimited, StoreBusy, TokenRefused, VigieError
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import COUNTED
from vigie_server.web.listing import CEILING, DEFAULT_PAGE, Asked, Form, accepted, page_most

CHOICES_KEPT: Final = 256
"""Filters and orders of each list that are kept at hand, read."""
_DIGITS: Final = len(str(CEILING))

Choice = TypeVar("Choice")


class Way(Generic[Choice]):
    """A list that can be asked for the short way.

    `admit` gives the caller by the header `Authorization` or raises what refuses it; `choice` is
    the dataclass of the filters and the order; `answer` the function of the route. Both block.
    """

    def __init__(
        self,
        *,
        admit: Callable[[str], ApiCaller],
        choice: type[Choice],
        answer: Callable[[ApiCaller, Asked, Choice], Response],
    ) -> None:
        self._admit = admit
        self._answer = answer
        self._names = frozenset(field.name for field in fields(choice))  # type: ignore[arg-type]
        adapter = TypeAdapter(choice)

        @lru_cache(CHOICES_KEPT)
        def chosen(given: frozenset[tuple[str, str]]) -> Choice | None:
            try:
                return adapter.validate_python(dict(given))
            except ValidationError:
                return None

        self._chosen = chosen

    def read(self, request: Request) -> tuple[Asked, Choice] | None:
        """What is asked for; None: not in a form that is known here."""
        if accepted(request.headers.get("accept", "")) is not Form.JSON:
            return None
        pairs = request.query_params.multi_items()
        given = dict(pairs)
        if len(given) < len(pairs):
            return None
        cursor = given.pop("cursor", None)
        most = page_most(request)
        limit = _limit(given.pop("limit", str(min(DEFAULT_PAGE, most))), most)
        if limit is None or not given.keys() <= self._names:
            return None
        choice = self._chosen(frozenset(given.items()))
        return None if choice is None else (Asked(request, limit, cursor, Form.JSON), choice)

    def take(self, header: str, asked: Asked, choice: Choice) -> tuple[ApiCaller, Response]:
        """The caller and the answer. Blocking; raises what refuses it."""
        caller = self._admit(header)
        return caller, self._answer(caller, asked, choice)


Ways = Mapping[str, Way[Any]]
"""By the path of the list."""


class ListRouter(APIRouter):
    """Routes of which some lists have a short way too."""

    def __init__(self, *, prefix: str) -> None:
        super().__init__(prefix=prefix)
        self.ways: dict[str, Way[Any]] = {}

    def short(self, path: str, way: Way[Any]) -> None:
        """Gives the list at this path a short way, once it has a route."""
        self.ways[self.prefix + path] = way


class ShortWays:
    """ASGI middleware; `ways` may still grow while the application is put together."""

    def __init__(self, app: ASGIApp, *, ways: Ways) -> None:
        self._app = app
        self._ways = ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            way = self._ways.get(scope["path"])
            if way is not None:
                answer = await _answer(way, Request(scope))
                if answer is not None:
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def _answer(way: Way[Any], request: Request) -> Response | None:
    header = request.headers.get("authorization")
    asked = None if header is None else way.read(request)
    if header is None or asked is None:
        return None
    try:
        caller, answer = await run_in_threadpool(way.take, header, *asked)
    except (RateLimited, TokenRefused, StoreBusy):  # not counted
        return None
    except (VigieError, HTTPException):
        setattr(request.state, COUNTED, True)
        return None
    request.state.caller = caller
    return answer


def _limit(text: str, most: int) -> int | None:
    """A number of items that is plainly written; None: look at it more closely."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        return None
    limit = int(text)
    return limit if 1 <= limit <= most else None
