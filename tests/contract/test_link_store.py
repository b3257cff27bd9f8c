"""Links of accounts to identities, and who comes in by them, in every store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.stored import NOW
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.granting import Rights
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, NewSession
from vigie_server.ports.providers import Arrival
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database
from vigie_server.store.links import Links
from vigie_server.store.own_accounts import OwnAccounts
from vigie_server.store.sign_ins import SignIns

ISSUER, ACT = "https://sso.example.org", Act("test", NOW)


def an_arrival(
    number: int = 0,
    *,
    subject: str = "s-1",
    name: str | None = "Anaïs",
    rights: Rights | None = Rights("auditor", frozenset({"Les Lilas"})),  # noqa: B008 (frozen)
    issuer: str = ISSUER,
) -> Arrival:
    session = NewSession(bytes([number]) * 32, NOW, NOW + timedelta(hours=12), f"token {number}")
    return Arrival(issuer, subject, None, rights, name, f"id-{number}", "fr", session)


def sessions(database: Database, account: Account) -> int:
    return len(OwnAccounts(database).sessions(account, now=NOW, idle=3600))


def test_two_first_sign_ins_at_once_make_one_account(database: Database) -> None:
    links = Links(database)

    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(lambda number: links.admit(an_arrival(number)), range(4)))

    (made,) = Accounts(database).accounts()
    assert {one.id for one in came if isinstance(one, Account)} == {made.id}
    assert sessions(database, made) == 4


def test_the_same_subject_of_another_issuer_is_another_person(database: Database) -> None:
    links = Links(database)
    links.admit(an_arrival(1))

    other = "https://other.example.org"
    assert links.admit(an_arrival(2, issuer=other)) is ProviderFault.TAKEN
    assert isinstance(links.admit(an_arrival(3, issuer=other, name="Paul")), Account)
    assert len(Accounts(database).accounts()) == 2


def test_a_session_gives_its_token_once_it_ends(database: Database) -> None:
    Links(database).admit(an_arrival(1))

    assert SignIns(database).close(bytes([1]) * 32, now=NOW) == "token 1"
    assert SignIns(database).close(bytes([1]) * 32, now=NOW) is None


def test_an_account_that_is_unlinked_has_no_session_and_is_made_anew_by_nobody(
    database: Database,
) -> None:
    links = Links(database)
    account = links.admit(an_arrival(1))
    assert isinstance(account, Account)

    assert links.unlink("anaïs", ACT) == 1

    assert sessions(database, account) == 0
    assert links.admit(an_arrival(2)) is ProviderFault.TAKEN
    with pytest.raises(NotFound):
        links.unlink("Paul", ACT)


def test_an_identity_is_of_one_account_and_an_administrators_word_outlasts_claims(
    database: Database,
) -> None:
    links = Links(database)
    links.admit(an_arrival(1))
    links.admit(an_arrival(2, subject="s-2", name="Paul"))

    with pytest.raises(DeclarationRefused, match="another account"):
        links.link("Paul", ISSUER, "sub", "s-1", ACT)
    links.link("Anaïs", ISSUER, "sub", "s-1", ACT)

    kept = links.admit(an_arrival(3, rights=None))
    assert isinstance(kept, Account)
    assert kept.role == "auditor"
    assert links.admit(an_arrival(4, subject="s-2", rights=None)) is ProviderFault.NO_RIGHT


def test_a_contractor_by_claims_ends_within_a_year_and_is_extended_by_a_person(
    database: Database,
) -> None:
    links, accounts = Links(database), Accounts(database)
    rights = Rights("contractor", frozenset({"Les Lilas"}))
    made = links.admit(an_arrival(1, rights=rights))
    assert isinstance(made, Account)
    assert made.expires_at == NOW + timedelta(days=366)

    late = replace(an_arrival(2, rights=rights).session, opened_at=made.expires_at)
    assert links.admit(replace(an_arrival(2, rights=rights), session=late)) is ProviderFault.ENDED

    links.admit(an_arrival(3, subject="s-2", name="Paul"))
    became = links.admit(an_arrival(4, subject="s-2", rights=rights))
    assert isinstance(became, Account)
    assert became.expires_at == NOW + timedelta(days=366)
    assert {one.role for one in accounts.accounts()} == {"contractor"}
