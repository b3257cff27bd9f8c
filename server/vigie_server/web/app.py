"""The HTTP application: API, metrics and two probes. All but the probes want a token."""

from collections.abc import Callable
from datetime import datetime

from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry

from vigie_server.ports.readers import FleetReader
from vigie_server.ports.scraping import FleetMetrics
from vigie_server.ports.tokens import ApiTokens
from vigie_server.web import problems
from vigie_server.web.access import Access, SignInNeeded, to_sign_in
from vigie_server.web.browsers import FILE_BYTES
from vigie_server.web.documented import Documented
from vigie_server.web.listing import MAX_PAGE
from vigie_server.web.metrics import metrics_router
from vigie_server.web.repeating import AnsweredBefore, answer_again


def create_app(
    *,
    reader: FleetReader,
    tokens: ApiTokens,
    fleet: FleetMetrics,
    own: CollectorRegistry,
    now: Callable[[], datetime],
    version: str,
    page_most: int = MAX_PAGE,
    file_most: int = FILE_BYTES,
) -> Documented:
    """The application, without the routes of the API.

    `reader` says whether the store answers and knows the sites; `tokens` knows who scrapes; `fleet`
    gives the families of devices, `own` the server's own figures. `page_most`: items that a page of
    a list holds at most; `file_most`: bytes of a file in a form.
    """
    app = Documented(
        title="Vigie",
        version=version,
        page_most=page_most,
        file_most=file_most,
        openapi_url="/api/v1/openapi.json",
        # The interactive pages load scripts from third parties.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.add_exception_handler(SignInNeeded, to_sign_in)
    app.add_exception_handler(AnsweredBefore, answer_again)
    access = Access(tokens, now)

    app.include_router(metrics_router(access, fleet=fleet, own=own, reader=reader))

    @app.get("/healthz", response_class=PlainTextResponse)
    async def alive() -> str:
        """The process answers."""
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse)
    def answers() -> str:
        """The store answers too; 503 otherwise."""
        reader.ready()
        return "ok\n"

    return app
