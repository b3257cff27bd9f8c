"""Makes what hands the update channel on to agents."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from time import monotonic

from fastapi import APIRouter

from vigie_server.ports.figures import Figures
from vigie_server.services.offer_updates import OfferUpdates, ShowUpdates
from vigie_server.services.workers import Workers
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.updates import Updates
from vigie_server.updates.mirror import Mirror
from vigie_server.updates.pace import Pace
from vigie_server.web.access import Access
from vigie_server.web.updates import updates_router


def channel_of(settings: ServerSettings) -> Mirror:
    """The channel that this server mirrors."""
    return Mirror(settings.updates.folder or settings.data / "updates", settings.updates.root)


def updates_routes(
    settings: ServerSettings, database: Database
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes that show updates."""
    return (partial(updates_router, store=Updates(database), channel=channel_of(settings)),)


def updates_of(
    settings: ServerSettings,
    database: Database,
    workers: Workers,
    figures: Figures,
    now: Callable[[], datetime],
) -> tuple[OfferUpdates, ShowUpdates]:
    """What answers devices, and what shows how they fare."""
    store, channel = Updates(database), channel_of(settings)
    pace = Pace(settings.updates.bytes_per_second, monotonic)
    desk = OfferUpdates(
        store=store,
        channel=channel,
        workers=workers,
        figures=figures,
        now=now,
        at_once=settings.updates.at_once,
        wait_within=settings.updates.wait_within.total_seconds(),
        pace=pace.keep,
    )
    every = settings.updates.look_every.total_seconds()
    return desk, ShowUpdates(store, channel, workers, figures, every)
