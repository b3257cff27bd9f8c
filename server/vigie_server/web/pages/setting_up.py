"""`/setup`: a one-time code becomes an account with a password and an app for one-time codes.

The code travels in forms alone, never in an address. Nothing is set up before the app's first code
is right: a setup that is left half-way leaves no account.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import DeclarationRefused, RateLimited, SignInRefused
from vigie_server.ports.people import Enrolling, Fault, OpenedSession, SetsUp, SetupCode
from vigie_server.web.browsers import HOME, Browsers, Form, form_of
from vigie_server.web.pages.rendering import language_asked, page
from vigie_server.web.pages.signing_in import address_of
from vigie_server.web.pages.telling import later, told
from vigie_server.web.pages.words import WORDS

_QR_SCALE: Final = 5


def setting_up_router(*, browsers: Browsers, set_up: SetsUp) -> APIRouter:
    """The pages of the setup."""
    router = APIRouter(include_in_schema=False)
    steps = _Steps(set_up)

    @router.get("/setup")
    def show_setup(request: Request) -> Response:
        return _page(request, "setup_code.html")

    for path, step in (
        ("/setup", steps.code),
        ("/setup/password", steps.password),
        ("/setup/app", steps.app),
    ):
        router.add_api_route(path, _step(browsers, step), methods=["POST"], response_model=None)
    return router


Step = Callable[[Request, Form], "_Answered"]


@dataclass(frozen=True, slots=True)
class _Answered:
    """A page, and the session that it opens where it does."""

    page: Response
    opened: OpenedSession | None = None


def _step(browsers: Browsers, step: Step) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        browsers.require_own_origin(request)
        form = await form_of(request)
        try:
            answered = await run_in_threadpool(step, request, form)
        except SignInRefused:
            return _page(request, "setup_code.html", "code_refused", HTTPStatus.UNAUTHORIZED)
        except RateLimited as error:
            return _page(request, "setup_code.html", error, HTTPStatus.TOO_MANY_REQUESTS)
        if answered.opened is not None:
            browsers.keep(answered.page, answered.opened.secret)
        return answered.page

    return take


@dataclass(frozen=True, slots=True)
class _Steps:
    """What each form of the setup is answered with. Blocking."""

    set_up: SetsUp

    def code(self, request: Request, form: Form) -> _Answered:
        code = form.get("code", "")
        found = self.set_up.looked_at(code, address=address_of(request))
        return _Answered(_passwords(request, code, found))

    def password(self, request: Request, form: Form) -> _Answered:
        code, name, password = form.get("code", ""), form.get("name", ""), form.get("password", "")
        found = self.set_up.looked_at(code, address=address_of(request))
        if password != form.get("again"):
            return _Answered(_passwords(request, code, found, name, "fault_differ"))
        try:
            chosen = self.set_up.begin(code, name, password, language_asked(request))
        except DeclarationRefused as error:
            return _Answered(_passwords(request, code, found, name, f"fault_{error}"))
        return _Answered(self._app(request, code, chosen))

    def app(self, request: Request, form: Form) -> _Answered:
        code, address = form.get("code", ""), address_of(request)
        chosen = self.set_up.looked_at(code, address=address).enrolling
        try:
            opened, codes = self.set_up.complete(code, form.get("app_code", ""))
        except DeclarationRefused as error:
            if chosen is not None and str(error) == Fault.CODE:
                return _Answered(self._app(request, code, chosen, f"fault_{error}"))
            found = self.set_up.looked_at(code, address=address)
            return _Answered(_passwords(request, code, found, told_as=f"fault_{error}"))
        page = _page(request, "recovery_codes.html", codes=codes, home=HOME)
        return _Answered(page, opened)

    def _app(
        self, request: Request, code: str, chosen: Enrolling, told_as: str | None = None
    ) -> Response:
        uri = self.set_up.uri(chosen)
        return _page(
            request,
            "setup_app.html",
            told_as,
            code=code,
            secret=in_fours(chosen.totp_secret),
            qr=drawn(uri),
            uri=uri,
        )


def _passwords(
    request: Request, code: str, found: SetupCode, name: str = "", told_as: str | None = None
) -> Response:
    fixed = found.account is not None
    name = found.account.name if found.account is not None else name
    return _page(request, "setup_password.html", told_as, code=code, name=name, fixed=fixed)


def _page(
    request: Request,
    template: str,
    what: str | RateLimited | None = None,
    status: HTTPStatus | None = None,
    **values: Any,
) -> Response:
    language = language_asked(request)
    words = WORDS[language]
    usual = HTTPStatus.OK if what is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return page(
        template,
        language=language,
        status=status or usual,
        headers=later(what),
        words=words,
        told=told(words, what),
        **values,
    )


def drawn(uri: str) -> Markup:
    """The QR code of an app."""
    squares = segno.make(uri, micro=False).svg_inline(
        scale=_QR_SCALE, svgclass=None, lineclass=None
    )
    return Markup(squares)  # noqa: S704 (drawn here, of nothing but squares)


def in_fours(secret: str) -> str:
    """A secret as people type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
