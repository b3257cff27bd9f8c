"""Accounts, setup codes, sign-ins and sessions, in every store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from fakes.stored import NOW
from vigie_server.domain.errors import DeclarationRefused, NotFound, RateLimited, SignInRefused
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import (
    Account,
    AccountState,
    Credentials,
    Enrolling,
    NewSession,
    Tries,
)
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database
from vigie_server.store.sign_ins import SignIns

ACT = Act("test", NOW)
TRIES = Tries(free=3, rest=60, at_most=200)
CODE, LATER = b"c" * 32, NOW + timedelta(minutes=30)
CHOSEN = Enrolling("Anaïs", "fr", "hash", "SECRET")
RECOVERY = [b"1" * 32, b"2" * 32]


def a_session(name: bytes) -> NewSession:
    return NewSession(name * 32, NOW, NOW + timedelta(hours=12))


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def sign_ins(database: Database) -> SignIns:
    return SignIns(database)


@pytest.fixture
def held(accounts: Accounts, sign_ins: SignIns) -> Credentials:
    """What an account that was set up signs in with."""
    accounts.add_code(CODE, None, expires_at=LATER, act=ACT)
    accounts.enrol(CODE, CHOSEN, now=NOW)
    accounts.complete(CODE, account_id="1", step=7, recovery=RECOVERY, session=a_session(b"s"))
    found = sign_ins.credentials("anaïs")
    assert found is not None
    return found


def test_names_are_one_in_any_case(accounts: Accounts, held: Credentials) -> None:
    twin = Account("2", "ANAÏS ", Role.AUDITOR, None, "fr", AccountState.INVITED, NOW)

    with pytest.raises(DeclarationRefused, match="taken"):
        accounts.add(twin, ACT)
    assert accounts.account("AnaÏs") == held.account
    with pytest.raises(NotFound):
        accounts.account("nobody")


def test_accounts_are_read_a_page_at_a_time_and_one_by_its_id(accounts: Accounts) -> None:
    for number, name in enumerate(("Claire", "bruno", "Denis", "alice")):
        accounts.add(
            Account(str(number), name, Role.AUDITOR, None, "fr", AccountState.INVITED, NOW), ACT
        )

    first = accounts.page(None, 3)
    rest = accounts.page(first.after, 3)

    assert [one.name for one in first.items] == ["alice", "bruno", "Claire"]
    assert ([one.name for one in rest.items], rest.after) == (["Denis"], None)
    assert accounts.page(None, 4).after is None
    assert accounts.by_id("1").name == "bruno"
    with pytest.raises(NotFound, match="no account 9"):
        accounts.by_id("9")


def test_a_setup_code_is_used_once_by_whoever_is_first(accounts: Accounts) -> None:
    accounts.add_code(CODE, None, expires_at=LATER, act=ACT)
    accounts.enrol(CODE, CHOSEN, now=NOW)

    def use(number: int) -> bool:
        session = a_session(str(number).encode())
        try:
            accounts.complete(
                CODE, account_id=str(number), step=7, recovery=RECOVERY, session=session
            )
        except (SignInRefused, DeclarationRefused):
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        used = list(threads.map(use, range(4)))

    assert sorted(used) == [False, False, False, True]
    assert len(accounts.accounts()) == 1


def test_a_new_code_of_an_account_replaces_the_one_before(accounts: Accounts) -> None:
    invited = Account("1", "Anaïs", Role.AUDITOR, frozenset({"S"}), "en", AccountState.INVITED, NOW)
    accounts.add(invited, ACT)
    accounts.add_code(b"a" * 32, None, expires_at=LATER, act=ACT)
    for code in (b"d" * 32, CODE):
        accounts.add_code(code, "anaïs", expires_at=LATER, act=ACT)

    accounts.enrol(CODE, CHOSEN, now=NOW)
    made = accounts.complete(
        CODE, account_id="x", step=7, recovery=RECOVERY, session=a_session(b"s")
    )

    assert (made.id, made.role, made.sites) == ("1", Role.AUDITOR, frozenset({"S"}))
    assert accounts.code(b"a" * 32, now=NOW).account is None
    with pytest.raises(SignInRefused):
        accounts.code(b"d" * 32, now=NOW)


def test_one_of_several_that_come_together_with_one_code_signs_in(
    sign_ins: SignIns, held: Credentials
) -> None:
    def enter(number: int) -> bool:
        session = a_session(str(number).encode())
        return sign_ins.signed_in(held, session, step=8, recovery=None)

    with ThreadPoolExecutor(4) as threads:
        entered = list(threads.map(enter, range(4)))

    assert sorted(entered) == [False, False, False, True]


def test_an_older_step_and_a_spent_recovery_code_are_refused(
    sign_ins: SignIns, held: Credentials
) -> None:
    def enter(session: bytes, step: int | None, recovery: bytes | None) -> bool:
        return sign_ins.signed_in(held, a_session(session), step=step, recovery=recovery)

    assert not enter(b"a", 7, None)
    assert enter(b"b", None, RECOVERY[0])
    assert not enter(b"c", None, RECOVERY[0])
    assert not enter(b"d", None, None)
    assert enter(b"e", None, RECOVERY[1])


def test_who_was_reset_between_the_check_and_the_entrance_stays_out(
    accounts: Accounts, sign_ins: SignIns, held: Credentials
) -> None:
    accounts.reset("anaïs", ACT)

    assert not sign_ins.signed_in(held, a_session(b"z"), step=8, recovery=None)
    assert sign_ins.account_of(b"s" * 32, now=NOW, idle=60) is None


def test_tries_of_a_name_together_are_counted_each(sign_ins: SignIns) -> None:
    def attempt(_: int) -> bool:
        try:
            sign_ins.reserve("somebody", TRIES, now=NOW)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        allowed = list(threads.map(attempt, range(6)))

    assert allowed.count(True) == 3


def test_the_rest_of_a_name_doubles_up_to_the_most(sign_ins: SignIns) -> None:
    at, rests = NOW, []
    for _ in range(3):
        sign_ins.reserve("somebody", TRIES, now=at)
    for _ in range(4):
        with pytest.raises(RateLimited) as refused:
            sign_ins.reserve("Somebody", TRIES, now=at)
        assert refused.value.after is not None
        rests.append(refused.value.after)
        at += timedelta(seconds=refused.value.after)
        sign_ins.reserve("somebody", TRIES, now=at)

    assert rests == [60, 120, 200, 200]


def test_a_session_rests_and_ends(sign_ins: SignIns, held: Credentials) -> None:
    def seen(minutes: int) -> bool:
        at = NOW + timedelta(minutes=minutes)
        return sign_ins.account_of(b"s" * 32, now=at, idle=3600) == held.account

    assert [seen(59), seen(118), seen(178)] == [True, True, False]
    sign_ins.close(b"s" * 32, now=NOW)
    assert not seen(119)
