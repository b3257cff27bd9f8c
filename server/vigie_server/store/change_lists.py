"""Lists of changes of verdict. The `ChangeLists`.

Every query bounds the time it looks at, also by its position: history may lie in parts by month.
Changes of few devices are looked for in spans of time that grow, device by device: their newest are
found without reading all that those devices ever were.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, func, literal, select

from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import ChangeOfDevice, ChangesWanted
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.readers import TransitionRecord
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import keyset, paged, walking
from vigie_server.store.models import DeviceRow, Site, TransitionRow
from vigie_server.store.record_rows import device_key_of
from vigie_server.store.scopes import Scope, Scopes
from vigie_server.store.tables import table

DEVICE, SITE, TRANSITION = table(DeviceRow), table(Site), table(TransitionRow)

BY_TIME: Final = "ix_transition_at_key"
BY_RULE: Final = "ix_transition_rule_at_key"
BY_DEVICE: Final = "ix_transition_device_key_at_key"
FEW: Final = 1_000
"""Devices whose changes are looked for one by one."""
SITES_BY_KEYS: Final = 200
"""Sites whose devices' keys are gathered once for a page of their changes."""
FIRST_SPAN: Final = int(timedelta(days=2).total_seconds()) * 1_000_000
WIDER: Final = 4

_AT: Final = TRANSITION.c.at
_PLACE: Final = (_AT, TRANSITION.c.key)


class Changes:
    """Reads changes of verdict."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scopes = Scopes(few=FEW)

    def changes(
        self, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> Page[ChangeOfDevice]:
        query = _bounded(_of_devices(), wanted, after)
        with self._database.reading() as connection:
            scope = self._scopes.seen(connection, wanted.sites)
            if scope.few:
                rows = _of_few(connection, query, scope, wanted, after=after, limit=limit)
            else:
                if scope.here is not None:
                    query = query.where(_here(scope, scope.here))
                query = walking(query, TRANSITION, BY_TIME if wanted.rule is None else BY_RULE)
                rows = list(connection.execute(_page(query, wanted, after, limit)))
        return paged(rows, limit, _place, _of_device)

    def changes_of(
        self, device_id: str, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> Page[TransitionRecord]:
        with self._database.reading() as connection:
            key = device_key_of(connection, device_id)
            query = _bounded(select(TRANSITION), wanted, after)
            query = walking(query.where(TRANSITION.c.device_key == key), TRANSITION, BY_DEVICE)
            rows = connection.execute(_page(query, wanted, after, limit)).all()
        return paged(rows, limit, _place, transition_record)


def transition_record(row: Row[Any]) -> TransitionRecord:
    """The change of a row."""
    return TransitionRecord(
        rule=row.rule,
        before=None if row.before is None else Status(row.before),
        after=Status(row.after),
        at=row.at,
        reason=json.loads(row.reason),
    )


def _here(scope: Scope, at_its_site: ColumnElement[bool]) -> ColumnElement[bool]:
    """By a device's key a change is passed over without reading the device: where keys are few."""
    if scope.sites is not None and len(scope.sites) <= SITES_BY_KEYS:
        return TRANSITION.c.device_key.in_(scope.keys())
    return at_its_site


def _of_devices() -> Select[Any]:
    return (
        select(
            TRANSITION, DEVICE.c.id.label("device"), DEVICE.c.hostname, SITE.c.name.label("site")
        )
        .join(DEVICE, DEVICE.c.key == TRANSITION.c.device_key)
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
    )


def _bounded(query: Select[Any], wanted: ChangesWanted, after: Position | None) -> Select[Any]:
    if wanted.rule is not None:
        query = query.where(TRANSITION.c.rule == wanted.rule)
    if wanted.after is not None:
        query = query.where(TRANSITION.c.after == wanted.after.value)
    if wanted.since is not None:
        query = query.where(wanted.since <= _AT)
    if wanted.until is not None:
        query = query.where(wanted.until > _AT)
    if after is not None:
        here = literal(after[0], BigInteger)
        query = query.where(here >= _AT if wanted.sort == "-at" else here <= _AT)
    return query


def _page(
    query: Select[Any], wanted: ChangesWanted, after: Position | None, limit: int
) -> Select[Any]:
    return keyset(query, _PLACE, after=after, limit=limit, newest_first=wanted.sort == "-at")


def _of_few(
    connection: Connection,
    query: Select[Any],
    scope: Scope,
    wanted: ChangesWanted,
    *,
    after: Position | None,
    limit: int,
) -> list[Row[Any]]:
    query = walking(query, TRANSITION, BY_DEVICE)
    devices = connection.execute(scope.keys()).scalars().all()
    query = query.where(TRANSITION.c.device_key.in_(devices))
    rows: list[Row[Any]] = []
    for low, high in _spans(connection, wanted, after):
        inside = query.where(literal(low, BigInteger) <= _AT, literal(high, BigInteger) > _AT)
        rows += connection.execute(_page(inside, wanted, after, limit - len(rows)))
        if len(rows) > limit:
            break
    return rows


def _spans(
    connection: Connection, wanted: ChangesWanted, after: Position | None
) -> Iterator[tuple[int, int]]:
    """Spans of time that follow one another in the order of the list, each wider than the last."""
    oldest, newest = (
        connection.execute(select(func.min(_AT))).scalar(),
        connection.execute(select(func.max(_AT))).scalar(),
    )
    if oldest is None or newest is None:
        return
    low, high = _micros(oldest), _micros(newest) + 1
    low = low if wanted.since is None else max(low, to_store(wanted.since))
    high = high if wanted.until is None else min(high, to_store(wanted.until))
    span, downwards = FIRST_SPAN, wanted.sort == "-at"
    if after is not None:
        place = int(after[0])
        low, high = (low, min(high, place + 1)) if downwards else (max(low, place), high)
    while low < high:
        if downwards:
            yield max(low, high - span), high
            high -= span
        else:
            yield low, min(high, low + span)
            low += span
        span *= WIDER


def _micros(instant: datetime) -> int:
    return to_store(instant)


def _place(row: Row[Any]) -> Position:
    return to_store(row.at), row.key


def _of_device(row: Row[Any]) -> ChangeOfDevice:
    return ChangeOfDevice(row.device, row.hostname, row.site, transition_record(row))
