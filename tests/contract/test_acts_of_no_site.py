"""Acts that say nothing of any site have none assessed anew, however many sites there are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from fakes.stored import NOW, a_device, a_token
from vigie_server.bundled import bundled_questions
from vigie_server.domain.asking import Asking, Limits, Target, question_of
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState, Enrolling, NewSession
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import Accounts
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.links import Links
from vigie_server.store.own_accounts import OwnAccounts
from vigie_server.store.questions import Questions
from vigie_server.store.sign_ins import SignIns
from vigie_server.store.tokens import Tokens

ACT: Final = Act("test", NOW)
LIMITS: Final = Limits(
    rows=10,
    answer_bytes=1000,
    timeout=timedelta(seconds=30),
    within=timedelta(hours=1),
    devices=10,
    at_once=1,
    open=2,
)


def a_session(name: bytes) -> NewSession:
    return NewSession(name * 32, NOW, NOW + timedelta(hours=12))


def people_come_and_go(database: Database) -> None:
    accounts, sign_ins = Accounts(database), SignIns(database)
    accounts.add_code(b"c" * 32, None, expires_at=NOW + timedelta(hours=1), act=ACT)
    accounts.enrol(b"c" * 32, Enrolling("Anaïs", "fr", "hash", "SECRET"), now=NOW)
    accounts.complete(
        b"c" * 32, account_id="1", step=7, recovery=[b"r" * 32], session=a_session(b"s")
    )
    held = sign_ins.credentials("anaïs")
    assert held is not None
    assert sign_ins.signed_in(held, a_session(b"t"), step=8, recovery=None)
    assert sign_ins.signed_in(held, a_session(b"u"), step=None, recovery=b"r" * 32)
    sign_ins.refused(held.account, now=NOW)
    sign_ins.refused(None, now=NOW)
    sign_ins.close(b"u" * 32, now=NOW)
    OwnAccounts(database).change_refused(held.account, "password", now=NOW)
    OwnAccounts(database).close_others(held.account, keeping=b"s" * 32, now=NOW)


def accounts_change(database: Database) -> None:
    accounts, links = Accounts(database), Links(database)
    accounts.add(Account("2", "Zoé", Role.AUDITOR, None, "fr", AccountState.INVITED, NOW), ACT)
    links.link("Zoé", "https://sso.example", "sub", "zoe", ACT)
    links.refused(ProviderFault.ANSWER, "zoe", now=NOW)
    links.unlink("Zoé", ACT)
    accounts.reset("Zoé", ACT)


def a_question_is_asked(database: Database) -> None:
    questions = Questions(database)
    question = question_of(
        Asking(Target(every=True), "why", "uptime"),
        bundled_questions(),
        LIMITS,
        question_id="question-1",
        asked_by="test",
        role="operator",
        now=NOW,
    )
    questions.ask(question, Target(every=True), None, LIMITS, ACT)
    questions.cancel("question-1", None, ACT)


def devices_are_let_in(database: Database) -> None:
    a_token(database, secret_hash=b"o" * 32)
    Tokens(database).revoke(Tokens(database).enrolment_tokens()[0].id, now=NOW, actor="test")


@pytest.mark.parametrize(
    "act", [people_come_and_go, accounts_change, a_question_is_asked, devices_are_let_in]
)
def test_no_site_is_assessed_anew(database: Database, act: Callable[[Database], None]) -> None:
    a_token(database)
    a_device(database, "a")
    store = Assessments(database, own=(), shared={})
    before = store.progress()

    act(database)

    changed, after = store.changed(before)
    assert changed == set()
    assert after != before, "nothing was said of it"
