"""Wires what the API does with tokens, and tells of people's accounts."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.web.access import Access
from vigie_server.web.people import accounts_router
from vigie_server.web.tokens import api_tokens_router, enrolment_tokens_router


def token_routes(
    desk: TokenDesk, people: AccountDesk, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of tokens of both kinds, and of accounts."""
    return (
        partial(enrolment_tokens_router, desk=desk, now=now),
        partial(api_tokens_router, desk=desk, now=now),
        partial(accounts_router, desk=people, now=now),
    )
