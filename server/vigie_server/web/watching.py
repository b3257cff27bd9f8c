"""Has every request of a contractor noted before it is answered: no note, no answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie_server.domain.errors import NotFound, StoreBusy
from vigie_server.ports.accesses import Looked, NotesAccesses
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import sees
from vigie_server.web.problems import raised

OUTSIDE: Final = "outside its sites"
"""The subject where something was asked for that the contractor does not see."""
SITES_EACH: Final = 20
"""Sites of a list without a site that have a row each; beyond, one row tells of them all."""
EVERY_SITE: Final = "every site of its scope"


class Watching:
    """ASGI middleware; `site_of` gives the site of a device by its id, or raises NotFound."""

    def __init__(
        self, app: ASGIApp, *, notes: NotesAccesses, site_of: Callable[[str], str]
    ) -> None:
        self._app = app
        self._notes = notes
        self._site_of = site_of

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
            if starts and noted is None and caller is not None and caller.role is Role.CONTRACTOR:
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
        route = getattr(scope.get("route"), "path", "") or scope["path"]
        device = request.path_params.get("device_id", "")
        actor = f"{'account' if caller.person else 'api'}:{caller.token_id}"
        looked = Looked(actor, request.method, route, "", status, device)
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
        if asked is not None:
            return [asked if sees(caller, asked) else OUTSIDE]
        scope = caller.sites or frozenset()
        return sorted(scope) if 0 < len(scope) <= SITES_EACH else [EVERY_SITE]
