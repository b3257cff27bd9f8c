"""Whom identity providers mean: links of accounts, and people who come in by them.

A person is an issuer and a subject. What an administrator invited them by counts once: from then on
the subject does.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from vigie_server.domain.account_terms import CONTRACTOR, CONTRACTOR_DAYS
from vigie_server.domain.errors import DeclarationRefused, StoreRefused
from vigie_server.domain.granting import Rights
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.providers import Arrival
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import (
    ACCOUNT,
    SESSION,
    account_of,
    folded,
    insert_account,
    open_session,
    row_of,
)
from vigie_server.store.database import Database, retried
from vigie_server.store.people_models import AccountLink
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table

LINK: Final = table(AccountLink)
SUBJECT: Final = "sub"


class Links:
    """The `LinkStore`. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, arrival: Arrival) -> Account | ProviderFault:
        # Another server may make the account or its link in the same moment: refused, or seen to
        # have taken the name before its link is seen. It is there at the next look.
        with suppress(StoreRefused):
            admitted = self._admit(arrival)
            if admitted is not ProviderFault.TAKEN:
                return admitted
        return self._admit(arrival)

    @retried
    def _admit(self, arrival: Arrival) -> Account | ProviderFault:
        with self._database.writing() as connection:
            link = _link_of(connection, arrival) or _made(connection, arrival)
            if isinstance(link, ProviderFault):
                return link
            account = connection.execute(
                select(ACCOUNT).where(ACCOUNT.c.key == link.account_key).with_for_update()
            ).one()
            if account.state == AccountState.LOCKED:
                return ProviderFault.LOCKED
            if account_of(account).ended(arrival.session.opened_at):
                return ProviderFault.ENDED
            if link.claimed and arrival.rights is None:
                connection.execute(delete(SESSION).where(SESSION.c.account_key == account.key))
                return ProviderFault.NO_RIGHT
            if link.claimed and arrival.rights is not None:
                _follow(connection, account, arrival.rights, arrival.session.opened_at)
            connection.execute(
                update(ACCOUNT)
                .where(ACCOUNT.c.key == account.key)
                .values(state=AccountState.ACTIVE.value)
            )
            open_session(connection, account.key, arrival.session)
            own = Act(f"account:{account.name}", arrival.session.opened_at)
            record_act(connection, own, "signed in by the identity provider", account.name)
            return account_of(
                connection.execute(select(ACCOUNT).where(ACCOUNT.c.key == account.key)).one()
            )

    @retried
    def refused(self, fault: ProviderFault, subject: str, *, now: datetime) -> None:
        with self._database.writing() as connection:
            action = f"refused a sign-in by the identity provider: {fault.value}"
            record_act(connection, Act("server", now), action, subject or "an unknown person")

    @retried
    def link(self, name: str, issuer: str, claim: str, value: str, act: Act) -> None:
        with self._database.writing() as connection:
            account = row_of(connection, name)
            held = _held(connection, issuer, claim, value)
            if held is not None and held.account_key != account.key:
                raise DeclarationRefused(
                    f"{claim} {value} is another account's already: `account unlink` that one first"
                )
            if held is None:
                _insert(connection, account.key, issuer, (claim, value), act.at, claimed=False)
            else:
                # From now on an administrator's word counts, and claims do not.
                connection.execute(update(LINK).where(LINK.c.key == held.key).values(claimed=False))
            record_act(connection, act, f"linked an account to {claim} {value}", account.name)

    @retried
    def unlink(self, name: str, act: Act) -> int:
        with self._database.writing() as connection:
            account = row_of(connection, name)
            gone = connection.execute(delete(LINK).where(LINK.c.account_key == account.key))
            connection.execute(delete(SESSION).where(SESSION.c.account_key == account.key))
            record_act(connection, act, "unlinked an account", account.name)
            return gone.rowcount

    def links(self, name: str) -> Sequence[tuple[str, str, str]]:
        with self._database.reading() as connection:
            account = row_of(connection, name)
            rows = connection.execute(
                select(LINK).where(LINK.c.account_key == account.key).order_by(LINK.c.key)
            )
            return [(row.issuer, row.claim, row.value) for row in rows]


def _link_of(connection: Connection, arrival: Arrival) -> Row[Any] | None:
    """The link of the subject, or the one that an invitation becomes now."""
    held = _held(connection, arrival.issuer, SUBJECT, arrival.subject)
    if held is not None or arrival.invited_as is None:
        return held
    invited = _held(connection, arrival.issuer, *arrival.invited_as)
    if invited is None:
        return None
    return connection.execute(
        update(LINK)
        .where(LINK.c.key == invited.key)
        .values(claim=SUBJECT, value=arrival.subject, linked_at=arrival.session.opened_at)
        .returning(LINK)
    ).one()


def _made(connection: Connection, arrival: Arrival) -> Row[Any] | ProviderFault:
    """The link of an account that claims have made."""
    rights, at = arrival.rights, arrival.session.opened_at
    if rights is None:
        return ProviderFault.NO_RIGHT
    if arrival.name is None:
        return ProviderFault.CLAIM
    taken = select(ACCOUNT.c.key).where(ACCOUNT.c.folded == folded(arrival.name))
    if connection.execute(taken).first() is not None:
        return ProviderFault.TAKEN
    account = Account(
        id=arrival.account_id,
        name=arrival.name,
        role=Role(rights.role),
        sites=rights.sites,
        language=arrival.language,
        state=AccountState.ACTIVE,
        created_at=at,
        expires_at=_end(rights.role, None, at),
    )
    key = insert_account(connection, account)
    action = f"made an account by claims: {rights.role}"
    record_act(connection, Act("server", at), action, arrival.name)
    return _insert(connection, key, arrival.issuer, (SUBJECT, arrival.subject), at, claimed=True)


def _follow(connection: Connection, account: Row[Any], rights: Rights, at: datetime) -> None:
    """Gives the account the rights that its person's claims give now."""
    sites = None if rights.sites is None else json.dumps(sorted(rights.sites))
    if (account.role, account.sites) == (rights.role, sites):
        return
    end = _end(rights.role, account.expires_at, at)
    connection.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.key == account.key)
        .values(role=rights.role, sites=sites, expires_at=end)
    )
    action = f"changed an account by claims: {account.role} to {rights.role}"
    if account.sites != sites:
        action += ", other sites"
    record_act(connection, Act("server", at), action, account.name)


def _end(role: str, known: datetime | None, at: datetime) -> datetime | None:
    """When the account ends: a contractor's within a year, whatever claims say for longer."""
    if role != CONTRACTOR:
        return known
    latest = at + timedelta(days=CONTRACTOR_DAYS)
    return latest if known is None else min(known, latest)


def _held(connection: Connection, issuer: str, claim: str, value: str) -> Row[Any] | None:
    return connection.execute(
        select(LINK).where(LINK.c.issuer == issuer, LINK.c.claim == claim, LINK.c.value == value)
    ).one_or_none()


def _insert(
    connection: Connection,
    account: int,
    issuer: str,
    named: tuple[str, str],
    at: datetime,
    *,
    claimed: bool,
) -> Row[Any]:
    claim, value = named
    return connection.execute(
        LINK.insert()
        .values(
            account_key=account,
            issuer=issuer,
            claim=claim,
            value=value,
            claimed=claimed,
            linked_at=at,
        )
        .returning(LINK)
    ).one()
