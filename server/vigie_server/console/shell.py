"""What every page has: who visits, in which language, its frame, and how a refusal looks.

Pages hold no script and no style of their own, so that the policy they are sent with can refuse
both; whatever devices or people wrote is escaped by the templates' environment.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException as AnyHTTPException

from vigie_server.console.cell_labels import labelled
from vigie_server.console.forms import Sent
from vigie_server.console.languages import COOKIE, PARAMETER, language_of
from vigie_server.console.presenters.refusals import told
from vigie_server.console.words import LANGUAGES, Words, load_words
from vigie_server.domain.errors import VigieError
from vigie_server.domain.overrides import plain
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import OVERSEERS, READERS, WRITERS, Access, acting
from vigie_server.web.audit import WATCHERS
from vigie_server.web.browsers import form_of
from vigie_server.web.pages.drawn_with import ICON
from vigie_server.web.pages.rendering import HEADERS
from vigie_server.web.problems import STATUS_OF

HERE: Final = Path(__file__).parent
ROOT: Final = "/console"
ONCE: Final = "once"
"""The field of a form that marks it."""
SPACES: Final = "\u00a0\u202f"
"""The no-break spaces of French."""
LANGUAGE_KEPT: Final = 365 * 86_400
"""Seconds that a browser remembers the language."""
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor's request: who, and in which words it is answered."""

    request: Request
    caller: ApiCaller
    words: Words
    form_token: str = ""

    @property
    def writes(self) -> bool:
        """Whether the visitor sees forms."""
        return self.caller.role in WRITERS

    @property
    def once(self) -> str:
        """A mark of one form on one page: what it sends is done once."""
        return token_urlsafe(16)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages need, and the mark of its content."""

    content: bytes
    kind: str
    mark: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Makes pages."""

    access: Access
    now: Callable[[], datetime]
    words: Mapping[str, Words] = field(default_factory=load_words)
    assets: Mapping[str, Asset] = field(default_factory=lambda: _assets(HERE / "static"))
    environment: Environment = field(default_factory=lambda: environment(HERE / "templates"))

    def router(self) -> APIRouter:
        """Where pages are put: their errors are pages too, and the API does not describe them."""
        return APIRouter(prefix=ROOT, route_class=route_of(self), include_in_schema=False)

    def visit(self, roles: frozenset[Role] = READERS) -> Callable[[Request], Awaitable[Visit]]:
        """A dependency that gives the visit of a person or a token with one of these roles.

        Who has neither is sent to sign in first.
        """
        by_token, by_session = self.access.allow(roles, of_page=True), self.access.page(roles)

        async def visit(request: Request) -> Visit:
            if request.headers.get("authorization", "").lower().startswith("bearer "):
                found = Visit(request, await by_token(request), self.spoken(request))
            else:
                visitor = await by_session(request)
                words = self.spoken(request, visitor.account.language)
                found = Visit(request, visitor.caller, words, visitor.csrf)
            request.state.visit = found  # forms and refusals speak the visitor's language
            return found

        return visit

    def form(self, *, secret: bool = False) -> Callable[[Request], Awaitable[Sent]]:
        """A dependency that gives what a form sent; put it after the visit's.

        A form that is sent twice, as by a double click, is done once and answered alike. `secret`:
        its page shows what the store may not know.
        """

        async def sent(request: Request) -> Sent:
            visit: Visit = request.state.visit
            fields = await form_of(request)
            if ONCE in fields and self.access.repeating is not None:
                actor = acting(visit.caller, self.now()).actor
                await self.access.repeating.recognise_form(request, actor, secret=secret)
            return Sent(fields, visit.words)

        return sent

    def spoken(self, request: Request, own: str | None = None) -> Words:
        """The words of the request's language; `own` is the visitor's, where it is known."""
        return self.words[
            language_of(
                request.query_params.get(PARAMETER),
                request.cookies.get(COOKIE),
                own,
                request.headers.get("accept-language", ""),
            )
        ]

    def page(
        self, visit: Visit, template: str, *, status: int | None = None, **seen: Any
    ) -> Response:
        """A page that shows what is `seen`; one with a `fault` is a form that was refused."""
        if status is None:
            status = HTTPStatus.UNPROCESSABLE_ENTITY if seen.get("fault") else HTTPStatus.OK
        text = self._drawn(visit.request, visit.words, visit, template, **seen)
        return _with_language(visit.request, HTMLResponse(text, status, headers=dict(HEADERS)))

    def refusal(self, request: Request, error: Exception) -> Response:
        """The page that says why there is none."""
        visit: Visit | None = getattr(request.state, "visit", None)
        words = self.spoken(request) if visit is None else visit.words
        status, refusal = _refused(error)
        detail, language = told(refusal, words.language)
        name = f"refused.{status.value}"
        what = words(name if name in words.texts else "refused.other")
        text = self._drawn(
            request, words, visit, "refused.html", what=what, detail=detail, told_in=language
        )
        return HTMLResponse(text, status.value, headers=dict(HEADERS))

    def _drawn(
        self, request: Request, words: Words, visit: Visit | None, template: str, **seen: Any
    ) -> str:
        page = self.environment.get_template(template).render(
            t=words,
            lang=words.language,
            visit=visit,
            caller=None if visit is None else visit.caller,
            root=ROOT,
            path=quote(request.scope["path"]),
            asset=self._address,
            other_languages=_other_languages(request, words.language),
            done=_done(request, words),
            now=self.now(),
            **seen,
        )
        return labelled(page)

    def _address(self, name: str) -> str:
        return f"{ROOT}/static/{name}?v={self.assets[name].mark}"


