"""Who is told, and how messages to them fared. The `RecipientStore`."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.notices.recipients import Channel, Extent, Recipient, shown_address
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.notifying import (
    DeliveryRecord,
    DeliveryState,
    NoticeKind,
    RecipientRecord,
)
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Body
from vigie_server.store.locking import lock
from vigie_server.store.notices import DELIVERY, NOTICE, RECIPIENT, SITE, put_notice
from vigie_server.store.rejudging import record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

BODY: Final = table(Body)
MOST: Final = 1_000
"""Recipients in all."""
_PREFIX: Final = "n"


class Recipients:
    """The recipients of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def add(self, given: Recipient, act: Act) -> RecipientRecord:
        with self._database.writing() as connection:
            extent_key = _extent_key(connection, given)
            values = {
                "extent": given.extent.value,
                "extent_key": extent_key,
                "channel": given.channel.value,
                "address": given.address,
                "secret": given.secret,
                "language": given.language,
                "critical": given.critical,
                "digest": given.digest,
            }
            there = _recipients(
                connection,
                *(RECIPIENT.c[name].is_not_distinct_from(value) for name, value in values.items()),
            )
            if there:
                return there[0]
            held = connection.execute(
                select(func.count()).where(RECIPIENT.c.removed_at.is_(None))
            ).scalar_one()
            if held >= MOST:
                raise DeclarationRefused(f"there are {MOST} recipients already: remove some first")
            key = connection.execute(
                RECIPIENT.insert()
                .values(author=act.actor, at=act.at, **values)
                .returning(RECIPIENT.c.key)
            ).scalar_one()
            shown = shown_address(given.channel, given.address)
            record_act(
                connection, act, f"declared notice recipient {_PREFIX}{key}: {shown}", given.of
            )
            return _recipients(connection, RECIPIENT.c.key == key)[0]

    @retried
    def remove(
        self,
        recipient_id: str,
        within: Sites,
        act: Act,
        require: Require[RecipientRecord] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            lock(connection, RECIPIENT, RECIPIENT.c.key == _key(recipient_id))
            key, record = _found(connection, recipient_id, within)
            require(record)
            connection.execute(
                update(RECIPIENT).where(RECIPIENT.c.key == key).values(removed_at=act.at)
            )
            connection.execute(
                update(DELIVERY)
                .where(DELIVERY.c.recipient_key == key)
                .where(DELIVERY.c.state == DeliveryState.WAITING.value)
                .values(state=DeliveryState.DROPPED.value, done_at=act.at, next_try_at=None)
            )
            record_act(
                connection, act, f"removed notice recipient {record.id}", record.recipient.of
            )

    def recipient(self, recipient_id: str, within: Sites) -> RecipientRecord:
        with self._database.reading() as connection:
            return _found(connection, recipient_id, within)[1]

    def recipients(self, within: Sites) -> Sequence[RecipientRecord]:
        with self._database.reading() as connection:
            return [held for held in _recipients(connection) if _seen(held, within)]

    @retried
    def test(self, recipient_id: str, within: Sites, act: Act) -> DeliveryRecord:
        with self._database.writing() as connection:
            key, record = _found(connection, recipient_id, within)
            notice = put_notice(connection, NoticeKind.TEST, None, {}, [key], now=act.at)
            record_act(
                connection, act, f"asked for a test notice to {record.id}", record.recipient.of
            )
            rows = connection.execute(_deliveries().where(NOTICE.c.key == notice)).all()
            return _delivery(rows[0])

    def deliveries(
        self, within: Sites, *, before: int | None, limit: int
    ) -> Sequence[DeliveryRecord]:
        query = _deliveries().order_by(DELIVERY.c.key.desc()).limit(limit)
        if within is not None:
            query = query.where(SITE.c.name.in_(sorted(within)))
        if before is not None:
            query = query.where(DELIVERY.c.key < before)
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]


def _extent_key(connection: Connection, given: Recipient) -> int | None:
    match given.extent:
        case Extent.SITE:
            return site_key(connection, given.of, lock=True)
        case Extent.BODY:
            key = connection.execute(select(BODY.c.key).where(BODY.c.name == given.of)).scalar()
            if key is None:
                raise NotFound(f"no body {given.of}")
            return int(key)
        case Extent.ALL:
            return None


def _recipients(connection: Connection, *which: Any) -> list[RecipientRecord]:
    rows = connection.execute(
        select(RECIPIENT, SITE.c.name.label("site"), BODY.c.name.label("body"))
        .outerjoin(
            SITE,
            (RECIPIENT.c.extent == Extent.SITE.value) & (SITE.c.key == RECIPIENT.c.extent_key),
        )
        .outerjoin(
            BODY,
            (RECIPIENT.c.extent == Extent.BODY.value) & (BODY.c.key == RECIPIENT.c.extent_key),
        )
        .where(RECIPIENT.c.removed_at.is_(None), *which)
        .order_by(RECIPIENT.c.key)
    )
    return [
        RecipientRecord(
            id=f"{_PREFIX}{row.key}",
            recipient=Recipient(
                Extent(row.extent),
                row.site or row.body or "",
                Channel(row.channel),
                row.address,
                row.secret,
                row.language,
                row.critical,
                row.digest,
            ),
            author=row.author,
            at=row.at,
        )
        for row in rows
    ]


def _seen(held: RecipientRecord, within: Sites) -> bool:
    of_site = held.recipient.extent is Extent.SITE and held.recipient.of
    return within is None or of_site in within


def _found(connection: Connection, recipient_id: str, within: Sites) -> tuple[int, RecipientRecord]:
    key = _key(recipient_id)
    for held in _recipients(connection, RECIPIENT.c.key == key):
        if _seen(held, within):
            return key, held
    raise NotFound(f"no notice recipient {recipient_id[:40]}")


def _key(recipient_id: str) -> int:
    digits = recipient_id.removeprefix(_PREFIX)
    if not (recipient_id.startswith(_PREFIX) and digits.isascii() and digits.isdigit()):
        raise NotFound(f"no notice recipient {recipient_id[:40]}")
    return min(int(digits[:19]), 2**63 - 1)


def _deliveries() -> Any:
    return (
        select(
            DELIVERY,
            NOTICE.c.id.label("notice_id"),
            NOTICE.c.kind,
            NOTICE.c.at.label("told_at"),
            SITE.c.name.label("site"),
        )
        .join(NOTICE, NOTICE.c.key == DELIVERY.c.notice_key)
        .outerjoin(SITE, SITE.c.key == NOTICE.c.site_key)
    )


def _delivery(row: Row[Any]) -> DeliveryRecord:
    return DeliveryRecord(
        key=row.key,
        id=f"{row.notice_id}.{row.recipient_key}",
        kind=NoticeKind(row.kind),
        site=row.site or "",
        recipient_id=f"{_PREFIX}{row.recipient_key}",
        state=DeliveryState(row.state),
        attempts=row.attempts,
        at=row.told_at,
        next_try_at=row.next_try_at,
        done_at=row.done_at,
        error=row.error,
    )
