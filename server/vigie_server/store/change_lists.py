"""Lists of changes of verdict. The `ChangeLists`.

Every query bounds the time it looks at, also by its position: history may lie in parts by month.
Changes of few devices are looked for in spans of time that grow, device by device: their newest are
found without reading all that those devices ever were.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Row, Select, func, literal, select

from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import ChangeOfDevice, ChangesWanted
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.readers import TransitionRecord
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import Ends, between, ends, keyset, paged, walking
from vigie_server.store.models import DeviceRow, Site, TransitionRow
from vigie_server.store.record_rows import device_key_of
from vigie_server.store.scopes import Scope, Scopes
from vigie_server.store.tables import table

DEVICE, SITE, TRANSITION = table(DeviceRow), table(Site), table(TransitionRow)

BY_TIME: Final = "ix_transition_at_key_device_key"
BY_RULE: Final = "ix_transition_rule_at_key_device_key"
BY_DEVICE: Final = "ix_transition_device_key_at_key"
FEW: Final = 1_000
"""Devices whose changes are looked for one by one."""
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
        with self._database.listing() as connection:
            scope = self._scopes.seen(connection, wanted.sites)
            if scope.few:
                rows = _of_few(connection, scope, wanted, after=after, limit=limit)
            else:
                query = _walked(connection, scope, wanted, after=after, limit=limit)
                rows = list(connection.execute(query))
        return paged(rows, limit, _place, _of_device)

    def changes_of(
        self, device_id: str, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> Page[TransitionRecord]:
        with self._database.listing() as connection:
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


def _walked(
    connection: Connection,
    scope: Scope,
    wanted: ChangesWanted,
    *,
    after: Position | None,
    limit: int,
) -> Select[Any]:
    """A page in the order of an index. Of some sites, PostgreSQL finds its places before its rows.

    Where sites are few their devices' keys are, by which the index passes over a change.
    """
    index = BY_TIME if wanted.rule is None else BY_RULE
    query = _of_devices()
    if not scope.has_few_keys:
        if scope.here is not None:
            query = query.where(scope.here)
        return walking(
            _page(_bounded(query, wanted, after), wanted, after, limit), TRANSITION, index
        )
    here = scope.holds(TRANSITION.c.device_key)
    if connection.dialect.name == "sqlite":
        query = _bounded(query.where(here), wanted, after)
        return walking(_page(query, wanted, after, limit), TRANSITION, index)
    places = _bounded(select(*_PLACE).where(here), wanted, after)
    page = _page(places, wanted, after, limit).subquery("page")
    order = [page.c.at, page.c.key]
    return query.join(page, (page.c.key == TRANSITION.c.key) & (page.c.at == _AT)).order_by(
        *([column.desc() for column in order] if wanted.sort == "-at" else order)
    )


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
    return query.where(*between(_AT, *_ends(wanted, after)))


def _ends(wanted: ChangesWanted, after: Position | None) -> Ends:
    return ends(wanted.since, wanted.until, after, newest_first=wanted.sort == "-at")


def _page(
    query: Select[Any], wanted: ChangesWanted, after: Position | None, limit: int
) -> Select[Any]:
    return keyset(query, _PLACE, after=after, limit=limit, newest_first=wanted.sort == "-at")


def _of_few(
    connection: Connection,
    scope: Scope,
    wanted: ChangesWanted,
    *,
    after: Position | None,
    limit: int,
) -> list[Row[Any]]:
    query = walking(_bounded(_of_devices(), wanted, after), TRANSITION, BY_DEVICE)
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
    extremes = (select(extreme(_AT)).scalar_subquery() for extreme in (func.min, func.max))
    oldest, newest = connection.execute(select(*extremes)).one()
    if oldest is None or newest is None:
        return
    first, last = _ends(wanted, after)
    low, high = _micros(oldest), _micros(newest)
    low = low if first is None else max(low, first)
    high = 1 + (high if last is None else min(high, last))
    span, downwards = FIRST_SPAN, wanted.sort == "-at"
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
