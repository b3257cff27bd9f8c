"""Signing in, and the sessions that follow. The `SignInStore` and the `SessionStore`."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, delete, select, text, update

from vigie_server.domain.errors import RateLimited
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState, Credentials, NewSession, Tries
from vigie_server.store.accounts import (
    ACCOUNT,
    SESSION,
    account_of,
    folded,
    open_session,
)
from vigie_server.store.database import Database, retried
from vigie_server.store.instants import to_store
from vigie_server.store.people_models import SignInTry
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table

TRY: Final = table(SignInTry)

TRIES_KEPT: Final = timedelta(days=1)
USE_RECORDED_EVERY: Final = timedelta(minutes=1)
_MOST_DOUBLINGS: Final = 20
_FIRST: Final = text(
    "INSERT INTO sign_in_try (name_hash, tries, at) VALUES (:name_hash, 0, :at) "
    "ON CONFLICT (name_hash) DO NOTHING"
)


class SignIns:
    """Who signs in and who is. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def reserve(self, name: str, tries: Tries, *, now: datetime) -> None:
        name_hash = _hash_of(name)
        with self._database.writing() as connection:
            connection.execute(delete(TRY).where(TRY.c.at < now - TRIES_KEPT))
            connection.execute(_FIRST, {"name_hash": name_hash, "at": to_store(now)})
            held = connection.execute(
                select(TRY).where(TRY.c.name_hash == name_hash).with_for_update()
            ).one()
            rest = held.at + _rest(held.tries, tries) - now
            if rest > timedelta(0):
                raise RateLimited(
                    "too many attempts with this name: come back later", after=rest.total_seconds()
                )
            connection.execute(
                update(TRY).where(TRY.c.name_hash == name_hash).values(tries=held.tries + 1, at=now)
            )

    def credentials(self, name: str) -> Credentials | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(ACCOUNT).where(ACCOUNT.c.folded == folded(name))
            ).one_or_none()
        if row is None or not row.password_hash:
            return None
        recovery = tuple(bytes.fromhex(one) for one in json.loads(row.recovery))
        return Credentials(account_of(row), row.password_hash, row.totp_secret, row.step, recovery)

    @retried
    def signed_in(
        self, held: Credentials, session: NewSession, *, step: int | None, recovery: bytes | None
    ) -> bool:
        with self._database.writing() as connection:
            row = connection.execute(
                select(ACCOUNT).where(ACCOUNT.c.id == held.account.id).with_for_update()
            ).one()
            unused = json.loads(row.recovery)
            changed = row.password_hash != held.password_hash or row.state != AccountState.ACTIVE
            spent = step <= row.step if step is not None else _hex(recovery) not in unused
            if changed or spent:
                return False
            connection.execute(
                update(ACCOUNT)
                .where(ACCOUNT.c.key == row.key)
                .values(
                    step=row.step if step is None else step,
                    recovery=json.dumps([one for one in unused if one != _hex(recovery)]),
                )
            )
            forget_tries(connection, row.name)
            open_session(connection, row.key, session)
            how = "signed in" if step is not None else "signed in with a recovery code"
            record_act(connection, Act(f"account:{row.name}", session.opened_at), how, row.name)
            return True

    @retried
    def refused(self, account: Account | None, *, now: datetime) -> None:
        with self._database.writing() as connection:
            # What was typed as a name may be a password.
            subject = "an unknown name" if account is None else account.name
            record_act(connection, Act("server", now), "refused a sign-in", subject)

    @retried
    def account_of(self, secret_hash: bytes, *, now: datetime, idle: float) -> Account | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(ACCOUNT, SESSION.c.used_at, SESSION.c.expires_at.label("session_ends"))
                .join(SESSION, SESSION.c.account_key == ACCOUNT.c.key)
                .where(SESSION.c.secret_hash == secret_hash)
            ).one_or_none()
        if row is None or row.state != AccountState.ACTIVE:
            return None
        if now >= row.session_ends or now - row.used_at >= timedelta(seconds=idle):
            return None
        if now - row.used_at >= USE_RECORDED_EVERY:
            with self._database.writing() as connection:
                connection.execute(
                    update(SESSION).where(SESSION.c.secret_hash == secret_hash).values(used_at=now)
                )
        account = account_of(row)
        return None if account.ended(now) else account

    @retried
    def close(self, secret_hash: bytes, *, now: datetime) -> str | None:
        with self._database.writing() as connection:
            held = connection.execute(
                select(ACCOUNT.c.name, SESSION.c.id_token)
                .join(SESSION, SESSION.c.account_key == ACCOUNT.c.key)
                .where(SESSION.c.secret_hash == secret_hash)
            ).one_or_none()
            if held is None:
                return None
            connection.execute(delete(SESSION).where(SESSION.c.secret_hash == secret_hash))
            record_act(connection, Act(f"account:{held.name}", now), "signed out", held.name)
            id_token: str | None = held.id_token
            return id_token


def forget_tries(connection: Connection, name: str) -> None:
    """Has the name's tries start anew: its person has proved who they are."""
    connection.execute(delete(TRY).where(TRY.c.name_hash == _hash_of(name)))


def _rest(tries: int, terms: Tries) -> timedelta:
    """How long a name rests after this many tries."""
    if tries < terms.free:
        return timedelta(0)
    doublings = min(tries - terms.free, _MOST_DOUBLINGS)
    return timedelta(seconds=min(terms.rest * 2**doublings, terms.at_most))


def _hash_of(name: str) -> bytes:
    return sha256(b"vigie-sign-in\0" + folded(name).encode()).digest()


def _hex(recovery: bytes | None) -> str:
    return "" if recovery is None else recovery.hex()
