"""`/api/v1/.../report`: the report of a facility, a managing body or a region, as PDF or HTML."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from vigie_server.domain.facility_report.content import Making
from vigie_server.domain.facility_report.trends import LONGEST, period_until
from vigie_server.ports.reporting import Format, Reports, Wanted
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, require_site
from vigie_server.web.negotiation import best_of

MEDIA: Final = {Format.PDF: "application/pdf", Format.HTML: "text/html; charset=utf-8"}
LONGEST_AUTHOR: Final = 200
_KINDS: Final = {"application/pdf": Format.PDF, "text/html": Format.HTML}
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {kind: {"schema": {"type": "string"}} for kind in _KINDS},
        "description": "The report",
    },
    406: {"description": "Neither a PDF nor HTML is accepted"},
}


def reports_router(
    access: Access, *, reports: Reports, now: Callable[[], datetime], version: str
) -> APIRouter:
    """The routes of reports. They hold to the caller's sites, as all others do."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    def wanted(
        request: Request,
        *,
        form: Annotated[
            Format | None, Query(alias="format", description="Goes before `Accept`")
        ] = None,
        language: Literal["fr", "en"] = "fr",
        months: Annotated[int, Query(ge=1, le=LONGEST, description="Until now")] = 1,
        author: Annotated[
            str, Query(max_length=LONGEST_AUTHOR, description="Who makes it, for the cover")
        ] = "",
    ) -> Wanted:
        """What is asked for. The answer is a PDF where nothing is said."""
        if form is None:
            accepted = best_of(request.headers.get("accept", "*/*"), tuple(_KINDS))
            if accepted is None:
                raise HTTPException(
                    HTTPStatus.NOT_ACCEPTABLE,
                    "a report is application/pdf or text/html: accept one, or say ?format=",
                )
            form = _KINDS[accepted]
        at = now()
        return Wanted(form, language, period_until(at, months), Making(at, author.strip(), version))

    Asked = Annotated[Wanted, Depends(wanted)]  # noqa: N806 (a type)

    def answer(content: bytes, asked: Wanted, name: str) -> Response:
        headers = _HEADERS | {
            "Content-Disposition": f'inline; filename="vigie-{name}.{asked.format}"',
            "Content-Language": asked.language,
        }
        return Response(content, media_type=MEDIA[asked.format], headers=headers)

    @router.get("/sites/{name}/report", response_class=Response, responses=_DOCUMENTED)
    def site(name: str, caller: Reader, asked: Asked) -> Response:
        """The report of a facility. It names devices and who attested, and no account."""
        require_site(caller, name)
        return answer(reports.of_site(name, asked), asked, "site")

    @router.get("/bodies/{name}/report", response_class=Response, responses=_DOCUMENTED)
    def body(name: str, caller: Reader, asked: Asked) -> Response:
        """How the facilities of a managing body spread over the levels."""
        return answer(reports.of_body(name, caller.sites, asked), asked, "body")

    @router.get("/regions/{name}/report", response_class=Response, responses=_DOCUMENTED)
    def region(name: str, caller: Reader, asked: Asked) -> Response:
        """How the facilities of a region (its INSEE code) spread over the levels."""
        return answer(reports.of_region(name, caller.sites, asked), asked, "region")

    return router
