"""`/sign-in` and `/sign-out`: how people come in and go."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import RateLimited, SignInRefused
from vigie_server.ports.people import KnowsSessions, SignsIn
from vigie_server.web.access import PEOPLE, Access, Visitor
from vigie_server.web.browsers import Browsers, form_of, own_path
from vigie_server.web.pages.rendering import language_asked, page
from vigie_server.web.pages.words import WORDS
from vigie_server.web.problems import retry_after

_SECONDS: Final = 60


def signing_in_router(
    access: Access,
    *,
    browsers: Browsers,
    sign_in: SignsIn,
    sessions: KnowsSessions,
    now: Callable[[], datetime],
) -> APIRouter:
    """The pages of signing in and out."""
    router = APIRouter(include_in_schema=False)
    Person = Annotated[Visitor, Depends(access.page(PEOPLE))]  # noqa: N806 (a type)

    @router.get("/sign-in")
    def show_sign_in(request: Request, next: str | None = None) -> Response:  # noqa: A002 (as browsers send it)
        return _form(request, next=own_path(next))

    @router.post("/sign-in")
    async def take_sign_in(request: Request) -> Response:
        browsers.require_own_origin(request)
        form = await form_of(request)
        goes_to = own_path(form.get("next"))
        try:
            opened = await run_in_threadpool(
                sign_in,
                form.get("name", ""),
                form.get("password", ""),
                form.get("code", ""),
                address=address_of(request),
            )
        except SignInRefused:
            return _form(request, HTTPStatus.UNAUTHORIZED, "refused", next=goes_to)
        except RateLimited as error:
            return _form(request, HTTPStatus.TOO_MANY_REQUESTS, error, next=goes_to)
        answer = RedirectResponse(goes_to, HTTPStatus.SEE_OTHER)
        browsers.keep(answer, opened.secret)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request, person: Person) -> Response:  # noqa: ARG001 (checked)
        secret = browsers.secret(request)
        if secret is not None:
            await run_in_threadpool(sessions.close, secret, now=now())
        answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        browsers.forget(answer)
        return answer

    return router


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def told(words: Any, what: str | RateLimited | None) -> str | None:
    """What a page says went wrong, by its name among the words."""
    if isinstance(what, RateLimited):
        text: str = words["wait"].format(minutes=ceil(retry_after(what) / _SECONDS))
        return text
    return None if what is None else str(words[what])


def later(what: str | RateLimited | None) -> dict[str, str]:
    """The headers of a page that says to come back."""
    return {"Retry-After": str(retry_after(what))} if isinstance(what, RateLimited) else {}


def _form(
    request: Request,
    status: HTTPStatus = HTTPStatus.OK,
    what: str | RateLimited | None = None,
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
        **values,
    )
