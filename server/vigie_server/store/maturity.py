"""What sites came to, for readers. The `MaturityReader`."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from vigie_server.domain.errors import NotFound
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Sites
from vigie_server.ports.maturity import LevelChange, LevelRecord, RollUp, SiteVerdictRecord
from vigie_server.store.assessments import CHANGE, MATURITY
from vigie_server.store.database import Database
from vigie_server.store.declared_models import Body
from vigie_server.store.site_seen import SITE, SITE_VERDICT
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

BODY = table(Body)


class MaturityRecords:
    """Reads levels, their history, verdicts on sites, and roll-ups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels(self, site: str) -> Sequence[LevelRecord]:
        with self._database.reading() as connection:
            return levels_of(connection, site_key(connection, site))

    def history(self, site: str, *, limit: int) -> Sequence[LevelChange]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(CHANGE)
                .where(CHANGE.c.site_key == site_key(connection, site))
                .order_by(CHANGE.c.key.desc())
                .limit(limit)
            )
            return [
                LevelChange(row.question, row.before, row.after, json.loads(row.reason), row.at)
                for row in rows
            ]

    def verdicts(self, site: str) -> Sequence[SiteVerdictRecord]:
        with self._database.reading() as connection:
            return verdicts_of(connection, site_key(connection, site))

    def of_body(self, body: str, within: Sites) -> RollUp:
        key = select(BODY.c.key).where(BODY.c.name == body).scalar_subquery()
        return self._roll_up(SITE.c.body_key == key, within, f"no body {body}")

    def of_region(self, region: str, within: Sites) -> RollUp:
        return self._roll_up(SITE.c.region == region, within, f"no site in region {region}")

    def _roll_up(self, which: ColumnElement[bool], within: Sites, missing: str) -> RollUp:
        if within is not None:
            which = which & SITE.c.name.in_(sorted(within))
        with self._database.reading() as connection:
            sites = connection.execute(select(func.count()).select_from(SITE).where(which)).scalar()
            if not sites:
                raise NotFound(missing)
            levels: dict[int, dict[int | None, int]] = {}
            for row in connection.execute(
                _with_sites(which, MATURITY.c.question, MATURITY.c.level).group_by(
                    MATURITY.c.question, MATURITY.c.level
                )
            ):
                levels.setdefault(row.question, {})[row.level] = row.sites
        for spread in levels.values():  # a site that was not looked at yet is not assessed
            unseen = sites - sum(spread.values())
            if unseen:
                spread[None] = spread.get(None, 0) + unseen
        return RollUp(sites, levels)


def _with_sites(which: ColumnElement[bool], *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns, func.count().label("sites"))
        .join(SITE, SITE.c.key == MATURITY.c.site_key)
        .where(which)
    )


def levels_of(connection: Connection, site: int) -> Sequence[LevelRecord]:
    """The levels of a site, in the order of the questions."""
    rows = connection.execute(
        select(MATURITY).where(MATURITY.c.site_key == site).order_by(MATURITY.c.question)
    )
    return [
        LevelRecord(
            question=row.question,
            level=row.level,
            reason=json.loads(row.reason),
            actions=json.loads(row.actions),
            since=row.since,
            judged_at=row.judged_at,
        )
        for row in rows
    ]


def verdicts_of(connection: Connection, site: int) -> Sequence[SiteVerdictRecord]:
    """The verdicts on a site, in the order of the rules' ids."""
    rows = connection.execute(
        select(SITE_VERDICT).where(SITE_VERDICT.c.site_key == site).order_by(SITE_VERDICT.c.rule)
    )
    return [
        SiteVerdictRecord(
            rule=row.rule,
            status=Status(row.status),
            reason=json.loads(row.reason),
            since=row.since,
            judged_at=row.judged_at,
        )
        for row in rows
    ]
