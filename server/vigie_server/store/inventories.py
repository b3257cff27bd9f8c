"""The five inventories of a site: their reviews, and the part that devices report."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, select

from vigie_server.domain.maturity import Outcome
from vigie_server.domain.site_figures import COMPLEMENTS, Inventory
from vigie_server.ports.declaring import Act
from vigie_server.ports.maturity import DeviceAnswer, ReviewRecord
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database, retried
from vigie_server.store.newest_answers import EVIDENCE, IS_NEWEST, SNAPSHOT
from vigie_server.store.rejudging import record_act
from vigie_server.store.site_seen import DEVICE, REVIEW, counted_at, in_force
from vigie_server.store.sites_by_name import site_key

AT_ONCE: Final = 50
"""Devices whose answers are in memory together."""


class SiteInventories:
    """The `Inventories` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reviews(self, site: str, *, days: int, now: datetime) -> Sequence[ReviewRecord]:
        with self._database.reading() as connection:
            key = site_key(connection, site)
            rows = connection.execute(
                select(REVIEW).where(REVIEW.c.site_key == key).order_by(REVIEW.c.at, REVIEW.c.key)
            )
            newest = {row.inventory: row for row in rows}
            attested = in_force(connection, key, now)
        found = []
        for inventory in Inventory:
            row = newest.get(inventory.value)
            said = attested.get(COMPLEMENTS[inventory])
            found.append(
                ReviewRecord(
                    inventory=inventory,
                    reviewed_at=None if row is None else row.at,
                    author="" if row is None else row.author,
                    complement="" if row is None else row.complement,
                    due_at=None if row is None else row.at + timedelta(days=days),
                    attested=said is not None and said[0].outcome is not Outcome.NOT_HELD,
                )
            )
        return found

    @retried
    def review(self, site: str, inventory: Inventory, complement: str, act: Act) -> None:
        with self._database.writing() as connection:
            connection.execute(
                REVIEW.insert().values(
                    site_key=site_key(connection, site),
                    inventory=inventory.value,
                    complement=complement,
                    author=act.actor,
                    at=act.at,
                )
            )
            record_act(connection, act, f"reviewed the inventory: {inventory}", site)

    def answers(self, site: str, topic: str) -> Iterator[DeviceAnswer]:
        with self._database.reading() as connection:
            key = site_key(connection, site)
        return self._answers(key, topic)

    def _answers(self, site: int, topic: str) -> Iterator[DeviceAnswer]:
        """Page by page, each its own look at the store: a slow reader holds nothing up."""
        after = 0
        while True:
            page = self._page(site, topic, after)
            for row in page:
                yield DeviceAnswer(
                    device=row.id,
                    hostname=row.hostname,
                    platform=row.platform,
                    observed_at=row.observed_at,
                    form=unpacked(bytes(row.content)),
                )
                after = row.key
            if len(page) < AT_ONCE:
                return

    def _page(self, site: int, topic: str, after: int) -> list[Any]:
        query = (
            select(
                DEVICE.c.key,
                DEVICE.c.id,
                DEVICE.c.hostname,
                DEVICE.c.platform,
                SNAPSHOT.c.observed_at,
                EVIDENCE.c.content,
            )
            .join(SNAPSHOT, and_(SNAPSHOT.c.device_key == DEVICE.c.key, SNAPSHOT.c.topic == topic))
            .join(EVIDENCE, IS_NEWEST)
            .where(counted_at(site))
            .where(DEVICE.c.key > after)
            .order_by(DEVICE.c.key)
            .limit(AT_ONCE)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query))
