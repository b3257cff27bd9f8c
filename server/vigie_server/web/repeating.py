"""Requests that may be sent again: the header `Idempotency-Key` on POST.

A sender that had no answer sends the same request under the same key, and is told what the first
one was told; nothing is done twice (IETF draft-ietf-httpapi-idempotency-key-header). PUT and DELETE
need no key: doing them again changes nothing.
"""

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from secrets import token_bytes
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie_server.domain.errors import DeclarationRefused, RequestUnderWay
from vigie_server.ports.repeating import AnswersKept, KeptAnswer
from vigie_server.web.browsers import CSRF_HEADER
from vigie_server.web.pages.rendering import HEADERS
from vigie_server.web.problems import problem

HEADER: Final = "Idempotency-Key"
MAX_KEY: Final = 255
MAX_KEPT_BYTES: Final = 64 * 1024
"""A longer answer is not kept: the request under its key is still done once."""

MAX_PAGE_BYTES: Final = 1024 * 1024
"""The same, of a page that shows a secret; it is kept compressed."""

FORM: Final = "form:"
"""How the keys of forms begin. Of their answers those that send the browser on are kept: any other
has changed nothing, and its page is for one person's eyes. A page that shows a secret is kept too,
as only the same form opens it."""
SHOWS_SECRET: Final[dict[str, Any]] = {"x-shows-secret": True}
"""Marks the description of a route whose answer shows a secret."""
FORM_PATIENCE: Final = 10.0
"""Seconds that a form which is sent twice waits for its first answer."""
FORM_PAUSE: Final = 0.05

_NONCE_BYTES: Final = 12
_STATE: Final = "answering"
_SEAL: Final = b"vigie page that shows a secret\0"


_SHOWING: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})


class _Begun(NamedTuple):
    """A request under way, by its key; `seal` is what its page is kept under, if it is kept."""

    actor: str
    key: str
    seal: bytes | None = None


class AnsweredBefore(Exception):
    """The request was answered under this key before; `page`: by a page for people."""

    def __init__(self, kept: KeptAnswer, *, page: bool = False) -> None:
        super().__init__("answered before")
        self.kept = kept
        self.page = page


@dataclass(frozen=True, slots=True)
class Repeating:
    """Recognises a request that is sent again."""

    kept: AnswersKept
    now: Callable[[], datetime]

    async def recognise(self, request: Request, actor: str) -> None:
        """Returns for a request that is to be done. Raises AnsweredBefore for one that was."""
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return
        if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            raise DeclarationRefused(f"{HEADER}: give 1 to {MAX_KEY} printable ASCII characters")
        digest = sha256()
        for part in (request.url.path, request.url.query, request.headers.get("content-type", "")):
            digest.update(part.encode() + b"\0")
        digest.update(await request.body())
        seal = None
        if getattr(request.scope["route"], "openapi_extra", None) == SHOWS_SECRET:
            seal = sha256(_SEAL + _proof(request) + b"\0" + key.encode() + digest.digest()).digest()
        await self._begin(request, _Begun(actor, key, seal), digest.digest())

    async def recognise_form(self, request: Request, actor: str, *, secret: bool = False) -> None:
        """As `recognise`, for a form with a mark of its own; what was changed in it is another.

        A browser that sends twice shows the second answer alone, so that one waits for the first.
        `secret`: its page shows a secret. It is kept under a key of the whole form, whose mark the
        store never has: who reads the store, and the server too, opens it only with the form.
        """
        sent = request.url.path.encode() + b"\0" + await request.body()
        digest = sha256(sent)
        seal = sha256(_SEAL + sent).digest() if secret else None
        begun = _Begun(actor, f"{FORM}{digest.hexdigest()}", seal)
        patience = int(FORM_PATIENCE / FORM_PAUSE)
        while True:
            try:
                await self._begin(request, begun, digest.digest())
            except RequestUnderWay:
                patience -= 1
                if patience <= 0:
                    raise
                await asyncio.sleep(FORM_PAUSE)
            else:
                return

    async def _begin(self, request: Request, begun: _Begun, digest: bytes) -> None:
        found = await run_in_threadpool(
            self.kept.begin, begun.actor, begun.key, digest, at=self.now()
        )
        if found is not None:
            sealed = begun.seal is not None and found.status in _SHOWING
            page = sealed and begun.key.startswith(FORM)
            raise AnsweredBefore(_opened(found, begun.seal) if sealed else found, page=page)
        request.scope["state"][_STATE] = begun


