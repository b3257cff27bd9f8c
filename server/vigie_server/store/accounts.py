"""Accounts and their setup codes. The `AccountStore` and the `SetupCodeStore`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.domain.errors import DeclarationRefused, NotFound, SignInRefused
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.people import Account, AccountState, Enrolling, Fault, NewSession, SetupCode
from vigie_server.ports.tokens import Role
from vigie_server.store.database import Database, retried
from vigie_server.store.keyset import keyset, paged
from vigie_server.store.locking import lock
from vigie_server.store.people_models import AccountRow, SetupCodeRow, WebSession
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table

ACCOUNT, CODE, SESSION = table(AccountRow), table(SetupCodeRow), table(WebSession)

_NOTHING: Final = {"password_hash": "", "totp_secret": "", "step": 0, "recovery": "[]"}


class Accounts:
    """Accounts in the store. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def add(self, account: Account, act: Act) -> None:
        with self._database.writing() as connection:
            _require_free(connection, account.name)
            insert_account(connection, account)
            record_act(connection, act, f"made an account: {account.role}", account.name)

    def account(self, name: str) -> Account:
        with self._database.reading() as connection:
            return account_of(row_of(connection, name))

    def by_id(self, account_id: str) -> Account:
        query = select(ACCOUNT).where(ACCOUNT.c.id == account_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no account {account_id}")
        return account_of(row)

    def page(self, after: Position | None, limit: int) -> Page[Account]:
        query = keyset(select(ACCOUNT), (ACCOUNT.c.folded,), after=after, limit=limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.folded,), account_of)

    def by_ids(self, after: Position | None, limit: int) -> Page[Account]:
        query = keyset(select(ACCOUNT), (ACCOUNT.c.id,), after=after, limit=limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.id,), account_of)

    def accounts(self) -> Sequence[Account]:
        with self._database.reading() as connection:
            rows = connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.folded))
            return [account_of(row) for row in rows]

    @retried
    def change(
        self, name: str, terms: AccountTerms, act: Act, require: Require[Account] = whatever
    ) -> Account:
        with self._database.writing() as connection:
            row = _required(connection, name, require)
            before = account_of(row)
            if terms != AccountTerms(before.role.value, before.sites, before.expires_at):
                _change(
                    connection,
                    row.key,
                    role=terms.role,
                    sites=_kept_sites(terms.sites),
                    expires_at=terms.expires_at,
                )
                record_act(connection, act, f"changed an account: {terms.told()}", row.name)
            return account_of(row_of(connection, name))

    @retried
    def lock(
        self, name: str, act: Act, require: Require[Account] = whatever, *, locked: bool
    ) -> Account:
        with self._database.writing() as connection:
            row = _required(connection, name, require)
            if locked == (row.state == AccountState.LOCKED):
                return account_of(row)
            set_up = AccountState.ACTIVE if row.password_hash else AccountState.INVITED
            _change(connection, row.key, state=AccountState.LOCKED if locked else set_up)
            record_act(
                connection, act, f"{'locked' if locked else 'unlocked'} an account", row.name
            )
            return account_of(row_of(connection, name))

    @retried
    def reset(self, name: str, act: Act, require: Require[Account] = whatever) -> Account:
        with self._database.writing() as connection:
            row = _required(connection, name, require)
            _change(connection, row.key, state=AccountState.INVITED, **_NOTHING)
            connection.execute(delete(CODE).where(CODE.c.account_key == row.key))
            record_act(connection, act, "reset an account", row.name)
            return account_of(row_of(connection, name))

    @retried
    def add_code(
        self, code_hash: bytes, account: str | None, *, expires_at: datetime, act: Act
    ) -> None:
        with self._database.writing() as connection:
            row = None if account is None else row_of(connection, account)
            key = None if row is None else row.key
            before = CODE.c.account_key.is_(None) if key is None else CODE.c.account_key == key
            connection.execute(delete(CODE).where(before | (CODE.c.expires_at <= act.at)))
            connection.execute(
                CODE.insert().values(
                    code_hash=code_hash,
                    account_key=key,
                    expires_at=expires_at,
                )
            )
            subject = "a new administrator" if row is None else row.name
            record_act(connection, act, "made a setup code", subject)

    def code(self, code_hash: bytes, *, now: datetime) -> SetupCode:
        with self._database.reading() as connection:
            return _code(connection, code_hash, now)[0]

    @retried
    def enrol(self, code_hash: bytes, enrolling: Enrolling, *, now: datetime) -> None:
        with self._database.writing() as connection:
            found, _ = _code(connection, code_hash, now)
            if found.account is None:
                _require_free(connection, enrolling.name)
            connection.execute(
                update(CODE)
                .where(CODE.c.code_hash == code_hash)
                .values(enrolling=json.dumps(asdict(enrolling)))
            )

    @retried
    def complete(
        self,
        code_hash: bytes,
        *,
        account_id: str,
        step: int,
        recovery: Sequence[bytes],
        session: NewSession,
    ) -> Account:
        with self._database.writing() as connection:
            found, key = _code(connection, code_hash, session.opened_at, lock=True)
            chosen = found.enrolling
            if chosen is None:
                raise SignInRefused("the setup was not begun")
            if key is None:
                _require_free(connection, chosen.name)
                key = insert_account(
                    connection,
                    Account(
                        id=account_id,
                        name=chosen.name,
                        role=Role.ADMIN,
                        sites=None,
                        language=chosen.language,
                        state=AccountState.INVITED,
                        created_at=session.opened_at,
                    ),
                )
            _change(
                connection,
                key,
                state=AccountState.ACTIVE,
                language=chosen.language,
                password_hash=chosen.password_hash,
                totp_secret=chosen.totp_secret,
                step=step,
                recovery=json.dumps([one.hex() for one in recovery]),
            )
            spent = CODE.c.code_hash == code_hash
            connection.execute(delete(CODE).where(spent | (CODE.c.account_key == key)))
            open_session(connection, key, session)
            row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.key == key)).one()
            act = Act(f"account:{row.name}", session.opened_at)
            record_act(connection, act, "set up an account and signed in", row.name)
            return account_of(row)


