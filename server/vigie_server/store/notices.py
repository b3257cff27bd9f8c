"""The outbox: marks of what was told, messages, and their way to each recipient. The `Outbox`.

A message is written in the transaction that marks what it tells as told, and is handed over after:
a server that dies before has told nothing and marked nothing, one that dies after still has it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vigie_server.domain.notices.content import Content
from vigie_server.domain.notices.occurrences import Occurrence
from vigie_server.domain.notices.recipients import Channel, Extent, Recipient
from vigie_server.ports.notifying import DeliveryState, DigestDue, NoticeKind, Sending
from vigie_server.store.database import Database, retried
from vigie_server.store.models import Site
from vigie_server.store.notice_models import Notice, NoticeDelivery, NoticeRecipient
from vigie_server.store.occurring import MARK, Occurring
from vigie_server.store.tables import table

SITE: Final = table(Site)
RECIPIENT, NOTICE = table(NoticeRecipient), table(Notice)
DELIVERY: Final = table(NoticeDelivery)
_DIGEST: Final = "digest"
_IN_FORCE: Final = RECIPIENT.c.removed_at.is_(None)


class Notices:
    """Writes as who leads; `settling` is the store without that fence.

    What was handed over is noted whoever leads by then: otherwise the next would do it again.
    """

    def __init__(self, database: Database, settling: Database, occurring: Occurring) -> None:
        self._database = database
        self._settling = settling
        self._occurring = occurring

    def untold(self, *, now: datetime) -> Mapping[int, Sequence[Occurrence]]:
        with self._database.reading() as connection:
            sites = _told_sites(connection)
            return self._occurring.untold(connection, sites, now=now) if sites else {}

    @retried
    def note(self, site: int, noticed: Sequence[Occurrence], *, now: datetime) -> None:
        with self._database.writing() as connection:
            self._mark(connection, site, noticed, now=now, told_at=None)

    @retried
    def tell(
        self, site: int, told: Sequence[Occurrence], content: Content, *, now: datetime
    ) -> None:
        with self._database.writing() as connection:
            recipients = _recipients_of(connection, site, RECIPIENT.c.critical)
            if not recipients:  # the last one was removed meanwhile: the next is told
                return
            put_notice(connection, NoticeKind.CRITICAL, site, content, recipients, now=now)
            self._mark(connection, site, told, now=now, told_at=now)

    def digests_due(self, due: datetime, *, now: datetime) -> Sequence[DigestDue]:
        marked = and_(MARK.c.site_key == SITE.c.key, MARK.c.what == _DIGEST)
        wanted = (
            select(SITE.c.key, SITE.c.name, MARK.c.since)
            .join(RECIPIENT, _COVERED)
            .outerjoin(MARK, marked)
            .where(_IN_FORCE)
            .where(RECIPIENT.c.digest)
            .where(or_(MARK.c.since.is_(None), MARK.c.since < due))
            .distinct()
            .order_by(SITE.c.key)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        for row in rows:
            if row.since is None:
                self._begin_digests(row.key, due, now)
        return [DigestDue(row.key, row.name, row.since) for row in rows if row.since is not None]

    @retried
    def put_digest(
        self, site: DigestDue, content: Content, *, due: datetime, now: datetime
    ) -> None:
        with self._database.writing() as connection:
            recipients = _recipients_of(connection, site.key, RECIPIENT.c.digest)
            if recipients:
                put_notice(connection, NoticeKind.DIGEST, site.key, content, recipients, now=now)
            self._mark_digest(connection, site.key, due, now)

    @retried
    def _begin_digests(self, site: int, due: datetime, now: datetime) -> None:
        with self._database.writing() as connection:
            self._mark_digest(connection, site, due, now)

    def _mark_digest(self, connection: Connection, site: int, due: datetime, now: datetime) -> None:
        values = {"since": due, "noticed_at": now, "told_at": now}
        self._put_marks(connection, [{"site_key": site, "what": _DIGEST, "subject": "", **values}])

    def take(self, *, now: datetime, limit: int, hold: timedelta) -> Sequence[Sending]:
        due = (
            select(DELIVERY.c.key)
            .where(DELIVERY.c.state == DeliveryState.WAITING.value)
            .where(DELIVERY.c.next_try_at <= now)
            .order_by(DELIVERY.c.next_try_at, DELIVERY.c.key)
            .limit(limit)
        )
        with self._database.reading() as connection:  # most rounds find nothing, and lock nothing
            if connection.execute(due).first() is None:
                return ()
        return self._taken(due, now=now, hold=hold)

    @retried
    def _taken(self, due: Any, *, now: datetime, hold: timedelta) -> Sequence[Sending]:
        with self._database.writing() as connection:
            keys = connection.execute(due.with_for_update()).scalars().all()
            connection.execute(
                update(DELIVERY)
                .where(DELIVERY.c.key.in_(keys))
                .values(attempts=DELIVERY.c.attempts + 1, next_try_at=now + hold)
            )
            return _sendings(connection, keys)

    def settle(
        self,
        sending: Sending,
        state: DeliveryState,
        error: str,
        *,
        now: datetime,
        next_try_at: datetime | None,
    ) -> None:
        done = None if state is DeliveryState.WAITING else now

        def settled() -> None:
            with self._settling.writing() as connection:
                connection.execute(
                    update(DELIVERY)
                    .where(DELIVERY.c.key == sending.key)
                    .where(DELIVERY.c.attempts == sending.attempt)
                    .where(DELIVERY.c.state == DeliveryState.WAITING.value)
                    .values(state=state.value, error=error, done_at=done, next_try_at=next_try_at)
                )

        self._settling.retry(settled)

    @retried
    def forget(self, before: datetime, *, bite: int) -> int:
        waiting = exists().where(
            and_(
                DELIVERY.c.notice_key == NOTICE.c.key,
                DELIVERY.c.state == DeliveryState.WAITING.value,
            )
        )
        past = select(NOTICE.c.key).where(NOTICE.c.at < before).where(~waiting).limit(bite)
        with self._database.reading() as connection:
            if connection.execute(past).first() is None:
                return 0
        with self._database.writing() as connection:
            keys = connection.execute(past).scalars().all()
            connection.execute(delete(DELIVERY).where(DELIVERY.c.notice_key.in_(keys)))
            connection.execute(delete(NOTICE).where(NOTICE.c.key.in_(keys)))
        return len(keys)

    def _mark(
        self,
        connection: Connection,
        site: int,
        occurrences: Sequence[Occurrence],
        *,
        now: datetime,
        told_at: datetime | None,
    ) -> None:
        self._put_marks(
            connection,
            [
                {
                    "site_key": site,
                    "what": one.what.value,
                    "subject": one.subject,
                    "since": one.since,
                    "noticed_at": one.noticed_at or now,
                    "told_at": told_at,
                }
                for one in occurrences
            ],
        )

    def _put_marks(self, connection: Connection, marks: Sequence[Mapping[str, Any]]) -> None:
        if not marks:
            return
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(MARK)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["site_key", "what", "subject"],
                set_={name: insert.excluded[name] for name in ("since", "noticed_at", "told_at")},
            ),
            list(marks),
        )


def put_notice(
    connection: Connection,
    kind: NoticeKind,
    site: int | None,
    content: Content,
    recipients: Sequence[int],
    *,
    now: datetime,
) -> int:
    """Puts a message into the outbox; gives its key."""
    key: int = connection.execute(
        NOTICE.insert()
        .values(
            id=token_hex(16),
            site_key=site,
            kind=kind.value,
            at=now,
            content=json.dumps(content, ensure_ascii=False),
        )
        .returning(NOTICE.c.key)
    ).scalar_one()
    connection.execute(
        DELIVERY.insert(),
        [
            {
                "notice_key": key,
                "recipient_key": recipient,
                "state": DeliveryState.WAITING.value,
                "attempts": 0,
                "next_try_at": now,
                "error": "",
            }
            for recipient in recipients
        ],
    )
    return key


def _covers(extent: Any, extent_key: Any) -> Any:
    """Whether a recipient is told of the site of the row."""
    return or_(
        extent == Extent.ALL.value,
        and_(extent == Extent.SITE.value, extent_key == SITE.c.key),
        and_(extent == Extent.BODY.value, extent_key == SITE.c.body_key),
    )


_COVERED: Final = _covers(RECIPIENT.c.extent, RECIPIENT.c.extent_key)


def _told_sites(connection: Connection) -> Collection[int]:
    """The sites of which somebody is told at once."""
    query = (
        select(SITE.c.key).join(RECIPIENT, _COVERED).where(_IN_FORCE).where(RECIPIENT.c.critical)
    )
    return set(connection.execute(query).scalars())


def _recipients_of(connection: Connection, site: int, wanting: Any) -> Sequence[int]:
    query = (
        select(RECIPIENT.c.key)
        .join(SITE, _COVERED)
        .where(SITE.c.key == site)
        .where(_IN_FORCE)
        .where(wanting)
        .order_by(RECIPIENT.c.key)
    )
    return connection.execute(query).scalars().all()


def _sendings(connection: Connection, keys: Sequence[int]) -> Sequence[Sending]:
    query = (
        select(
            DELIVERY.c.key,
            DELIVERY.c.attempts,
            NOTICE.c.id,
            NOTICE.c.kind,
            NOTICE.c.at.label("told_at"),
            NOTICE.c.content,
            SITE.c.name,
            RECIPIENT.c.key.label("recipient_key"),
            RECIPIENT.c.extent,
            RECIPIENT.c.channel,
            RECIPIENT.c.address,
            RECIPIENT.c.secret,
            RECIPIENT.c.language,
            RECIPIENT.c.critical,
            RECIPIENT.c.digest,
        )
        .join(NOTICE, NOTICE.c.key == DELIVERY.c.notice_key)
        .join(RECIPIENT, RECIPIENT.c.key == DELIVERY.c.recipient_key)
        .outerjoin(SITE, SITE.c.key == NOTICE.c.site_key)
        .where(DELIVERY.c.key.in_(keys))
        .order_by(DELIVERY.c.key)
    )
    return [
        Sending(
            key=row.key,
            attempt=row.attempts,
            id=f"{row.id}.{row.recipient_key}",
            kind=NoticeKind(row.kind),
            site=row.name or "",
            at=row.told_at,
            content=json.loads(row.content),
            recipient=Recipient(
                Extent(row.extent),
                "",
                Channel(row.channel),
                row.address,
                row.secret,
                row.language,
                row.critical,
                row.digest,
            ),
        )
        for row in connection.execute(query)
    ]
