"""Sites and managing bodies. The `SiteStore`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from vigie_server.domain.errors import NotFound
from vigie_server.domain.notices.recipients import Extent
from vigie_server.domain.sites import Contact, Site
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Body, ParameterOverride
from vigie_server.store.locking import lock
from vigie_server.store.models import Site as SiteRow
from vigie_server.store.notice_models import NoticeRecipient
from vigie_server.store.rejudging import DEVICE, judge_again, record_act
from vigie_server.store.site_removal import remove_followers, require_idle
from vigie_server.store.tables import table

SITE, BODY, OVERRIDE = table(SiteRow), table(Body), table(ParameterOverride)
RECIPIENT = table(NoticeRecipient)


class Organisation:
    """What is declared of sites."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sites(self, within: Sites) -> Sequence[Site]:
        query = sites_query().order_by(SITE.c.name)
        if within is not None:
            query = query.where(SITE.c.name.in_(sorted(within)))
        with self._database.reading() as connection:
            return [site_of(row) for row in connection.execute(query)]

    def names(self, within: Sites, *, most: int) -> Sequence[str]:
        query = select(SITE.c.name).order_by(SITE.c.name).limit(most)
        if within is not None:
            query = query.where(SITE.c.name.in_(sorted(within)))
        with self._database.reading() as connection:
            return connection.execute(query).scalars().all()

    def site(self, name: str) -> Site:
        with self._database.reading() as connection:
            return site_of(_found(connection, name))

    @retried
    def put(self, site: Site, act: Act, require: Require[Site] = whatever) -> None:
        values = {
            "region": site.region,
            "finess": site.finess,
            "networks": json.dumps(site.networks),
            "gateways": json.dumps(site.gateways),
            "declared_devices": site.declared_devices,
            "contacts": json.dumps([asdict(contact) for contact in site.contacts]),
        }
        with self._database.writing() as connection:
            lock(connection, SITE, SITE.c.name == site.name)
            before = connection.execute(sites_query().where(SITE.c.name == site.name)).one_or_none()
            require(None if before is None else site_of(before))
            values["body_key"] = _body_key(connection, site.body, act)
            if before is None:
                connection.execute(
                    SITE.insert().values(name=site.name, created_at=act.at, **values)
                )
            else:
                connection.execute(update(SITE).where(SITE.c.key == before.key).values(**values))
                if (before.networks, before.gateways) != (values["networks"], values["gateways"]):
                    judge_again(connection, DEVICE.c.site_key == before.key)  # who is at home
            _drop_idle_bodies(connection)
            record_act(connection, act, "declared a site", site.name)

    @retried
    def remove(self, name: str, act: Act, require: Require[Site] = whatever) -> None:
        with self._database.writing() as connection:
            lock(connection, SITE, SITE.c.name == name)
            held = _found(connection, name)
            key = held.key
            require_idle(connection, key, name, now=act.at)
            require(site_of(held))
            remove_followers(connection, key, now=act.at)
            connection.execute(
                delete(OVERRIDE)
                .where(OVERRIDE.c.scope == "site")
                .where(OVERRIDE.c.scope_key == key)
            )
            connection.execute(delete(SITE).where(SITE.c.key == key))
            _drop_idle_bodies(connection)
            record_act(connection, act, "removed a site", name)


def sites_query() -> Select[Any]:
    """Sites with the name of their body."""
    return select(SITE, BODY.c.name.label("body")).outerjoin(BODY, BODY.c.key == SITE.c.body_key)


def _found(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(sites_query().where(SITE.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"no site {name}")
    return row


def site_of(row: Row[Any]) -> Site:
    """The site of such a row."""
    return Site(
        name=row.name,
        body=row.body or "",
        region=row.region,
        finess=row.finess,
        networks=tuple(json.loads(row.networks)),
        gateways=tuple(json.loads(row.gateways)),
        declared_devices=row.declared_devices,
        contacts=tuple(Contact(**contact) for contact in json.loads(row.contacts)),
    )


def _body_key(connection: Connection, name: str, act: Act) -> int | None:
    if not name:
        return None
    key = connection.execute(select(BODY.c.key).where(BODY.c.name == name)).scalar()
    if key is None:
        key = connection.execute(
            BODY.insert().values(name=name, created_at=act.at).returning(BODY.c.key)
        ).scalar_one()
    return int(key)


def _drop_idle_bodies(connection: Connection) -> None:
    """A body exists by the sites that it runs and by who is told of them.

    A mistyped name leaves nothing behind.
    """
    running = select(SITE.c.body_key).where(SITE.c.body_key.is_not(None))
    told_of = (
        select(RECIPIENT.c.extent_key)
        .where(RECIPIENT.c.extent == Extent.BODY.value)
        .where(RECIPIENT.c.removed_at.is_(None))
    )
    connection.execute(
        delete(BODY).where(BODY.c.key.not_in(running)).where(BODY.c.key.not_in(told_of))
    )
