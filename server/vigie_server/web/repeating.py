"""Requests that may be sent again: the header `Idempotency-Key` on POST.

A sender that had no answer sends the same request under the same key, and is told what the first
one was told; nothing is done twice (IETF draft-ietf-httpapi-idempotency-key-header). PUT and DELETE
need no key: doing them again changes nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie_server.domain.errors import DeclarationRefused, RequestUnderWay
from vigie_server.ports.repeating import AnswersKept, KeptAnswer
from vigie_server.web.problems import problem

HEADER: Final = "Idempotency-Key"
MAX_KEY: Final = 255
MAX_KEPT_BYTES: Final = 64 * 1024
"""A longer answer is not kept: the request under its key is still done once."""

FORM: Final = "form:"
"""How the keys of forms begin. Of their answers those that send the browser on are kept: any other
has changed nothing, and its page is for one person's eyes."""
FORM_PATIENCE: Final = 10.0
"""Seconds that a form which is sent twice waits for its first answer."""
FORM_PAUSE: Final = 0.05

_STATE: Final = "answering"


class AnsweredBefore(Exception):
    """The request was answered under this key before."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__("answered before")
        self.kept = kept


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
        await self._begin(request, actor, key, digest.digest())

    async def recognise_form(self, request: Request, actor: str) -> None:
        """As `recognise`, for a form with a mark of its own; what was changed in it is another.

        A browser that sends twice shows the second answer alone, so that one waits for the first.
        """
        body = await request.body()
        digest = sha256(request.url.path.encode() + b"\0" + body)
        patience = int(FORM_PATIENCE / FORM_PAUSE)
        while True:
            try:
                await self._begin(request, actor, f"{FORM}{digest.hexdigest()}", digest.digest())
            except RequestUnderWay:
                patience -= 1
                if patience <= 0:
                    raise
                await asyncio.sleep(FORM_PAUSE)
            else:
                return

    async def _begin(self, request: Request, actor: str, key: str, digest: bytes) -> None:
        found = await run_in_threadpool(self.kept.begin, actor, key, digest, at=self.now())
        if found is not None:
            raise AnsweredBefore(found)
        request.scope["state"][_STATE] = (actor, key)


async def answer_again(request: Request, error: Exception) -> Response:  # noqa: ARG001 (FastAPI's shape)
    """Gives the answer that was kept."""
    assert isinstance(error, AnsweredBefore)  # noqa: S101 (registered for it alone)
    kept, headers = error.kept, {"Idempotency-Replayed": "true"}
    if kept.body is None:
        return problem(
            HTTPStatus.CONFLICT,
            f"this was done before, and answered with {kept.status}; it was too long to keep",
            headers=headers,
        )
    if kept.status == HTTPStatus.SEE_OTHER:  # a form's answer, whose body says where to
        headers["Location"] = kept.body.decode()
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
                await run_in_threadpool(self._kept.forget, *scope["state"].pop(_STATE))

    async def _note(self, named: tuple[str, str], answer: "_Answer") -> None:
        form = named[1].startswith(FORM) and answer.status != HTTPStatus.SEE_OTHER
        if form or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await run_in_threadpool(self._kept.forget, *named)  # it may be tried again
        else:
            await run_in_threadpool(self._kept.answered, *named, answer.kept())


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
            if len(self._body) > MAX_KEPT_BYTES:
                self._long = True
                self._body.clear()
            self.whole = not message.get("more_body", False)

    def kept(self) -> KeptAnswer:
        body = None if self._long else bytes(self._body)
        return KeptAnswer(self.status, self._media_type, body)
