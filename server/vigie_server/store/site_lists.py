"""Lists of sites, of what belongs to one and of what is declared, each as an index orders it."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from vigie_server.domain.incident_log import Entry
from vigie_server.domain.overrides import Override, Scope
from vigie_server.domain.surroundings import Group
from vigie_server.ports.attesting import AttestationRecord
from vigie_server.ports.declaring import Sites, WrittenCard
from vigie_server.ports.maturity import LevelChange
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.site_lists import CardOfDevice, Member, SiteEntry, SitesWanted
from vigie_server.ports.waiving import WaiverRecord
from vigie_server.store.assessments import CHANGE, MATURITY
from vigie_server.store.attestations import ATTESTATION, attestation_record, attestations_query
from vigie_server.store.cards import CARD, cards_query, written_card
from vigie_server.store.database import Database
from vigie_server.store.groups import group_row, visible_groups
from vigie_server.store.incidents import INCIDENT, incident_entry
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import keyset, paged, walking
from vigie_server.store.organisation import BODY, SITE, site_of, sites_query
from vigie_server.store.overrides import DEVICE, GROUP, OVERRIDE
from vigie_server.store.scopes import Scopes
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.surroundings import group_of, override_of, picked_after
from vigie_server.store.waivers import WAIVER, shown_waivers


class SiteLists:
    """The `SiteLists` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scopes = Scopes()

    def sites(self, wanted: SitesWanted, *, after: Position | None, limit: int) -> Page[SiteEntry]:
        query = sites_query()
        if wanted.sites is not None:
            query = query.where(SITE.c.name.in_(wanted.sites))
        if wanted.body is not None:
            query = query.where(BODY.c.name == wanted.body)
        if wanted.region is not None:
            query = query.where(SITE.c.region == wanted.region)
        with self._database.listing() as connection:
            rows = connection.execute(keyset(query, (SITE.c.name,), after=after, limit=limit)).all()
            page = paged(rows, limit, lambda row: (row.name,), lambda row: row)
            levels = _levels(connection, [row.key for row in page.items])
        return Page([SiteEntry(site_of(row), levels[row.key]) for row in page.items], page.after)

    def attested(
        self, site: str, item: str, *, after: Position | None, limit: int
    ) -> Page[AttestationRecord]:
        with self._database.listing() as connection:
            query = (
                attestations_query()
                .where(ATTESTATION.c.site_key == site_key(connection, site))
                .where(ATTESTATION.c.item == item)
            )
            key = ATTESTATION.c.key
            query = keyset(query, (key,), after=after, limit=limit, newest_first=True)
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.key,), attestation_record)

    def waivers(
        self, site: str, *, rule: str | None, after: Position | None, limit: int
    ) -> Page[WaiverRecord]:
        with self._database.listing() as connection:
            query = select(WAIVER).where(WAIVER.c.site_key == site_key(connection, site))
            if rule is not None:
                query = query.where(WAIVER.c.rule == rule)
            query = walking(query, WAIVER, "ix_waiver_site_key_key")
            query = keyset(query, (WAIVER.c.key,), after=after, limit=limit, newest_first=True)
            rows = connection.execute(query).all()
            page = paged(rows, limit, lambda row: (row.key,), lambda row: row)
            return Page(shown_waivers(connection, site, page.items), page.after)

    def incidents(self, site: str, *, after: Position | None, limit: int) -> Page[Entry]:
        with self._database.listing() as connection:
            query = select(INCIDENT).where(INCIDENT.c.site_key == site_key(connection, site))
            rows = connection.execute(
                keyset(query, (INCIDENT.c.number,), after=after, limit=limit)
            ).all()
        return paged(rows, limit, lambda row: (row.number,), incident_entry)

    def level_changes(self, site: str, *, after: Position | None, limit: int) -> Page[LevelChange]:
        place = (CHANGE.c.at, CHANGE.c.key)
        with self._database.listing() as connection:
            query = select(CHANGE).where(CHANGE.c.site_key == site_key(connection, site))
            query = keyset(query, place, after=after, limit=limit, newest_first=True)
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (to_store(row.at), row.key), _level_change)

    def moves(
        self, sites: Collection[str], since: datetime, *, limit: int
    ) -> Mapping[str, Sequence[LevelChange]]:
        query = (
            select(SITE.c.name, CHANGE)
            .join(SITE, SITE.c.key == CHANGE.c.site_key)
            .where(SITE.c.name.in_(sites))
            .where(since <= CHANGE.c.at)
            .order_by(CHANGE.c.at.desc(), CHANGE.c.key.desc())
            .limit(limit)
        )
        query = walking(query, CHANGE, "ix_maturity_change_site_key_at_key")
        found: dict[str, list[LevelChange]] = {}
        with self._database.listing(once=True) as connection:
            for row in connection.execute(query):
                found.setdefault(row.name, []).append(_level_change(row))
        return found

    def groups(self, within: Sites, *, after: Position | None, limit: int) -> Page[Group]:
        query = walking(visible_groups(within), GROUP, "ix_device_group_name_key")
        query = keyset(query, (GROUP.c.name, GROUP.c.key), after=after, limit=limit)
        with self._database.listing(once=True) as connection:
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.name, row.key), group_of)

    def members(
        self, site: str | None, name: str, within: Sites, *, after: Position | None, limit: int
    ) -> Page[Member]:
        with self._database.listing() as connection:
            group = group_row(connection, site, name)
            found = picked_after(
                connection,
                group_of(group).selector,
                group.site_key,
                within=within,
                after="" if after is None else str(after[0]),
            )
            rows = list(islice(found, limit + 1))
        return paged(
            rows,
            limit,
            lambda row: (row.id,),
            lambda row: Member(row.id, row.hostname, row.site),
        )

    def overrides(
        self, within: Sites, *, rule: str | None, after: Position | None, limit: int
    ) -> Page[Override]:
        query = keyset(_overrides(within), (OVERRIDE.c.key,), after=after, limit=limit)
        if rule is not None:
            query = query.where(OVERRIDE.c.rule == rule)
        with self._database.listing(once=True) as connection:
            rows = connection.execute(query).all()
        return paged(
            rows, limit, lambda row: (row.key,), lambda row: override_of(row, row.of, row.of_site)
        )

    def cards(self, within: Sites, *, after: Position | None, limit: int) -> Page[CardOfDevice]:
        query = cards_query().where(CARD.c.device_key.is_not(None))
        with self._database.listing() as connection:
            scope = self._scopes.seen(connection, within)
            if scope.few:
                query = query.where(CARD.c.device_key.in_(scope.keys()))
            elif scope.here is not None:
                query = query.where(scope.here)
            query = keyset(query, (CARD.c.device_key,), after=after, limit=limit)
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.key,), _card)


