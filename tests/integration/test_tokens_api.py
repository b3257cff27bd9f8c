"""Tokens and accounts by the API: made, shown once, listed, revoked, and by whom."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import CursorResult, text

from fakes.callers import Callers
from fakes.desk_app import desk_app
from fakes.stored import NOW, SITE, a_token, opened_store
from vigie.v1 import enrolment_token
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens
from vigie_server.web import held

ENROL, API = "/api/v1/enrolment-tokens", "/api/v1/api-tokens"
CONTRACTOR: Final = {"name": "ACME", "role": "contractor", "sites": [SITE], "days": 30}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site="Les Lilas")
        yield opened


@pytest.fixture
def client(database: Database) -> TestClient:
    return TestClient(desk_app(database))


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def test_a_token_is_shown_once_read_without_its_secret_and_revoked(
    client: TestClient, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)

    made = client.post(API, json=CONTRACTOR, headers=admin)
    theirs = {"Authorization": f"Bearer {made.json()['token']}"}
    refused = client.get(API, headers=theirs)
    path = f"{API}/{made.json()['id']}"
    shown = client.get(path, headers=admin)
    listed = client.get(API, headers=admin)
    revoked = client.delete(path, headers=admin | {"If-Match": shown.headers["etag"]})
    after = client.get(API, headers=theirs)

    assert made.status_code == 201
    assert shown.json() | {"last_used_at": None} == {
        "id": made.json()["id"],
        "name": "ACME",
        "role": "contractor",
        "sites": [SITE],
        "created_at": "2026-03-01T12:00:00Z",
        "expires_at": "2026-03-31T12:00:00Z",
        "last_used_at": None,
        "revoked": False,
        "personal_data": False,
        "previous_until": None,
    }
    assert made.json()["token"] not in listed.text
    assert shown.json() in listed.json()["items"]
    assert [refused.status_code, revoked.status_code, after.status_code] == [403, 204, 401]


def test_an_enrolment_token_is_of_a_site_of_the_caller(client: TestClient, as_: Callers) -> None:
    operator = as_(Role.OPERATOR, SITE)

    made = client.post(ENROL, json={"site": SITE, "uses": 12}, headers=operator)
    outside = client.post(ENROL, json={"site": "Les Lilas"}, headers=operator)
    listed = client.get(ENROL, headers=operator).json()["items"]

    assert enrolment_token.decode(made.json()["token"]).endpoints == ("localhost:8444",)
    assert outside.status_code == 404
    assert {token["site"] for token in listed} == {SITE}
    assert {"id": made.json()["id"], "max_uses": 12, "uses": 0}.items() <= next(
        token for token in listed if token["id"] == made.json()["id"]
    ).items()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": None},
        {"sites": []},
        {"days": 367},
        {"role": "admin", "sites": None},
        {"role": "auditor", "sites": [SITE, "Les Lilas"]},
        {"role": "nobody"},
        {"uses": 3},
    ],
)
def test_a_token_reaches_no_further_than_who_makes_it(
    client: TestClient, as_: Callers, wrong: dict[str, Any]
) -> None:
    admin = as_(Role.ADMIN, SITE)

    answer = client.post(API, json=CONTRACTOR | wrong, headers=admin)

    assert answer.status_code == 422
    assert "vigie-api1." not in answer.text


@pytest.mark.parametrize(("path", "sent"), [(API, CONTRACTOR), (ENROL, {"site": SITE})])
def test_the_same_request_shows_the_same_secret_and_no_store_has_it(
    client: TestClient, as_: Callers, database: Database, path: str, sent: dict[str, Any]
) -> None:
    admin = as_(Role.ADMIN) | {"Idempotency-Key": "k1"}

    first, again = (client.post(path, json=sent, headers=admin) for _ in range(2))

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    with database.reading() as connection:
        (kept,) = connection.execute(text("SELECT body FROM answered_request")).scalars()
    assert b"vigie" not in kept
    assert b"token" not in kept


def test_a_rotated_token_has_a_new_secret_and_the_one_before_for_a_while(
    client: TestClient, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)
    made = client.post(API, json=CONTRACTOR | {"role": "auditor"}, headers=admin).json()
    path = f"{API}/{made['id']}"
    key = admin | {"Idempotency-Key": "k1"}

    rotated, again = (
        client.post(f"{path}/rotate", json={"overlap_hours": 2}, headers=key) for _ in range(2)
    )
    shown = client.get(path, headers=admin).json()
    at_once = client.post(f"{path}/rotate", json={"overlap_hours": 0}, headers=admin)
    statuses = [
        client.get("/api/v1/api-tokens", headers={"Authorization": f"Bearer {secret}"}).status_code
        for secret in (made["token"], rotated.json()["token"], at_once.json()["token"])
    ]

    assert rotated.json() == again.json()
    assert shown["previous_until"] == "2026-03-01T14:00:00Z"
    assert shown["expires_at"] == "2026-03-31T12:00:00Z"
    assert statuses == [401, 401, 403]


def test_a_contractor_sees_names_of_people_where_it_is_granted(
    client: TestClient, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)

    shown = [
        client.get(f"{API}/{made.json()['id']}", headers=admin).json()["personal_data"]
        for granted in (False, True)
        for made in (client.post(API, json=CONTRACTOR | {"personal_data": granted}, headers=admin),)
    ]

    assert shown == [False, True]


def test_a_sender_whose_own_secret_was_rotated_is_told_that_it_was_done(
    client: TestClient, database: Database
) -> None:
    tokens = MakeTokens(Tokens(database), lambda: NOW, "test")
    own, secret = tokens.api(name="n", role=Role.ADMIN, sites=None, lifetime=timedelta(days=1))
    key = {"Idempotency-Key": "k1"}

    first = client.post(API, json=CONTRACTOR, headers=key | {"Authorization": f"Bearer {secret}"})
    other = tokens.rotate(own, overlap=timedelta(0))
    again = client.post(API, json=CONTRACTOR, headers=key | {"Authorization": f"Bearer {other}"})

    assert [first.status_code, again.status_code] == [201, 409]
    assert "done before" in again.json()["detail"]
    assert len(Tokens(database).api_tokens()) == 2


def walked(client: TestClient, path: str, headers: dict[str, str]) -> list[str]:
    """The ids of a list, page by page, to its end."""
    found: list[str] = []
    following: str | None = path
    while following is not None:
        page = client.get(following, headers=headers).json()
        assert page["items"] or not found, "a next page has something to show"
        found += [item["id"] for item in page["items"]]
        following = page["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("scope", [(), (SITE,)])
def test_pages_of_tokens_hold_each_that_the_caller_may_see_once(
    client: TestClient,
    as_: Callers,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    scope: tuple[str, ...],
) -> None:
    monkeypatch.setattr(held, "_BATCH", 3)
    everywhere, admin = as_(Role.ADMIN), as_(Role.ADMIN, *scope)
    made: dict[str, set[str]] = {ENROL: set(), API: set()}
    for site in (SITE, "Les Lilas", SITE, "Les Lilas", "Les Lilas", "Les Lilas", SITE):
        for path, sent in ((ENROL, {"site": site}), (API, CONTRACTOR | {"sites": [site]})):
            token = client.post(path, json=sent, headers=everywhere).json()["id"]
            if site in (scope or (site,)):
                made[path].add(token)

    for path in (ENROL, API):
        found = walked(client, f"{path}?limit={limit}", admin)
        assert found == sorted(set(found))
        assert made[path] <= set(found)
        if scope:
            shown = [client.get(f"{path}/{token}", headers=admin) for token in found]
            assert {answer.status_code for answer in shown} == {200}


def test_a_page_reads_no_more_tokens_than_it_takes(
    client: TestClient, as_: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = as_(Role.ADMIN)
    for number in range(12):
        client.post(API, json=CONTRACTOR | {"name": str(number)}, headers=admin)
        client.post(ENROL, json={"site": SITE}, headers=admin)
    read: list[int] = []
    fetched = CursorResult.all

    def counted(result: CursorResult[Any]) -> Any:
        rows = fetched(result)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(CursorResult, "all", counted)
    for path in (ENROL, API):
        assert len(client.get(f"{path}?limit=3", headers=admin).json()["items"]) == 3

    assert read
    assert max(read) <= 5, "two rows beyond a page: of the next one, and that there is one"
