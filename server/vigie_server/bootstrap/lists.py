"""The routes of devices, rules and the audit, each with its lists, and of service discovery."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.domain.personal import naming_columns
from vigie_server.domain.rules import Catalogue
from vigie_server.ports.readers import FleetReader
from vigie_server.settings_lists import ListsSettings
from vigie_server.store.audit_trail import Acts
from vigie_server.store.change_lists import Changes
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.organisation import Organisation
from vigie_server.store.rule_days import RuleDayRecords
from vigie_server.web.access import Access
from vigie_server.web.audit import audit_router
from vigie_server.web.devices import devices_router
from vigie_server.web.discovery import discovery_router
from vigie_server.web.rules import rules_router
from vigie_server.web.short_ways import ListTerms
from vigie_server.web.withheld import Withheld


def fleet_routes(
    database: Database, catalogue: Catalogue, reader: FleetReader, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of what devices come to, and of who did what."""
    lists, withheld = FleetLists(database), Withheld(naming_columns(catalogue))
    return (
        partial(
            devices_router,
            known=reader.device,
            lists=lists,
            changes=Changes(database),
            withheld=withheld,
        ),
        partial(
            rules_router,
            lists=lists,
            rules=tuple(catalogue.rules.values()),
            references=tuple(catalogue.references.values()),
            withheld=withheld,
            days=RuleDayRecords(database),
            now=now,
        ),
        partial(audit_router, trail=Acts(database)),
        partial(discovery_router, sites=Organisation(database)),
    )


def list_terms(settings: ListsSettings) -> ListTerms:
    """How lists are answered the short way, as it is set."""
    return ListTerms(
        threads=settings.threads,
        threads_most=settings.threads_most,
        held_up=settings.held_up.total_seconds(),
        together=settings.together,
        slow=settings.slow.total_seconds(),
    )
