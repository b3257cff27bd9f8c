"""`/account/app`: another app for one-time codes, or the same one on a new telephone."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import DeclarationRefused, RateLimited, SignInRefused
from vigie_server.ports.people import AppBegun, RenewsApp
from vigie_server.web.access import PEOPLE, Access, Visitor
from vigie_server.web.browsers import Browsers, form_of
from vigie_server.web.pages.rendering import page
from vigie_server.web.pages.setting_up import drawn, in_fours
from vigie_server.web.pages.telling import later, told
from vigie_server.web.pages.words import WORDS

ACCOUNT = "/account"


def own_app_router(access: Access, *, browsers: Browsers, renew: RenewsApp) -> APIRouter:
    """The pages by which a person renews the app of their own account."""
    router = APIRouter(include_in_schema=False)
    Person = Annotated[Visitor, Depends(access.page(PEOPLE))]  # noqa: N806 (a type)

    @router.get("/account/app")
    def show(person: Person) -> Response:
        return _asks(person)

    @router.post("/account/app")
    async def begin(request: Request, person: Person) -> Response:
        form = await form_of(request)
        secret = browsers.secret(request) or ""
        try:
            begun = await run_in_threadpool(
                renew.begin, person.account, form.get("present", ""), secret=secret
            )
        except SignInRefused:
            return _asks(person, "fault_present", HTTPStatus.UNPROCESSABLE_ENTITY)
        except RateLimited as error:
            return _asks(person, error, HTTPStatus.TOO_MANY_REQUESTS)
        return _scans(person, begun)

    @router.post("/account/app/code")
    async def complete(request: Request, person: Person) -> Response:
        form = await form_of(request)
        begun, secret = form.get("begun", ""), browsers.secret(request) or ""
        app_code = form.get("app_code", "")
        try:
            codes = await run_in_threadpool(
                renew.complete, person.account, begun, app_code, secret=secret
            )
        except SignInRefused:
            return _asks(person, "app_over", HTTPStatus.UNPROCESSABLE_ENTITY)
        except DeclarationRefused as error:
            again = await run_in_threadpool(renew.begun, person.account, begun, secret=secret)
            return _scans(person, again, f"fault_{error}", HTTPStatus.UNPROCESSABLE_ENTITY)
        language = person.account.language
        return page(
            "recovery_codes.html",
            language=language,
            words=WORDS[language],
            told=told(WORDS[language], "app_renewed"),
            codes=codes,
            home=ACCOUNT,
        )

    return router


def _asks(
    person: Visitor,
    what: str | RateLimited | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    words = WORDS[person.account.language]
    return page(
        "account_app.html",
        language=person.account.language,
        status=status,
        headers=later(what),
        words=words,
        told=told(words, what),
        account=person.account,
        csrf=person.csrf,
        back=ACCOUNT,
    )


def _scans(
    person: Visitor,
    begun: AppBegun,
    what: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    words = WORDS[person.account.language]
    return page(
        "account_app_code.html",
        language=person.account.language,
        status=status,
        words=words,
        told=told(words, what),
        csrf=person.csrf,
        begun=begun.form,
        secret=in_fours(begun.secret),
        qr=drawn(begun.uri),
        uri=begun.uri,
        back=ACCOUNT,
    )
