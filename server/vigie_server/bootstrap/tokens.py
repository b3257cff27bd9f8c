"""Wires what the API does with tokens and people's accounts."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.store.database import Database
from vigie_server.store.organisation import Organisation
from vigie_server.web.access import Access
from vigie_server.web.accounts import accounts_router
from vigie_server.web.api_tokens import api_tokens_router
from vigie_server.web.enrolment_tokens import enrolment_tokens_router


def token_routes(
    desk: TokenDesk, people: AccountDesk, database: Database, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of tokens of both kinds, and of accounts."""
    return (
        partial(enrolment_tokens_router, desk=desk, now=now),
        partial(api_tokens_router, desk=desk, now=now),
        partial(accounts_router, desk=people, site=Organisation(database).site, now=now),
    )