def _levels(connection: Connection, sites: Sequence[int]) -> Mapping[int, Mapping[int, int | None]]:
    levels: dict[int, dict[int, int | None]] = {site: {} for site in sites}
    rows = connection.execute(
        select(MATURITY.c.site_key, MATURITY.c.question, MATURITY.c.level).where(
            MATURITY.c.site_key.in_(sites)
        )
    )
    for site, question, level in rows:
        levels[site][question] = level
    return levels


def _level_change(row: Row[Any]) -> LevelChange:
    return LevelChange(row.question, row.before, row.after, json.loads(row.reason), row.at)


def _overrides(within: Sites) -> Select[Any]:
    """Overrides with what they are set for, by its name or id, and with its site's name."""
    key, scope = OVERRIDE.c.scope_key, OVERRIDE.c.scope
    site_key_of = func.coalesce(GROUP.c.site_key, DEVICE.c.site_key)
    at_site = or_(
        and_(scope == Scope.SITE.value, SITE.c.key == key),
        and_(scope != Scope.SITE.value, SITE.c.key == site_key_of),
    )
    query = (
        select(
            OVERRIDE,
            func.coalesce(GROUP.c.name, DEVICE.c.id, SITE.c.name).label("of"),
            SITE.c.name.label("of_site"),
        )
        .outerjoin(GROUP, and_(scope == Scope.GROUP.value, GROUP.c.key == key))
        .outerjoin(DEVICE, and_(scope == Scope.DEVICE.value, DEVICE.c.key == key))
        .outerjoin(SITE, at_site)
    )
    if within is None:
        return query
    return query.where(or_(SITE.c.name.is_(None), SITE.c.name.in_(within)))


def _card(row: Row[Any]) -> CardOfDevice:
    written: WrittenCard = written_card(row)
    return CardOfDevice(row.id, row.hostname, written)
