"""The short way to a list: the same answer, for half of what FastAPI's way costs.

Of a page of a hundred devices, routing, the solving of dependencies one by one and two changes of
thread cost as much as the store and the JSON together. Scripts page through lists for hours, so the
lists among them are also answered here: one look at the path, and one turn of a thread for the
token, the limits, the page and the note of who looked. Requests that wait share a turn and its look
at the store, which begins after they have come: a token that was revoked before is refused.

It answers what it knows and nothing else. Whatever is asked for in another form (a session, a
stream, a parameter that is unknown or wrong) and whatever is refused goes the long way, which says
why; it counts once for the token's limits. What answers is the function of the route, so that there
is one of it; a test holds both ways against each other.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from functools import lru_cache
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vigie_server.domain.errors import RateLimited, StoreBusy, TokenRefused, VigieError
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import COUNTED
from vigie_server.web.lanes import Lanes, Waiting
from vigie_server.web.listing import CEILING, DEFAULT_PAGE, Asked, Form, accepted, page_most
from vigie_server.web.problems import raised
from vigie_server.web.watching import NOTED, SeenList, is_watched

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


@dataclass(frozen=True, slots=True)
class ListTerms:
    """How lists are answered.

    `threads` answer them: the store works beside the interpreter, which one at a time holds, so
    that many would wait for one another. One that is at a turn for more than `held_up` seconds is
    made up for by another, up to `threads_most`. Up to `together` requests share a look at the
    store and a note; those that were answered wait for no more after `slow` seconds.
    """

    threads: int = 2
    threads_most: int = 4
    held_up: float = 0.2
    together: int = 8
    slow: float = 0.05


@dataclass(slots=True)
class ShortLists:
    """The lists that have a short way, by their paths, and what they are answered with.

    `look` opens one look at the store for all that is asked in it; `note` has the audit say who
    looked, and raises StoreBusy. Both block. `terms` hold from the first request on.
    """

    ways: dict[str, Way[Any]] = field(default_factory=dict)
    look: Callable[[], AbstractContextManager[None]] = nullcontext
    note: Callable[[Sequence[SeenList]], None] | None = None
    terms: ListTerms = ListTerms()


class ListRouter(APIRouter):
    """Routes of which some lists have a short way too."""

    def __init__(self, *, prefix: str) -> None:
        super().__init__(prefix=prefix)
        self.ways: dict[str, Way[Any]] = {}

    def short(self, path: str, way: Way[Any]) -> None:
        """Gives the list at this path a short way, once it has a route."""
        self.ways[self.prefix + path] = way


@dataclass(frozen=True, slots=True)
class _Request:
    """One that was read: by which way, with which header `Authorization`, for what."""

    way: Way[Any]
    header: str
    asked: Asked
    choice: Any


@dataclass(frozen=True, slots=True)
class _Answer:
    """`caller` is None where the request was not noted, and must not be."""

    caller: ApiCaller | None
    response: Response


class ShortWays:
    """ASGI middleware; `lists` may still grow while the application is put together."""

    def __init__(self, app: ASGIApp, *, lists: ShortLists) -> None:
        terms = lists.terms
        self._app = app
        self._lists = lists
        self._slow = terms.slow
        self._lanes: Lanes[_Request, _Answer] = Lanes(
            self._settle,
            lanes=terms.threads,
            together=terms.together,
            most=terms.threads_most,
            slow=terms.held_up,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            way = self._lists.ways.get(scope["path"])
            if way is not None:
                answer = await self._answered(way, Request(scope))
                if answer is not None:
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _answered(self, way: Way[Any], request: Request) -> Response | None:
        header = request.headers.get("authorization")
        asked = None if header is None else way.read(request)
        if header is None or asked is None:
            return None
        try:
            answer = await self._lanes.answer(_Request(way, header, *asked))
        except (RateLimited, TokenRefused, StoreBusy):  # not counted
            return None
        except (VigieError, HTTPException):
            setattr(request.state, COUNTED, True)
            return None
        if answer.caller is not None:
            request.state.caller = answer.caller
        return answer.response

    def _settle(self, waiting: Sequence[Waiting[_Request, _Answer]]) -> int:
        """Answers those that wait, until one of them was slow, and has the audit say so."""
        slow = monotonic() + self._slow
        settled = 0
        with self._lists.look():
            for one in waiting:
                if settled and monotonic() > slow:
                    break
                given = one.asked
                try:
                    one.answer = _Answer(*given.way.take(given.header, given.asked, given.choice))
                except Exception as error:  # noqa: BLE001 (raised where it is waited for)
                    one.error = error
                settled += 1
        self._noted(waiting[:settled])
        return settled

    def _noted(self, settled: Sequence[Waiting[_Request, _Answer]]) -> None:
        """Has the audit say which contractors looked; who cannot be noted gets no answer."""
        if self._lists.note is None:
            return
        watched, seen = [], []
        for one in settled:
            answer, request = one.answer, one.asked.asked.request
            if answer is not None and answer.caller is not None and is_watched(answer.caller):
                watched.append(one)
                seen.append(SeenList(request, answer.caller, answer.response.status_code))
        if not watched:
            return
        try:
            self._lists.note(seen)
        except StoreBusy as error:
            for one in watched:
                one.answer = _Answer(None, raised(error))
        else:
            for one in watched:
                setattr(one.asked.asked.request.state, NOTED, True)


def _limit(text: str, most: int) -> int | None:
    """A number of items that is plainly written; None: look at it more closely."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        return None
    limit = int(text)
    return limit if 1 <= limit <= most else None
