"""Requests and their answers by the sender's key. The `AnswersKept` of SQLite and PostgreSQL."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update

from vigie_server.domain.errors import KeyUsedOtherwise, RequestUnderWay
from vigie_server.ports.repeating import KeptAnswer
from vigie_server.store.database import Database, retried
from vigie_server.store.instants import to_store
from vigie_server.store.repeat_models import AnsweredRequest
from vigie_server.store.tables import table

REQUEST = table(AnsweredRequest)
_BEGIN = (
    "INSERT INTO answered_request (actor, idempotency_key, request_digest, media_type, at) "
    "VALUES (?, ?, ?, '', ?) ON CONFLICT DO NOTHING"
)


class Repeats:
    """Keeps answers for `kept`, counted from the first request."""

    def __init__(self, database: Database, *, kept: timedelta) -> None:
        self._database = database
        self._kept = kept

    @retried
    def begin(
        self, actor: str, key: str, request_digest: bytes, *, at: datetime
    ) -> KeptAnswer | None:
        with self._database.writing() as connection:
            connection.execute(delete(REQUEST).where(REQUEST.c.at < at - self._kept))
            row = (actor, key, request_digest, to_store(at))
            if connection.exec_driver_sql(self._database.sql(_BEGIN), row).rowcount == 1:
                return None
            held = connection.execute(select(REQUEST).where(_named(actor, key))).one()
        if bytes(held.request_digest) != request_digest:
            raise KeyUsedOtherwise(
                "this Idempotency-Key stands for another request: make a new key for each"
            )
        if held.status is None:
            raise RequestUnderWay(
                "the first request under this Idempotency-Key has no answer yet: try again in a "
                "moment. If that lasts, a server stopped meanwhile: look whether it was done, "
                "and send it under a new key if not"
            )
        return KeptAnswer(
            held.status, held.media_type, None if held.body is None else bytes(held.body)
        )

    @retried
    def answered(self, actor: str, key: str, answer: KeptAnswer) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(REQUEST)
                .where(_named(actor, key))
                .values(status=answer.status, media_type=answer.media_type, body=answer.body)
            )

    @retried
    def forget(self, actor: str, key: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(REQUEST).where(_named(actor, key)))


def _named(actor: str, key: str) -> ColumnElement[bool]:
    return and_(REQUEST.c.actor == actor, REQUEST.c.idempotency_key == key)
