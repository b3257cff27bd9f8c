"""What people change of their own account. The `OwnAccountStore`."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState, Credentials, HeldSession, RenewedApp
from vigie_server.store.accounts import ACCOUNT, SESSION
from vigie_server.store.database import Database, retried
from vigie_server.store.rejudging import record_act
from vigie_server.store.sign_ins import forget_tries


class OwnAccounts:
    """An account as its person sees and changes it. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sessions(self, account: Account, *, now: datetime, idle: float) -> Sequence[HeldSession]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(SESSION)
                .join(ACCOUNT, SESSION.c.account_key == ACCOUNT.c.key)
                .where(ACCOUNT.c.id == account.id, SESSION.c.expires_at > now)
                .order_by(SESSION.c.used_at.desc(), SESSION.c.secret_hash)
            )
            return [
                HeldSession(row.secret_hash, row.opened_at, row.used_at)
                for row in rows
                if now - row.used_at < timedelta(seconds=idle)
            ]

    @retried
    def close_others(self, account: Account, *, keeping: bytes, now: datetime) -> None:
        with self._database.writing() as connection:
            key = select(ACCOUNT.c.key).where(ACCOUNT.c.id == account.id).scalar_subquery()
            _end_others(connection, key, keeping)
            act = Act(f"account:{account.name}", now)
            record_act(connection, act, "signed out everywhere else", account.name)

    @retried
    def change_password(
        self, held: Credentials, password_hash: str, *, keeping: bytes, now: datetime
    ) -> bool:
        with self._database.writing() as connection:
            row = _locked(connection, held.account)
            if row.password_hash != held.password_hash or not _stands(connection, row, keeping):
                return False
            connection.execute(
                update(ACCOUNT).where(ACCOUNT.c.key == row.key).values(password_hash=password_hash)
            )
            _end_others(connection, row.key, keeping)
            forget_tries(connection, row.name)
            act = Act(f"account:{row.name}", now)
            record_act(connection, act, "changed the password and ended other sessions", row.name)
            return True

    @retried
    def renew_app(
        self, account: Account, renewed: RenewedApp, *, keeping: bytes, now: datetime
    ) -> bool:
        with self._database.writing() as connection:
            row = _locked(connection, account)
            if row.totp_secret != renewed.before or not _stands(connection, row, keeping):
                return False
            connection.execute(
                update(ACCOUNT)
                .where(ACCOUNT.c.key == row.key)
                .values(
                    totp_secret=renewed.totp_secret,
                    step=renewed.step,
                    recovery=json.dumps([one.hex() for one in renewed.recovery]),
                )
            )
            _end_others(connection, row.key, keeping)
            forget_tries(connection, row.name)
            act = Act(f"account:{row.name}", now)
            what = "renewed the app of one-time codes and ended other sessions"
            record_act(connection, act, what, row.name)
            return True

    @retried
    def change_refused(self, account: Account, what: str, *, now: datetime) -> None:
        with self._database.writing() as connection:
            act = Act(f"account:{account.name}", now)
            record_act(connection, act, f"was refused a change of {what}", account.name)


def _locked(connection: Connection, account: Account) -> Row[Any]:
    return connection.execute(
        select(ACCOUNT).where(ACCOUNT.c.id == account.id).with_for_update()
    ).one()


def _stands(connection: Connection, row: Row[Any], session: bytes) -> bool:
    """Whether a locked account and its session are in force still.

    A lock, a reset or another change that came first has ended them: it wins.
    """
    own = (SESSION.c.account_key == row.key) & (SESSION.c.secret_hash == session)
    found = connection.execute(select(SESSION.c.secret_hash).where(own)).first()
    return row.state == AccountState.ACTIVE and found is not None


def _end_others(connection: Connection, key: Any, keeping: bytes) -> None:
    connection.execute(
        delete(SESSION).where(SESSION.c.account_key == key, SESSION.c.secret_hash != keeping)
    )
