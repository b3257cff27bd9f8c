"""Attestations in the store: recorded, withdrawn, lapsed, listed. Rows are never changed otherwise.

A change of an item that some rule reads has the devices of the site judged again.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, select, update

from vigie_server.domain.attested import EVERY_ATTESTATION
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.errors import NotFound
from vigie_server.ports.attesting import AttestationRecord
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Attestation, DeviceGroup
from vigie_server.store.models import Audit, DeviceRow, Site
from vigie_server.store.rejudging import judge_again, record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

ATTESTATION, GROUP = table(Attestation), table(DeviceGroup)
SITE, DEVICE, AUDIT = table(Site), table(DeviceRow), table(Audit)

_SERVER: Final = "server"


class Attestations:
    """The `AttestationStore`, `Lapsing` and `AttestedSites` of SQLite and PostgreSQL.

    `read` are the items that rules read, see `Catalogue.attestations`.
    """

    def __init__(self, database: Database, read: frozenset[str]) -> None:
        self._database = database
        self._read = read

    @retried
    def record(self, site: str, given: NewAttestation, act: Act) -> tuple[AttestationRecord, bool]:
        with self._database.writing() as connection:
            at_site = site_key(connection, site, lock=True)
            group = _group_key(connection, at_site, given.group)
            known = self._newest(connection, at_site, group, given.item)
            if known is not None and _says_the_same(attestation_record(known), given, act):
                return attestation_record(known), False
            connection.execute(
                ATTESTATION.insert().values(
                    site_key=at_site,
                    group_key=group,
                    item=given.item,
                    outcome=given.outcome.value,
                    value=None if given.value is None else json.dumps(given.value),
                    reason=given.reason,
                    author=given.author,
                    document=given.document,
                    at=act.at,
                    expires_at=given.expires_at,
                )
            )
            self._changed(connection, site, at_site, given.item, given.outcome.value, act)
            added = self._newest(connection, at_site, group, given.item)
        if added is None:
            raise NotFound(f"no attestation {given.item} at {site}")
        return attestation_record(added), True

    @retried
    def withdraw(
        self,
        site: str,
        item: str,
        group: str | None,
        act: Act,
        require: Require[AttestationRecord] = whatever,
    ) -> AttestationRecord:
        with self._database.writing() as connection:
            at_site = site_key(connection, site, lock=True)
            at_group = _group_key(connection, at_site, group)
            known = self._newest(connection, at_site, at_group, item)
            if known is None:
                raise NotFound(f"nothing is attested of {item} at {site}")
            require(attestation_record(known))
            connection.execute(
                update(ATTESTATION)
                .where(_of(at_site, at_group, item))
                .where(ATTESTATION.c.withdrawn_at.is_(None))
                .values(withdrawn_at=act.at)
            )
            self._changed(connection, site, at_site, item, "withdrawn", act)
            row = connection.execute(
                attestations_query().where(ATTESTATION.c.key == known.key)
            ).one()
        return attestation_record(row)

    def newest(self, site: str, item: str, group: str | None) -> AttestationRecord:
        with self._database.reading() as connection:
            at_site = site_key(connection, site)
            known = self._newest(connection, at_site, _group_key(connection, at_site, group), item)
        if known is None:
            raise NotFound(f"nothing is attested of {item} at {site}")
        return attestation_record(known)

    def standing(self, site: str) -> Sequence[AttestationRecord]:
        with self._database.reading() as connection:
            at_site = site_key(connection, site)
            rows = connection.execute(_standing_query().where(ATTESTATION.c.site_key == at_site))
            newest = {(row.item, row.group_key): row for row in rows}
        return [
            attestation_record(row)
            for _, row in sorted(newest.items(), key=lambda pair: (pair[0][0], pair[0][1] or 0))
        ]

    def history(self, site: str, item: str) -> Sequence[AttestationRecord]:
        with self._database.reading() as connection:
            at_site = site_key(connection, site)
            rows = connection.execute(
                attestations_query()
                .where(ATTESTATION.c.site_key == at_site)
                .where(ATTESTATION.c.item == item)
                .order_by(ATTESTATION.c.key.desc())
            )
            return [attestation_record(row) for row in rows]

    @retried
    def lapse(self, now: datetime) -> int:
        due = (
            select(ATTESTATION.c.key)
            .where(ATTESTATION.c.expires_at <= now)
            .where(ATTESTATION.c.lapsed_at.is_(None))
            .limit(1000)
        )
        with self._database.reading() as connection:
            keys = connection.execute(due).scalars().all()
        if not keys:
            return 0
        with self._database.writing() as connection:
            lapsed = connection.execute(
                update(ATTESTATION)
                .where(ATTESTATION.c.key.in_(keys))
                .where(ATTESTATION.c.lapsed_at.is_(None))
                .values(lapsed_at=now)
                .returning(ATTESTATION.c.site_key, ATTESTATION.c.item, ATTESTATION.c.withdrawn_at)
            ).all()
            names = _names(connection, {row.site_key for row in lapsed})
            for row in lapsed:
                if row.withdrawn_at is None:
                    act = Act(_SERVER, now)
                    site = names[row.site_key]
                    self._changed(connection, site, row.site_key, row.item, "expired", act)
        return len(lapsed)

    def expiries(self, sites: Sequence[str] | None = None) -> Mapping[str, Mapping[str, datetime]]:
        query = _standing_query()
        if sites is not None:
            query = query.where(SITE.c.name.in_(sites))
        with self._database.reading() as connection:
            newest = {(row.site, row.group_key, row.item): row for row in connection.execute(query)}
        found: dict[str, dict[str, datetime]] = {site: {} for site in sites or ()}
        for row in newest.values():
            if row.expires_at is not None and row.outcome != Outcome.NOT_HELD.value:
                items = found.setdefault(row.site, {})
                items[row.item] = min(items.get(row.item, row.expires_at), row.expires_at)
        return found

    def _newest(
        self, connection: Connection, site: int, group: int | None, item: str
    ) -> Row[Any] | None:
        return connection.execute(
            attestations_query()
            .where(_of(site, group, item))
            .where(ATTESTATION.c.withdrawn_at.is_(None))
            .order_by(ATTESTATION.c.key.desc())
            .limit(1)
        ).one_or_none()

    def _changed(
        self, connection: Connection, site: str, at_site: int, item: str, what: str, act: Act
    ) -> None:
        record_act(connection, act, f"attestation {item}: {what}", site)
        if item in self._read or EVERY_ATTESTATION in self._read:
            judge_again(connection, DEVICE.c.site_key == at_site)


def attestations_query() -> Select[Any]:
    """Attestations with the names of their site and group."""
    return (
        select(ATTESTATION, SITE.c.name.label("site"), GROUP.c.name.label("group"))
        .join(SITE, SITE.c.key == ATTESTATION.c.site_key)
        .outerjoin(GROUP, GROUP.c.key == ATTESTATION.c.group_key)
    )


def _standing_query() -> Select[Any]:
    return (
        attestations_query().where(ATTESTATION.c.withdrawn_at.is_(None)).order_by(ATTESTATION.c.key)
    )  # of each item, the last row is the newest word


def _of(site: int, group: int | None, item: str) -> Any:
    of_group = (
        ATTESTATION.c.group_key.is_(None) if group is None else ATTESTATION.c.group_key == group
    )
    return and_(ATTESTATION.c.site_key == site, ATTESTATION.c.item == item, of_group)


def _group_key(connection: Connection, site: int, name: str | None) -> int | None:
    """Of a group of this site, or else of a group of every site."""
    if name is None:
        return None
    rows = connection.execute(
        select(GROUP.c.key, GROUP.c.site_key)
        .where(GROUP.c.name == name)
        .where((GROUP.c.site_key == site) | GROUP.c.site_key.is_(None))
    ).all()
    for row in sorted(rows, key=lambda row: row.site_key is None):
        return int(row.key)
    raise NotFound(f"no group {name} at this site")


def _names(connection: Connection, sites: set[int]) -> Mapping[int, str]:
    rows = connection.execute(select(SITE.c.key, SITE.c.name).where(SITE.c.key.in_(sites)))
    return {row.key: row.name for row in rows}


def attestation_record(row: Row[Any]) -> AttestationRecord:
    """The attestation of such a row."""
    return AttestationRecord(
        site=row.site,
        group=row.group,
        item=row.item,
        outcome=Outcome(row.outcome),
        value=None if row.value is None else json.loads(row.value),
        reason=row.reason,
        author=row.author,
        document=row.document,
        at=row.at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
    )


def _says_the_same(known: AttestationRecord, given: NewAttestation, act: Act) -> bool:
    """Whether it was said before, on the same day: asked for again, it is given back."""
    return (
        known.at.date() == act.at.date()
        and known.outcome is given.outcome
        and known.value == given.value
        and known.reason == given.reason
        and known.author == given.author
        and known.document == given.document
        and known.expires_at is not None
        and given.expires_at is not None
        and known.expires_at.date() == given.expires_at.date()
    )
