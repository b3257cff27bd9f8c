"""The routes of software: what is in use in several versions, or past its end."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.domain.site_guide import SiteGuide
from vigie_server.store.database import Database
from vigie_server.store.software import Software
from vigie_server.web.access import Access
from vigie_server.web.software import software_router


def software_routes(
    database: Database, guide: SiteGuide, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes, over what sites were last assessed with."""
    return (partial(software_router, lists=Software(database), ended=guide.ended, now=now),)
