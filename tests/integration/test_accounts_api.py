"""People's accounts by the API: made, changed, locked, reset, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from fakes.callers import Callers
from fakes.desk_app import desk_app
from fakes.stored import NOW, SITE, a_token, opened_store
from vigie_server.console.presenters.acts import in_french
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState, NewSession
from vigie_server.ports.tokens import Role
from vigie_server.services.enrol import hashed
from vigie_server.store.accounts import ACCOUNT, Accounts, open_session
from vigie_server.store.database import Database
from vigie_server.web.browsers import CSRF_HEADER, csrf_of

ACCOUNTS: Final = "/api/v1/accounts"
CONTRACTOR: Final[dict[str, Any]] = {
    "name": "ACME",
    "role": "contractor",
    "sites": [SITE],
    "expires_at": "2026-06-01T00:00:00Z",
}


@dataclass(frozen=True)
class Served:
    """The routes over a store, and whoever calls them."""

    database: Database
    client: TestClient
    as_: Callers

    def made(self, headers: dict[str, str], **other: Any) -> str:
        answer = self.client.post(ACCOUNTS, json=CONTRACTOR | other, headers=headers)
        assert answer.status_code == 201, answer.text
        return f"{ACCOUNTS}/{answer.json()['id']}"

    def acts(self) -> list[str]:
        with self.database.reading() as connection:
            return list(
                connection.execute(
                    text("SELECT action FROM audit WHERE action LIKE '%account%' ORDER BY key")
                ).scalars()
            )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Two sites, Les Tilleuls and Les Lilas."""
    with opened_store("sqlite", tmp_path) as database:
        a_token(database)
        a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
        client = TestClient(desk_app(database), base_url="https://testserver")
        yield Served(database, client, Callers(database, NOW))


def test_an_account_is_made_changed_locked_and_reset_and_the_audit_has_each(
    served: Served,
) -> None:
    client, admin = served.client, served.as_(Role.ADMIN)

    path = served.made(admin)
    terms = {"role": "auditor", "sites": [SITE, "Les Lilas"], "expires_at": None}
    changed = client.put(path, json=terms, headers=admin)
    locked = client.post(f"{path}/acts", json={"act": "lock"}, headers=admin)
    unlocked = client.post(f"{path}/acts", json={"act": "unlock"}, headers=admin)
    reset = client.post(f"{path}/reset", headers=admin)

    assert changed.json().items() >= (terms | {"sites": ["Les Lilas", SITE]}).items()
    assert [answer.json()["state"] for answer in (locked, unlocked)] == ["locked", "invited"]
    assert reset.json().keys() == {"id", "code", "minutes"}
    assert served.acts() == [
        "made an account: contractor",
        "changed an account: auditor, Les Lilas, Les Tilleuls, no end",
        "locked an account",
        "unlocked an account",
        "reset an account",
    ]
    assert None not in [in_french(act) for act in served.acts()]


def test_the_same_request_makes_one_account_and_shows_its_code_again(served: Served) -> None:
    admin = served.as_(Role.ADMIN) | {"Idempotency-Key": "k1"}

    first, again = (served.client.post(ACCOUNTS, json=CONTRACTOR, headers=admin) for _ in range(2))

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(Accounts(served.database).accounts()) == 1
    with served.database.reading() as connection:
        (kept,) = connection.execute(text("SELECT body FROM answered_request")).scalars()
    assert first.json()["code"].encode() not in kept


@pytest.mark.parametrize(
    ("wrong", "status", "told"),
    [
        ({"name": "A"}, 422, "2 to 64 characters"),
        ({"name": "taken"}, 422, "there is an account of that name"),
        ({"role": "scrape"}, 422, "role"),
        ({"role": "auditor", "sites": None}, 422, "your own scope"),
        ({"role": "auditor", "sites": []}, 422, "name one at least"),
        ({"role": "auditor", "sites": ["Les Lilas"]}, 422, "your own scope"),
        ({"expires_at": None}, 422, "a contractor's account ends"),
        ({"expires_at": "2027-06-01T00:00:00Z"}, 422, "within 366 days"),
        ({"role": "auditor", "expires_at": "2026-02-01T00:00:00Z"}, 422, "after now"),
        ({"password": "x"}, 422, "password"),
    ],
)
def test_an_account_that_nobody_may_have_is_not_made(
    served: Served, wrong: dict[str, Any], status: int, told: str
) -> None:
    admin = served.as_(Role.ADMIN, SITE)
    served.made(admin, name="Taken")

    answer = served.client.post(ACCOUNTS, json=CONTRACTOR | wrong, headers=admin)

    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert len(Accounts(served.database).accounts()) == 1


def test_a_site_that_is_not_there_is_told(served: Served) -> None:
    sent = CONTRACTOR | {"sites": ["Les Ormes"]}

    answer = served.client.post(ACCOUNTS, json=sent, headers=served.as_(Role.ADMIN))

    assert (answer.status_code, answer.json()["detail"]) == (422, "sites: no site Les Ormes")


def test_accounts_beyond_the_callers_sites_are_not_there(served: Served) -> None:
    every, some = served.as_(Role.ADMIN), served.as_(Role.ADMIN, SITE)
    path = served.made(every, name="Anaïs", sites=[SITE, "Les Lilas"])
    served.made(every)

    lists = [served.client.get(ACCOUNTS, headers=headers).json() for headers in (every, some)]
    statuses = [
        served.client.request(method, f"{path}{below}", json=sent, headers=some).status_code
        for method, below, sent in (
            ("GET", "", None),
            ("PUT", "", {"role": "auditor", "sites": [SITE], "expires_at": None}),
            ("POST", "/acts", {"act": "lock"}),
            ("POST", "/reset", None),
        )
    ]

    assert [sorted(account["name"] for account in listed["items"]) for listed in lists] == [
        ["ACME", "Anaïs"],
        ["ACME"],
    ]
    assert statuses == [404, 404, 404, 404]


def test_nobody_changes_the_account_they_are_signed_in_with(served: Served) -> None:
    own = Account("p1", "Anaïs", Role.ADMIN, None, "fr", AccountState.ACTIVE, NOW)
    Accounts(served.database).add(own, Act("test", NOW))
    secret = "s" * 43
    with served.database.writing() as connection:
        key = connection.execute(ACCOUNT.select().where(ACCOUNT.c.id == "p1")).one().key
        ends = NOW.replace(hour=23)
        open_session(connection, key, NewSession(hashed(secret.encode()), NOW, ends))
    served.client.cookies.set("__Host-vigie", secret)
    headers = {CSRF_HEADER: csrf_of(secret), "Origin": "https://testserver"}
    path = f"{ACCOUNTS}/p1"

    answers = [
        served.client.request(method, f"{path}{below}", json=sent, headers=headers)
        for method, below, sent in (
            ("PUT", "", {"role": "auditor", "sites": None, "expires_at": None}),
            ("POST", "/acts", {"act": "lock"}),
            ("POST", "/reset", None),
        )
    ]

    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (422, "this is your own account: another administrator changes it")
    }
    assert served.made(headers, name="ACME")