def route_of(shell: Shell) -> type[APIRoute]:
    """Routes whose errors are pages."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await handle(request)
                except (VigieError, AnyHTTPException, RequestValidationError) as error:
                    return shell.refusal(request, error)

            return answered

    return PageRoute


def gone_to(path: str, *, done: str = "", anchor: str = "") -> Response:
    """Sends the browser on after a form; `done` names what the next page says was done."""
    query = f"?{urlencode({'done': done})}" if done else ""
    at = f"#{anchor}" if anchor else ""
    return gone_on(f"{path}{query}{at}")


def gone_on(to: str) -> Response:
    """Sends the browser on after a form. The body says where to, for an answer that is kept."""
    headers = {"Location": quote(to, safe=":/%#?=@[]!$&'()*+,;"), "Cache-Control": "no-store"}
    return PlainTextResponse(headers["Location"], HTTPStatus.SEE_OTHER, headers=headers)


def address(*steps: str) -> str:
    """The address of a page below the root, each step escaped."""
    return "/".join([ROOT, *(quote(step, safe="") for step in steps)])


def navigation(visit: Visit) -> list[tuple[str, str]]:
    """The main menu: names and addresses of what the visitor may open."""
    role = visit.caller.role
    places = [
        ("sites", ROOT),
        ("devices", address("devices")),
        ("software", address("software")),
        ("rules", address("rules")),
        ("groups", address("groups")),
        ("parameters", address("parameters")),
    ]
    if role in OVERSEERS:
        places.append(("questions", address("questions")))
    if visit.writes:
        places.append(("enrolment", address("enrolment")))
    if role is Role.ADMIN:
        places.append(("people", address("people")))
        places.append(("tokens", address("tokens")))
    if role in WATCHERS and visit.caller.sites is None:
        places.append(("audit", address("audit")))
    return places


def site_navigation(site: str, visit: Visit) -> list[tuple[str, str]]:
    """The menu of a site, of what the visitor may open."""
    here = address("sites", site)
    places = [
        ("site", here),
        ("attestations", f"{here}/attestations"),
        ("waivers", f"{here}/waivers"),
        ("incidents", f"{here}/incidents"),
        ("mail", f"{here}/mail"),
    ]
    if visit.caller.role in OVERSEERS:
        places.append(("told", f"{here}/told"))
    return places


def environment(folder: Path) -> Environment:
    """The templates: all that is put into them is escaped, and nothing may be missing."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(bdi=isolated, plain=printable)
    made.globals.update(
        address=address,
        nav=navigation,
        site_nav=site_navigation,
        shown_value=lambda held: plain(held.value),
    )
    return made


def printable(text: object) -> str:
    """What somebody wrote, a space for every sign that would act on its surroundings."""
    kept = (letter if letter.isprintable() or letter in SPACES else " " for letter in str(text))
    return "".join(kept)


def isolated(text: object) -> Markup:
    """What somebody wrote, escaped, in an element that keeps its direction to itself."""
    return Markup("<bdi>%s</bdi>") % printable(text)


def _refused(error: Exception) -> tuple[HTTPStatus, str]:
    match error:
        case VigieError():
            return STATUS_OF[type(error)], str(error)
        case HTTPException() | AnyHTTPException():
            return HTTPStatus(error.status_code), str(error.detail)
        case RequestValidationError():
            told = [".".join(map(str, fault["loc"][1:])) for fault in error.errors()]
            return HTTPStatus.UNPROCESSABLE_ENTITY, ", ".join(told)
        case _:
            raise error


def _other_languages(request: Request, language: str) -> list[tuple[str, str]]:
    beside = {PARAMETER, "done"}
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in beside]
    return [
        (other, f"?{urlencode([*pairs, (PARAMETER, other)])}")
        for other in LANGUAGES
        if other != language
    ]


def _done(request: Request, words: Words) -> str:
    return words.texts.get(f"done.{request.query_params.get('done', '')}", "")


def _with_language(request: Request, response: Response) -> Response:
    asked = request.query_params.get(PARAMETER)
    if asked in LANGUAGES:
        response.set_cookie(
            COOKIE,
            asked,
            max_age=LANGUAGE_KEPT,
            path=ROOT,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
    return response


def _assets(folder: Path) -> Mapping[str, Asset]:
    """The console's own files, and the icon that it shares with the other pages."""
    return {
        one.name: Asset(content, _KINDS[kind], blake2b(content, digest_size=8).hexdigest())
        for one in (*sorted(folder.iterdir()), ICON)
        for content, kind in [(one.read_bytes(), one.name.rpartition(".")[2])]
    }
