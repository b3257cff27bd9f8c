"""The routes of live questions."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.bootstrap.asking_terms import asking_limits, new_question_id
from vigie_server.bundled import bundled_questions
from vigie_server.services.follow_answers import FollowAnswers
from vigie_server.settings import AskingSettings
from vigie_server.store.database import Database
from vigie_server.store.questions import Questions
from vigie_server.web.access import Access
from vigie_server.web.questions import free_questions_router, questions_router


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
