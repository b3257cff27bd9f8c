"""`/sign-in` and `/sign-out`: how people come in and go."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import AccountEnded, RateLimited, SignInRefused
from vigie_server.ports.people import KnowsSessions, SignsIn
from vigie_server.web.access import PEOPLE, Access, Visitor
from vigie_server.web.browsers import HOME, Browsers, form_of, own_path
from vigie_server.web.pages.rendering import language_asked, page
from vigie_server.web.pages.telling import later, told
from vigie_server.web.pages.words import WORDS


@dataclass(frozen=True, slots=True)
class Offered:
    """An identity provider as the page of signing in offers it.

    `labels`: what its button says, by language. `only`: passwords are for emergencies.
    """

    labels: Mapping[str, str]
    only: bool


def signing_in_router(
    access: Access,
    *,
    browsers: Browsers,
    sign_in: SignsIn,
    sessions: KnowsSessions,
    now: Callable[[], datetime],
    offered: Offered | None = None,
    leaving: Callable[[str], Awaitable[str | None]] | None = None,
) -> APIRouter:
    """The pages of signing in and out.

    `leaving`: where who signed in by the identity provider signs out of it, by their ID token.
    """
    _form = partial(_sign_in_page, offered)
    router = APIRouter(include_in_schema=False)
    Person = Annotated[Visitor, Depends(access.page(PEOPLE))]  # noqa: N806 (a type)

    @router.get("/sign-in")
    def show_sign_in(request: Request, next: str | None = None) -> Response:  # noqa: A002 (as browsers send it)
        return _form(request, next=own_path(next))

    @router.post("/sign-in")
    async def take_sign_in(request: Request) -> Response:
        browsers.require_own_origin(request)
        form = await form_of(request)
        goes_to, name = own_path(form.get("next")), form.get("name", "")
        try:
            opened = await run_in_threadpool(
                sign_in,
                name,
                form.get("password", ""),
                form.get("code", ""),
                address=address_of(request),
            )
        except AccountEnded:
            return _form(request, HTTPStatus.FORBIDDEN, "ended", name, next=goes_to)
        except SignInRefused:
            return _form(request, HTTPStatus.UNAUTHORIZED, "refused", name, next=goes_to)
        except RateLimited as error:
            return _form(request, HTTPStatus.TOO_MANY_REQUESTS, error, name, next=goes_to)
        answer = RedirectResponse(goes_to, HTTPStatus.SEE_OTHER)
        browsers.keep(answer, opened.secret)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request, person: Person) -> Response:  # noqa: ARG001 (checked)
        secret = browsers.secret(request)
        id_token = None
        if secret is not None:
            id_token = await run_in_threadpool(sessions.close, secret, now=now())
        elsewhere = None
        if id_token is not None and leaving is not None:
            elsewhere = await leaving(id_token)
        answer: Response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        if elsewhere is not None:
            answer = _signed_out(request, elsewhere)
        browsers.forget(answer)
        return answer

    return router


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def _signed_out(request: Request, elsewhere: str) -> Response:
    """Leads on to the provider by itself: no redirect may answer a form (CSP form-action)."""
    language = language_asked(request)
    return page(
        "signed_out.html",
        language=language,
        words=WORDS[language],
        told=None,
        elsewhere=elsewhere,
    )


def _sign_in_page(
    offered: Offered | None,
    request: Request,
    status: HTTPStatus = HTTPStatus.OK,
    what: str | RateLimited | None = None,
    name: str = "",
    **values: str,
) -> Response:
    language = language_asked(request)
    words = WORDS[language]
    return page(
        "sign_in.html",
        language=language,
        status=status,
        headers=later(what),
        words=words,
        told=told(words, what),
        name=name,
        offered=None if offered is None else offered.labels[language],
        by_provider=f"/sign-in/provider?{urlencode({'next': values.get('next', HOME)})}",
        only=offered is not None and offered.only,
        **values,
    )
