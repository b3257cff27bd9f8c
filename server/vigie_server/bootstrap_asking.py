"""The routes of live questions, and what they are held to."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from secrets import token_hex

from fastapi import APIRouter

from vigie_server.bundled import bundled_questions
from vigie_server.domain.asking import SUBJECT, Limits
from vigie_server.services.follow_answers import FollowAnswers
from vigie_server.settings import AskingSettings
from vigie_server.store.database import Database
from vigie_server.store.questions import Questions
from vigie_server.web.access import Access
from vigie_server.web.questions import free_questions_router, questions_router


def asking_limits(settings: AskingSettings) -> Limits:
    """What one question may come to."""
    return Limits(
        rows=settings.rows,
        answer_bytes=settings.answer_bytes,
        timeout=settings.timeout,
        within=settings.within,
        devices=settings.devices,
        at_once=settings.at_once,
        open=settings.open,
    )


def new_question_id() -> str:
    """An id that no other question has."""
    return SUBJECT + token_hex(6)


def asking_routes(
    database: Database, settings: AskingSettings, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of live questions. Raises RulesMalformed."""
    store = Questions(database)
    return (
        partial(
            questions_router,
            store=store,
            follow=lambda question_id, within: FollowAnswers(store, question_id, within, now),
            approved=bundled_questions(),
            limits=asking_limits(settings),
            new_id=new_question_id,
            now=now,
        ),
        partial(free_questions_router, store=store, now=now),
    )
