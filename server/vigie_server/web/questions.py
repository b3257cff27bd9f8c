"""`/api/v1/questions`: live questions to devices, and what they answer.

Administrators and operators ask and read answers, within their sites; auditors see what was asked
of whom. Contractors see nothing of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.asking import Limits, question_of
from vigie_server.domain.questions import ApprovedQuestion
from vigie_server.ports.asking import AskedQuestion, DeviceAnswer, Following, QuestionStore
from vigie_server.ports.declaring import Sites
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import ADMINISTRATORS, OVERSEERS, WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.exports import ndjson_lines
from vigie_server.web.listing import (
    NDJSON,
    STREAMS,
    Listing,
    Paged,
    Streamed,
    count_rows,
)
from vigie_server.web.question_shapes import (
    AnswerList,
    AnswerShape,
    ApprovedShape,
    AskedShape,
    FreeShape,
    QuestionList,
    QuestionSent,
    QuestionShape,
    progress_shape,
)
from vigie_server.web.tags import TAGGED, tagged

LOOK_EVERY: Final = 0.5
"""Seconds between two looks for answers, in a stream."""

ANSWERS: Final = Listing[DeviceAnswer, AnswerShape](AnswerList, AnswerShape, AnswerShape.of, (int,))
QUESTIONS: Final = Listing[AskedQuestion, QuestionShape](
    QuestionList, QuestionShape, QuestionShape.of, (int,)
)
Follow = Callable[[str, Sites], Following]


def questions_router(
    access: Access,
    *,
    store: QuestionStore,
    follow: Follow,
    approved: Mapping[str, ApprovedQuestion],
    limits: Limits,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of live questions."""
    router = APIRouter(prefix="/api/v1/questions")
    Overseer = Annotated[ApiCaller, Depends(access.allow(OVERSEERS))]  # noqa: N806 (a type)
    Asker = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    @router.get("", response_model=QuestionList)
    def list_questions(caller: Overseer, asked: Paged) -> Response:
        """Questions that were asked of devices of the caller's sites; kept for a while."""
        at = now()
        return QUESTIONS.answer(
            asked,
            lambda after, limit: store.questions(caller.sites, now=at, after=after, limit=limit),
        )

    @router.get("/approved")
    def list_approved(_: Overseer) -> list[ApprovedShape]:
        """What may be asked by its id."""
        return [ApprovedShape.of(question) for question in approved.values()]

    @router.post("", status_code=HTTPStatus.CREATED)
    def ask(
        sent: QuestionSent,
        caller: Asker,
        response: Response,
        *,
        dry_run: Annotated[bool, Query(description="Say whom it goes to; ask nothing.")] = False,
    ) -> AskedShape:
        """Asks a question; with `dry_run`, says how many devices it would go to."""
        act = acting(caller, now())
        asking = sent.asking()
        question = question_of(
            asking,
            approved,
            limits,
            question_id=new_id(),
            asked_by=act.actor,
            role=caller.role.value,
            now=act.at,
        )
        if dry_run:
            response.status_code = HTTPStatus.OK
            found = store.look(question, asking.target, caller.sites, limits)
            return AskedShape.of(found, None, personal=question.personal)
        found = store.ask(question, asking.target, caller.sites, limits, act)
        return AskedShape.of(found, question.id, personal=question.personal)

    @router.get("/{question_id}", response_model=QuestionShape, responses=TAGGED)
    def show_question(question_id: str, caller: Overseer, request: Request) -> Response:
        """One question and how far it has come."""
        found = store.question(question_id, caller.sites, now=now())
        return tagged(request, QuestionShape.of(found))

    @router.get("/{question_id}/answers", response_model=AnswerList, responses=STREAMS)
    def list_answers(question_id: str, caller: Asker, asked: Streamed) -> Response:
        """Every device that was asked, with its answer or why there is none."""
        return ANSWERS.answer(
            asked,
            lambda after, limit: store.answers(question_id, caller.sites, after=after, limit=limit),
        )

    @router.get(
        "/{question_id}/stream", responses={200: {"content": {NDJSON: {}}}}, response_model=None
    )
    def stream(question_id: str, caller: Asker, request: Request) -> Response:
        """Answers as they come, and the progress, as lines; ends when nothing more will come."""
        following = follow(question_id, caller.sites)
        first = following.look()  # its errors are still an answer
        return StreamingResponse(_lines(request, following, first), media_type=NDJSON)

    @router.delete("/{question_id}", responses=CONDITIONAL)
    def cancel(question_id: str, caller: Asker, when: When) -> QuestionShape:
        """Has no more devices asked; what they answered stays for its time."""
        act = acting(caller, now())
        store.cancel(question_id, caller.sites, act, when.on(QuestionShape.of))
        return QuestionShape.of(store.question(question_id, caller.sites, now=act.at))

    return router


def free_questions_router(
    access: Access, *, store: QuestionStore, now: Callable[[], datetime]
) -> APIRouter:
    """Whether SELECTs of the asker's own may be asked of a site."""
    router = APIRouter(prefix="/api/v1/sites/{site}/questions")
    Overseer = Annotated[ApiCaller, Depends(access.allow(OVERSEERS))]  # noqa: N806 (a type)
    Administrator = Annotated[ApiCaller, Depends(access.allow(ADMINISTRATORS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    @router.get("", response_model=FreeShape, responses=TAGGED)
    def show(site: str, caller: Overseer, request: Request) -> Response:
        """Whether they may; by default not."""
        require_site(caller, site)
        return tagged(request, FreeShape(free=store.allows_free(site)))

    @router.put("", responses=CONDITIONAL)
    def declare(site: str, wanted: FreeShape, caller: Administrator, when: When) -> FreeShape:
        """Allows them, or no longer."""
        require_site(caller, site)
        require = when.on(lambda free: FreeShape(free=free))
        store.allow_free(site, acting(caller, now()), allowed=wanted.free, require=require)
        return wanted

    return router


async def _lines(
    request: Request, following: Following, first: tuple[AskedQuestion, Sequence[DeviceAnswer]]
) -> AsyncIterator[bytes]:
    asked, new = first
    told: BaseModel | None = None
    while True:
        count_rows(request, len(new))
        for answer in new:
            yield ndjson_lines([{"answer": AnswerShape.of(answer)}])
        progress = progress_shape(asked)
        if progress != told:
            told = progress
            yield ndjson_lines([{"progress": progress}])
        if progress.done:
            return
        await asyncio.sleep(LOOK_EVERY)
        asked, new = await run_in_threadpool(following.look)
