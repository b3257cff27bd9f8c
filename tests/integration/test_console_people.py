"""The pages of people: who is invited with which rights, by whom, and what is refused."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from fakes.callers import Callers
from fakes.console import console_over
from fakes.stored import NOW, SITE, a_token, opened_store
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import Accounts
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database

OTHER: Final = "Les Lilas"
PEOPLE: Final = "/console/people"
CONTRACTOR: Final = {
    "name": "ACME",
    "role": "contractor",
    "sites": SITE,
    "language": "fr",
    "expires": f"{NOW + timedelta(days=90):%Y-%m-%d}",
}
CODE: Final = re.compile(r"<code class=\"secret\" id=\"to-copy\">([A-Z2-7-]{20,})</code>")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        yield opened


@pytest.fixture
def client(database: Database) -> TestClient:
    return TestClient(console_over(database, now=lambda: NOW), follow_redirects=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def held(database: Database) -> Account:
    (one,) = Accounts(database).accounts()
    return one


def acts(database: Database, subject: str) -> list[str]:
    page = Acts(database).acts(ActsWanted(subject=subject, sort="at"), after=None, limit=50)
    return [act.action for act in page.items]


def test_a_contractor_is_invited_once_however_often_the_form_is_sent(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)

    sent = CONTRACTOR | {"once": "k" * 22}

    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(lambda _: client.post(PEOPLE, data=sent, headers=headers), range(2))
        )
    late = client.post(PEOPLE, data=sent, headers=headers)

    codes = [found[0] for answer in (*answers, late) if (found := CODE.search(answer.text))]
    assert len(codes) == 3
    assert len(set(codes)) == 1
    assert late.headers["content-security-policy"] == answers[0].headers["content-security-policy"]
    assert late.headers["cache-control"] == answers[0].headers["cache-control"] == "no-store"
    made = held(database)
    assert (made.name, made.role, made.sites) == ("ACME", Role.CONTRACTOR, frozenset({SITE}))
    assert f"{made.expires_at:%Y-%m-%d}" == CONTRACTOR["expires"]
    assert acts(database, "ACME") == [
        "made an account: contractor",
        "made a setup code",
    ]
    assert CODE.search(client.get(PEOPLE, headers=headers).text) is None
    other = CONTRACTOR | {"role": "operator"}
    taken = client.post(PEOPLE, data=other, headers=headers)
    assert taken.status_code == 422
    assert 'id="name-fault"' in taken.text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x"}, "name"),
        ({"role": "scrape"}, "role"),
        ({"sites": ""}, "sites"),
        ({"sites": "Nulle part"}, "sites"),
        ({"expires": ""}, "expires"),
        ({"expires": "demain"}, "expires"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": f"{NOW + timedelta(days=368):%Y-%m-%d}"}, "expires"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(
    client: TestClient, as_: Callers, database: Database, wrong: dict[str, str], field: str
) -> None:
    answer = client.post(PEOPLE, data=CONTRACTOR | wrong, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert f'id="{field}-fault" lang="fr"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert Accounts(database).accounts() == []


def test_a_reset_that_is_sent_twice_gives_one_code_which_no_store_holds(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)
    client.post(PEOPLE, data=CONTRACTOR, headers=headers)
    page, sent = f"{PEOPLE}/{held(database).id}/reset", {"once": "r" * 22}

    first, again = (client.post(page, data=sent, headers=headers) for _ in range(2))
    other = client.post(page, data={"once": "s" * 22}, headers=headers)

    codes = [CODE.search(answer.text) for answer in (first, again, other)]
    assert codes[0] is not None
    assert codes[1] is not None
    assert codes[2] is not None
    assert codes[0][0] == codes[1][0] != codes[2][0]
    assert acts(database, "ACME").count("made a setup code") == 3
    with database.reading() as connection:
        kept = connection.execute(
            text("SELECT body FROM answered_request WHERE status = 200")
        ).scalars()
        assert not [body for body in kept if b"<html" in body or b"ACME" in body]


def test_nobody_invites_or_sees_further_than_their_own_scope(
    client: TestClient, as_: Callers, database: Database
) -> None:
    own = as_(Role.ADMIN, SITE)
    for sites in ("", OTHER, f"{SITE}\n{OTHER}"):
        further = {"name": "Paul", "role": "operator", "language": "fr", "sites": sites}
        assert client.post(PEOPLE, data=further, headers=own).status_code == 422
    client.post(PEOPLE, data=CONTRACTOR | {"sites": OTHER}, headers=as_(Role.ADMIN))
    page = f"{PEOPLE}/{held(database).id}"

    assert "ACME" not in client.get(PEOPLE, headers=own).text
    assert client.get(page, headers=own).status_code == 404
    assert client.post(f"{page}/lock", data={}, headers=own).status_code == 404
    assert held(database).state is AccountState.INVITED
    for role in (Role.OPERATOR, Role.AUDITOR):
        assert client.get(PEOPLE, headers=as_(role)).status_code == 403
        assert client.post(PEOPLE, data=CONTRACTOR, headers=as_(role)).status_code == 403


def test_an_account_is_suspended_restored_changed_and_reset(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)
    client.post(PEOPLE, data=CONTRACTOR, headers=headers)
    page = f"{PEOPLE}/{held(database).id}"
    terms = {"role": "auditor", "sites": f"{SITE}\n{OTHER}", "expires": "", "once": "1"}

    answers = [client.post(f"{page}/lock", data={}, headers=headers) for _ in range(2)]
    assert held(database).state is AccountState.LOCKED
    answers.append(client.post(f"{page}/unlock", data={}, headers=headers))
    changed = [client.post(f"{page}/terms", data=terms, headers=headers) for _ in range(2)]
    reset = client.post(f"{page}/reset", data={}, headers=headers)

    assert {answer.status_code for answer in (*answers, *changed)} == {303}
    assert changed[0].headers["location"] == changed[1].headers["location"]
    assert changed[1].headers["idempotency-replayed"] == "true"
    now = held(database)
    assert (now.role, now.sites, now.expires_at) == (Role.AUDITOR, frozenset({SITE, OTHER}), None)
    assert CODE.search(reset.text)
    assert acts(database, "ACME")[2:] == [
        "locked an account",
        "unlocked an account",
        f"changed an account: auditor, {OTHER}, {SITE}, no end",
        "reset an account",
        "made a setup code",
    ]
    boundless = {"role": "contractor", "sites": SITE, "expires": ""}
    assert client.post(f"{page}/terms", data=boundless, headers=headers).status_code == 422
    assert client.post(f"{page}/explode", data={}, headers=headers).status_code == 404
