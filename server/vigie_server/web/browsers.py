"""What a browser brings: the cookie of its session, and the proof that a form was our own.

The cookie is `__Host-vigie`: Secure, HttpOnly, SameSite=Lax, of this host alone. Over plain HTTP,
which is served on loopback alone, browsers refuse that name; it is `vigie` there, without Secure.
A form carries a token that only who holds the cookie can work out, and its Origin must be ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_BYTES: Final = 64 * 1024
FORM_FIELDS: Final = 200
FILE_BYTES: Final = 4 * 1024 * 1024
"""What a file in a form takes at most, where the application has no `file_most` of its own."""
_TOO_LONG: Final = 413
_ESCAPED: Final = 3
"""Bytes in which a form sends one byte, at most."""

WITH_FILE: Final[dict[int | str, dict[str, Any]]] = {_TOO_LONG: {"description": "It is too long."}}
"""Marks the route of a form that sends a file as one of its fields."""
HOME: Final = "/console"
"""Where who signs in goes, unless another page sent them."""
_FORM: Final = "application/x-www-form-urlencoded"
_FOREIGN: Final = "this came from another site's page: open the page here and send it again"

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Browsers:
    """Reads and writes what browsers keep of us.

    `origin` is the address that people type, as `https://vigie.example.org`; empty: that of each
    request. `secure`: it is served over TLS, by us or by a proxy.
    """

    origin: str
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return "__Host-vigie" if self.secure else "vigie"

    def secret(self, request: Request) -> str | None:
        """The secret of the session that the browser has, if it has one."""
        found = request.cookies.get(self.cookie)
        return found if found and len(found) <= 64 else None  # noqa: PLR2004

    def keep(self, response: Response, secret: str) -> None:
        """Has the browser keep a session until it is closed; the server ends it earlier."""
        response.set_cookie(self.cookie, secret, secure=self.secure, httponly=True, samesite="lax")

    def forget(self, response: Response) -> None:
        """Has the browser forget its session."""
        response.delete_cookie(self.cookie, secure=self.secure, httponly=True, samesite="lax")

    @property
    def way_cookie(self) -> str:
        """The name of the cookie of a way to the identity provider and back."""
        return f"{self.cookie}-way"

    def keep_way(self, response: Response, way: str, *, seconds: int) -> None:
        """Has the browser keep its way; Lax, because the provider's page sends it back."""
        response.set_cookie(
            self.way_cookie,
            way,
            max_age=seconds,
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def forget_way(self, response: Response) -> None:
        """Has the browser forget its way: an answer counts once."""
        response.delete_cookie(self.way_cookie, secure=self.secure, httponly=True, samesite="lax")

    def require_own_origin(self, request: Request) -> None:
        """Raises 403 for what another site's page sends."""
        scheme = "https" if self.secure else request.url.scheme
        own = self.origin or f"{scheme}://{request.headers.get('host', '')}"
        if request.headers.get("origin", "").lower() != own.lower():
            raise HTTPException(HTTPStatus.FORBIDDEN, _FOREIGN)

    async def require_own_form(self, request: Request, secret: str) -> None:
        """Raises 403 for a request that changes something and that our own page did not send."""
        self.require_own_origin(request)
        given = request.headers.get(CSRF_HEADER)
        if given is None:
            given = (await form_of(request)).get(CSRF_FIELD, "")
        if not compare_digest(given.encode(), csrf_of(secret).encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN, _FOREIGN)


def csrf_of(secret: str) -> str:
    """The token that forms of this session carry."""
    return blake2b(b"csrf", key=secret.encode(), digest_size=24).hexdigest()


async def form_of(request: Request) -> Form:
    """The fields of a form, bounded; of a name given twice, the last. Raises 413, 400."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return {}
    body, most = bytearray(), _form_most(request)
    if not hasattr(request, "_body"):
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise HTTPException(_TOO_LONG, "the form is too long")
        request._body = bytes(body)  # noqa: SLF001 (where Starlette keeps a body that was read)
    sent = await request.body()
    try:
        if len(sent) > FORM_BYTES:
            return await run_in_threadpool(_fields, sent)
        return _fields(sent)
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form cannot be read") from None


def file_most(request: Request) -> int:
    """Bytes that a file in a form may take."""
    return int(getattr(request.scope.get("app"), "file_most", FILE_BYTES))


def _form_most(request: Request) -> int:
    route = request.scope.get("route")
    with_file = _TOO_LONG in getattr(route, "responses", {})
    return FORM_BYTES + (_ESCAPED * file_most(request) if with_file else 0)


def _fields(sent: bytes) -> Form:
    """Raises ValueError."""
    return dict(parse_qsl(sent.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS))


def own_path(asked: str | None) -> str:
    """A path of ours to go to; anything that could lead elsewhere becomes `HOME`."""
    if asked is None or not asked.startswith("/") or asked.startswith("//"):
        return HOME
    return HOME if "\\" in asked or " " in asked or not asked.isprintable() else asked
