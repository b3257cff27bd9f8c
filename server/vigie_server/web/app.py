"""The HTTP application: API, `/metrics` and two probes. All but the probes want a token."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry, generate_latest

from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rules import Rule
from vigie_server.ports.readers import FleetReader
from vigie_server.ports.tokens import ApiCaller, ApiTokens
from vigie_server.web import problems
from vigie_server.web.access import SCRAPERS, Access
from vigie_server.web.api import api_router

EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of Prometheus' text exposition format."""


def create_app(
    *,
    reader: FleetReader,
    tokens: ApiTokens,
    rules: Sequence[Rule],
    references: Sequence[Reference],
    fleet: Callable[[], Iterator[str]],
    own: CollectorRegistry,
    now: Callable[[], datetime],
    version: str,
) -> FastAPI:
    """The application. `fleet` gives the per-device lines, `own` holds the server's own figures."""
    app = FastAPI(
        title="Vigie",
        version=version,
        openapi_url="/api/v1/openapi.json",
        # The interactive pages load scripts from third parties.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    access = Access(tokens, now)
    app.include_router(api_router(reader=reader, rules=rules, references=references, access=access))

    # On the event loop, not in a worker thread: the lines change on it.
    @app.get("/metrics", include_in_schema=False)
    async def metrics(
        caller: Annotated[ApiCaller, Depends(access.allow(SCRAPERS))],
    ) -> Response:
        if caller.sites is not None:
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                "metrics tell of every site: send a token that was made without `--site`",
            )
        own_page = generate_latest(own).decode()
        return Response(own_page + "".join(fleet()), media_type=EXPOSITION)

    @app.get("/healthz", response_class=PlainTextResponse)
    async def alive() -> str:
        """The process answers."""
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse)
    def ready() -> str:
        """The store answers too; 503 otherwise."""
        reader.ready()
        return "ok\n"

    return app
