"""`/account`: who one is, where one is signed in, and another password."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import DeclarationRefused, RateLimited, SignInRefused
from vigie_server.ports.people import ChangesOwnAccount
from vigie_server.web.access import PEOPLE, Access, Visitor
from vigie_server.web.browsers import Browsers, form_of
from vigie_server.web.pages.rendering import page
from vigie_server.web.pages.telling import later, told
from vigie_server.web.pages.words import WORDS

_DONE = "password_changed"


def own_account_router(
    access: Access, *, browsers: Browsers, own_account: ChangesOwnAccount
) -> APIRouter:
    """The page of one's own account, and its forms."""
    router = APIRouter(include_in_schema=False)
    Person = Annotated[Visitor, Depends(access.page(PEOPLE))]  # noqa: N806 (a type)

    def shown(
        request: Request,
        person: Visitor,
        what: str | RateLimited | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        account = person.account
        words = WORDS[account.language]
        return page(
            "account.html",
            language=account.language,
            status=status,
            headers=later(what),
            words=words,
            told=told(words, what),
            account=account,
            sessions=own_account.sessions(account, secret=browsers.secret(request) or ""),
            csrf=person.csrf,
        )

    @router.get("/account")
    def show_account(request: Request, person: Person) -> Response:
        return shown(request, person)

    @router.post("/account/sessions")
    async def sign_out_elsewhere(request: Request, person: Person) -> Response:
        secret = browsers.secret(request) or ""
        await run_in_threadpool(own_account.close_others, person.account, secret=secret)
        return RedirectResponse("/account", HTTPStatus.SEE_OTHER)

    @router.post("/account/password")
    async def change_password(request: Request, person: Person) -> Response:
        form = await form_of(request)
        new = form.get("new", "")
        what: str | RateLimited = _DONE
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if new != form.get("again"):
            return await run_in_threadpool(shown, request, person, "fault_differ", status)
        try:
            await run_in_threadpool(
                own_account.change_password,
                person.account,
                form.get("present", ""),
                new,
                secret=browsers.secret(request) or "",
            )
            status = HTTPStatus.OK
        except DeclarationRefused as error:
            what = f"fault_{error}"
        except SignInRefused:
            what = "fault_present"
        except RateLimited as error:
            what, status = error, HTTPStatus.TOO_MANY_REQUESTS
        return await run_in_threadpool(shown, request, person, what, status)

    return router
