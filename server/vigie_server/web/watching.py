"""Has every request of a contractor noted before it is answered: no note, no answer.

So is whoever reads answers to live questions, of whatever role: they are what a person's machine
said at somebody's wish. Their subject is each site that the question went to, never the question's
id, which has other servers look at questions anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie_server.domain.errors import NotFound, StoreBusy
from vigie_server.ports.accesses import Looked, NotesAccesses
from vigie_server.ports.declaring import Sites
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import WRITERS, sees
from vigie_server.web.problems import raised

ANSWERS: Final = frozenset(
    f"/api/v1/questions/{{question_id}}/{what}" for what in ("answers", "stream")
)
"""Routes of what devices answered."""
PAGE_OF_ANSWERS: Final = "/console/questions/of/{question_id}"
"""A page of it: who only oversees what is asked sees no answer there."""
OUTSIDE: Final = "outside its sites"
"""The subject where something was asked for that the contractor does not see."""
SITES_EACH: Final = 20
"""Sites of a list without a site that have a row each; beyond, one row tells of them all."""
EVERY_SITE: Final = "every site of its scope"
NOTED: Final = "noted"
"""In a request's state: the audit says already that it was answered."""


class SeenList(NamedTuple):
    """A request for a list that is about to be answered so."""

    request: Request
    caller: ApiCaller
    status: int


def is_watched(caller: ApiCaller) -> bool:
    """Whether whatever the caller looks at is noted."""
    return caller.role is Role.CONTRACTOR


def note_lists(notes: NotesAccesses, seen: Sequence[SeenList]) -> None:
    """Has the audit say who looked at lists, all or none. Blocking. Raises StoreBusy."""
    noted = []
    for request, caller, status in seen:
        actor, method, route = _actor(caller), request.method, _route(request.scope)
        sites = _sites_of(caller, request.query_params.get("site"))
        looked = [Looked(actor, method, route, site, status) for site in sites]
        noted.append((looked, getattr(request.state, "rows", 0)))
    notes.together(noted)


class Watching:
    """ASGI middleware.

    `site_of` gives the site of a device by its id, `sites_asked` those that a question went to, of
    a scope; both raise NotFound.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        notes: NotesAccesses,
        site_of: Callable[[str], str],
        sites_asked: Callable[[str, Sites], Sequence[str]],
    ) -> None:
        self._app = app
        self._notes = notes
        self._site_of = site_of
        self._sites_asked = sites_asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        noted: Sequence[Looked] | None = None
        told, refused = 0, False

        async def noting(message: Message) -> None:
            nonlocal noted, told, refused
            caller: ApiCaller | None = state.get("caller")
            starts = message["type"] == "http.response.start"
            if (
                starts
                and noted is None
                and caller is not None
                and not state.get(NOTED, False)
                and (is_watched(caller) or _reads_answers(scope, message["status"], caller))
            ):
                told = state.get("rows", 0)
                try:
                    noted = await self._looked(scope, caller, message["status"])
                    await self._notes.request(noted, told)
                except StoreBusy as error:
                    refused = True
                    await raised(error)(scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, noting)
        streamed = state.get("rows", 0) - told
        if noted and streamed:
            await self._notes.more_rows(noted, streamed)

    async def _looked(self, scope: Scope, caller: ApiCaller, status: int) -> Sequence[Looked]:
        request = Request(scope)
        reads_answers = _reads_answers(scope, status, caller)
        route = scope["path"] if reads_answers else _route(scope)
        device = request.path_params.get("device_id", "")
        looked = Looked(_actor(caller), request.method, route, "", status, device)
        if reads_answers:
            sites = await self._asked(request.path_params["question_id"], caller)
        else:
            sites = await self._sites(request, caller, route, device)
        if sites == [OUTSIDE]:
            looked = replace(looked, device="")
        return [replace(looked, site=site) for site in sites]

    async def _sites(
        self, request: Request, caller: ApiCaller, route: str, device: str
    ) -> Sequence[str]:
        asked = request.path_params.get("site") or request.query_params.get("site")
        if asked is None and "/sites/{name}" in route:
            asked = request.path_params.get("name")
        if asked is None and device:
            try:
                asked = await run_in_threadpool(self._site_of, device)
            except NotFound:
                return [OUTSIDE]
        return _sites_of(caller, asked)

    async def _asked(self, question: str, caller: ApiCaller) -> Sequence[str]:
        try:
            sites = await run_in_threadpool(self._sites_asked, question, caller.sites)
        except NotFound:  # it was forgotten meanwhile
            return [EVERY_SITE]
        return sites if 0 < len(sites) <= SITES_EACH else [EVERY_SITE]


def _actor(caller: ApiCaller) -> str:
    return f"{'account' if caller.person else 'api'}:{caller.token_id}"


def _sites_of(caller: ApiCaller, asked: str | None) -> Sequence[str]:
    """The subjects of the note, where this site is asked for or none is."""
    if asked is not None:
        return [asked if sees(caller, asked) else OUTSIDE]
    scope = caller.sites or frozenset()
    return sorted(scope) if 0 < len(scope) <= SITES_EACH else [EVERY_SITE]


def _route(scope: Scope) -> str:
    """The template of the route, where one was found."""
    found = getattr(scope.get("route"), "path", "") or scope["path"]
    return str(found)


def _reads_answers(scope: Scope, status: int, caller: ApiCaller) -> bool:
    if status >= HTTPStatus.BAD_REQUEST:
        return False
    route = _route(scope)
    return route in ANSWERS or (route == PAGE_OF_ANSWERS and caller.role in WRITERS)