async def answer_again(request: Request, error: Exception) -> Response:  # noqa: ARG001 (FastAPI's shape)
    """Gives the answer that was kept."""
    assert isinstance(error, AnsweredBefore)  # noqa: S101 (registered for it alone)
    kept, headers = error.kept, {"Idempotency-Replayed": "true"}
    if kept.body is None:
        return problem(
            HTTPStatus.CONFLICT,
            f"this was done before, and answered with {kept.status}; it was too long to keep, "
            "or is not this sender's to see again",
            headers=headers,
        )
    if kept.status == HTTPStatus.SEE_OTHER:  # a form's answer, whose body says where to
        headers["Location"] = kept.body.decode()
    if error.page:
        headers |= HEADERS
    media_type = kept.media_type or None
    return Response(kept.body, kept.status, headers=headers, media_type=media_type)


class KeepingAnswers:
    """Middleware: keeps the answer of a request with a key before its sender has it."""

    def __init__(self, app: ASGIApp, kept: AnswersKept) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        answer = _Answer()

        async def keep(message: Message) -> None:
            answer.take(message)
            if answer.whole and _STATE in scope["state"]:
                await self._note(scope["state"].pop(_STATE), answer)
            await send(message)

        try:
            await self._app(scope, receive, keep)
        finally:
            if _STATE in scope["state"]:  # it ended without an answer
                begun = scope["state"].pop(_STATE)
                await run_in_threadpool(self._kept.forget, begun.actor, begun.key)

    async def _note(self, begun: _Begun, answer: "_Answer") -> None:
        named, seal = begun[:2], begun.seal
        if seal is not None and answer.status in _SHOWING:
            kept = _sealed(answer.kept(MAX_PAGE_BYTES), seal)
            await run_in_threadpool(self._kept.answered, *named, kept)
            return
        form = begun.key.startswith(FORM) and answer.status != HTTPStatus.SEE_OTHER
        if form or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await run_in_threadpool(self._kept.forget, *named)  # it may be tried again
        else:
            await run_in_threadpool(self._kept.answered, *named, answer.kept(MAX_KEPT_BYTES))


def _proof(request: Request) -> bytes:
    """What the sender proves itself by, and no store has."""
    headers = request.headers
    return (headers.get("authorization") or headers.get(CSRF_HEADER, "")).encode()


def _sealed(page: KeptAnswer, seal: bytes) -> KeptAnswer:
    if page.body is None:
        return page
    nonce = token_bytes(_NONCE_BYTES)
    body = nonce + AESGCM(seal).encrypt(nonce, zlib.compress(page.body), None)
    return replace(page, body=body)


def _opened(page: KeptAnswer, seal: bytes | None) -> KeptAnswer:
    if page.body is None or seal is None:
        return page
    nonce, cipher = page.body[:_NONCE_BYTES], page.body[_NONCE_BYTES:]
    try:
        return replace(page, body=zlib.decompress(AESGCM(seal).decrypt(nonce, cipher, None)))
    except InvalidTag:  # the sender's own secret is another now
        return replace(page, body=None)


class _Answer:
    """An answer as it goes by."""

    def __init__(self) -> None:
        self.status = 0
        self.whole = False
        self._media_type = ""
        self._body = bytearray()
        self._long = False

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message.get("headers", ()))
            self._media_type = headers.get(b"content-type", b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if len(self._body) > MAX_PAGE_BYTES:
                self._long = True
                self._body.clear()
            self.whole = not message.get("more_body", False)

    def kept(self, most: int) -> KeptAnswer:
        body = None if self._long or len(self._body) > most else bytes(self._body)
        return KeptAnswer(self.status, self._media_type, body)
