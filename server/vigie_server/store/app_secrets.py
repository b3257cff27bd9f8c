"""The secrets of apps for one-time codes, of accounts and of setups under way."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, select, update

from vigie_server.store.accounts import ACCOUNT, CODE, SESSION
from vigie_server.store.database import Database, retried


class HeldAppSecrets:
    """As they are kept. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def app_secrets(self) -> list[str]:
        with self._database.reading() as connection:
            kept = connection.execute(select(ACCOUNT.c.totp_secret)).scalars().all()
            chosen = [found["totp_secret"] for _, found in _begun(connection)]
        return [secret for secret in (*kept, *chosen) if secret]

    @retried
    def replace_app_secrets(self, replaced: Mapping[str, str]) -> int:
        done = 0
        with self._overwriting() as connection:
            for before, after in replaced.items():
                done += connection.execute(
                    update(ACCOUNT).where(ACCOUNT.c.totp_secret == before).values(totp_secret=after)
                ).rowcount
            for code_hash, found in _begun(connection, lock=True):
                if found["totp_secret"] in replaced:
                    text = json.dumps(found | {"totp_secret": replaced[found["totp_secret"]]})
                    done += connection.execute(
                        update(CODE).where(CODE.c.code_hash == code_hash).values(enrolling=text)
                    ).rowcount
        return done

    @retried
    def drop_plain_id_tokens(self) -> int:
        """Forgets ID tokens of sessions that an older version kept in clear; gives how many."""
        plain = SESSION.c.id_token.is_not(None) & SESSION.c.id_token.not_like("sealed1:%")
        with self._database.reading() as connection:
            if not connection.execute(select(func.count()).where(plain)).scalar_one():
                return 0
        with self._overwriting() as connection:
            return connection.execute(update(SESSION).where(plain).values(id_token=None)).rowcount

    @contextmanager
    def _overwriting(self) -> Iterator[Connection]:
        """A transaction of which nothing that it replaces stays in SQLite's file."""
        with self._database.writing() as connection:
            if self._database.is_sqlite:
                # What was there in clear is not to stay in the free places of the file.
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            yield connection
        if self._database.is_sqlite:
            with self._database.engine.connect() as plain:  # nor in its log
                driver: Any = plain.connection.driver_connection
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _begun(connection: Connection, *, lock: bool = False) -> list[tuple[bytes, dict[str, str]]]:
    query = select(CODE.c.code_hash, CODE.c.enrolling).where(CODE.c.enrolling.is_not(None))
    rows = connection.execute(query.with_for_update() if lock else query)
    return [(row.code_hash, json.loads(row.enrolling)) for row in rows]