def folded(name: str) -> str:
    """The name as it is looked for: without its case."""
    return name.strip().casefold()


def account_of(row: Row[Any]) -> Account:
    """The account of a row."""
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        sites=None if row.sites is None else frozenset(json.loads(row.sites)),
        language=row.language,
        state=AccountState(row.state),
        created_at=row.created_at,
        has_password=bool(row.password_hash),
        expires_at=row.expires_at,
    )


def open_session(connection: Connection, account_key: int, session: NewSession) -> None:
    """Adds a session, and takes away those that are past their time."""
    connection.execute(delete(SESSION).where(SESSION.c.expires_at <= session.opened_at))
    connection.execute(
        SESSION.insert().values(
            secret_hash=session.secret_hash,
            id_token=session.id_token,
            account_key=account_key,
            opened_at=session.opened_at,
            used_at=session.opened_at,
            expires_at=session.expires_at,
        )
    )


def insert_account(connection: Connection, account: Account) -> int:
    """The key of a new account, which signs in with nothing yet."""
    made = connection.execute(
        ACCOUNT.insert()
        .values(
            id=account.id,
            name=account.name.strip(),
            folded=folded(account.name),
            role=account.role.value,
            sites=_kept_sites(account.sites),
            expires_at=account.expires_at,
            language=account.language,
            state=account.state.value,
            created_at=account.created_at,
            **_NOTHING,
        )
        .returning(ACCOUNT.c.key)
    )
    return int(made.scalar_one())


def _kept_sites(sites: frozenset[str] | None) -> str | None:
    return None if sites is None else json.dumps(sorted(sites))


def _change(connection: Connection, key: int, **values: Any) -> None:
    """Changes what an account signs in with; who is signed in is so no more."""
    connection.execute(update(ACCOUNT).where(ACCOUNT.c.key == key).values(**values))
    connection.execute(delete(SESSION).where(SESSION.c.account_key == key))


def row_of(connection: Connection, name: str) -> Row[Any]:
    """The row of the account of this name. Raises NotFound."""
    row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.folded == folded(name))).one_or_none()
    if row is None:
        raise NotFound(f"no account {name}")
    return row


def _required(connection: Connection, name: str, require: Require[Account]) -> Row[Any]:
    """The row to change, which is as the change demands. Raises NotFound, ConditionFailed."""
    if require is not whatever:
        lock(connection, ACCOUNT, ACCOUNT.c.folded == folded(name))
    row = row_of(connection, name)
    require(account_of(row))
    return row


def _require_free(connection: Connection, name: str) -> None:
    if connection.execute(select(ACCOUNT.c.key).where(ACCOUNT.c.folded == folded(name))).first():
        raise DeclarationRefused(Fault.TAKEN)


def _code(
    connection: Connection, code_hash: bytes, now: datetime, *, lock: bool = False
) -> tuple[SetupCode, int | None]:
    query = select(CODE).where(CODE.c.code_hash == code_hash)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or now >= row.expires_at:
        raise SignInRefused("the setup code is not valid: it was used, or its time is over")
    account = None
    if row.account_key is not None:
        found = connection.execute(select(ACCOUNT).where(ACCOUNT.c.key == row.account_key)).one()
        account = account_of(found)
        if account.state is AccountState.LOCKED:
            raise SignInRefused("the account is locked")
        if account.ended(now):
            raise SignInRefused("the account's last day is over")
    chosen = None if row.enrolling is None else Enrolling(**json.loads(row.enrolling))
    return SetupCode(account, chosen, row.expires_at), row.account_key
