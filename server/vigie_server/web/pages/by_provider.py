"""`/sign-in/provider`: the way to the identity provider, and back.

It begins with a link, not with a form: browsers apply a page's `form-action` to what a form is
redirected to. The answer is a redirect or a page that says what to do.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from vigie_server.domain.errors import ProviderRefused, RateLimited
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.providers import SignsInByProvider
from vigie_server.web.browsers import Browsers, own_path
from vigie_server.web.pages.rendering import language_asked, page
from vigie_server.web.pages.signing_in import address_of
from vigie_server.web.pages.telling import later, told
from vigie_server.web.pages.words import WORDS

WAY: Final = "/sign-in/provider"
RETURNS_TO: Final = "/sign-in/provider/return"
LEFT_FOR: Final = "/sign-in"
_QUIET: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_STATUS: Final[Mapping[ProviderFault, HTTPStatus]] = {
    ProviderFault.UNREACHABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ProviderFault.ANSWER: HTTPStatus.BAD_GATEWAY,
    ProviderFault.WAY: HTTPStatus.BAD_REQUEST,
    ProviderFault.TOKEN: HTTPStatus.BAD_GATEWAY,
    ProviderFault.CLAIM: HTTPStatus.FORBIDDEN,
    ProviderFault.DENIED: HTTPStatus.FORBIDDEN,
    ProviderFault.ASSURANCE: HTTPStatus.FORBIDDEN,
    ProviderFault.NO_RIGHT: HTTPStatus.FORBIDDEN,
    ProviderFault.LOCKED: HTTPStatus.FORBIDDEN,
    ProviderFault.ENDED: HTTPStatus.FORBIDDEN,
    ProviderFault.TAKEN: HTTPStatus.FORBIDDEN,
}


def by_provider_router(
    *, browsers: Browsers, by_provider: SignsInByProvider, way_seconds: int
) -> APIRouter:
    """The pages of signing in by the identity provider."""
    router = APIRouter(include_in_schema=False)

    @router.get(WAY)
    async def begin(request: Request, next: str | None = None) -> Response:  # noqa: A002 (as browsers send it)
        try:
            entrance, way = await by_provider.begin(own_path(next), address=address_of(request))
        except (ProviderRefused, RateLimited) as error:
            return _refused(request, error)
        answer = RedirectResponse(entrance, HTTPStatus.SEE_OTHER, headers=_QUIET)
        browsers.keep_way(answer, way, seconds=way_seconds)
        return answer

    @router.get(RETURNS_TO)
    async def finish(request: Request) -> Response:
        answer: Response
        try:
            opened, goes_to = await by_provider.finish(
                request.cookies.get(browsers.way_cookie, ""),
                _given(request),
                address=address_of(request),
                language=language_asked(request),
            )
        except (ProviderRefused, RateLimited) as error:
            answer = _refused(request, error)
        else:
            answer = RedirectResponse(own_path(goes_to), HTTPStatus.SEE_OTHER, headers=_QUIET)
            browsers.keep(answer, opened.secret)
        browsers.forget_way(answer)
        return answer

    return router


def _given(request: Request) -> Mapping[str, str]:
    """What the browser brings; nothing where a name is given twice (RFC 6749, section 3.1)."""
    items = request.query_params.multi_items()
    given = dict(items)
    return given if len(given) == len(items) else {}


def _refused(request: Request, error: ProviderRefused | RateLimited) -> Response:
    language = language_asked(request)
    words = WORDS[language]
    if isinstance(error, RateLimited):
        status, what = HTTPStatus.TOO_MANY_REQUESTS, told(words, error)
    else:
        status, what = _STATUS[error.fault], told(words, f"provider_{error.fault}")
    return page(
        "not_signed_in.html",
        language=language,
        status=status,
        headers=later(error) if isinstance(error, RateLimited) else None,
        words=words,
        told=what,
    )
