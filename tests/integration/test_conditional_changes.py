"""Changes that are bound to what was read: one that comes second overwrites nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, Event
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import text

from fakes.callers import Callers
from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from fakes.whole_app import whole_app
from vigie_server.bootstrap.declaring import declaring_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.access import Access
from vigie_server.web.conditions import Condition

PARAMETER: Final = f"/api/v1/parameters/site/{SITE}/Q05-min-length/min_length"
ACCOUNT: Final = "/api/v1/accounts/p1"
FIRST: Final[Mapping[str, object]] = {
    f"/api/v1/sites/{SITE}": {"body": "Val"},
    "/api/v1/devices/a/asset": {"place": "Bureau"},
    "/api/v1/groups/g": {"selector": {"platform": ["linux"]}},
    f"/api/v1/sites/{SITE}/mail/example.org": {"selectors": ["a"]},
    f"/api/v1/sites/{SITE}/questions": {"free": True},
    PARAMETER: {"value": 9, "reason": "one"},
    ACCOUNT: {"role": "auditor", "sites": None, "expires_at": None},
}
"""What can be changed, and how it is to begin with."""
SECOND: Final[Mapping[str, tuple[object, list[str]]]] = {
    f"/api/v1/sites/{SITE}": ({"body": "Val", "finess": "970408589"}, ["finess"]),
    "/api/v1/devices/a/asset": ({"place": "Salle"}, ["fields"]),
    "/api/v1/groups/g": ({"selector": {"platform": ["darwin"]}}, ["selector", "devices"]),
    f"/api/v1/sites/{SITE}/mail/example.org": ({"selectors": ["b"]}, ["selectors"]),
    f"/api/v1/sites/{SITE}/questions": ({"free": False}, ["free"]),
    PARAMETER: ({"value": 14, "reason": "two"}, ["value", "reason"]),
    ACCOUNT: ({"role": "auditor", "sites": [SITE], "expires_at": None}, ["sites"]),
}
"""What a colleague makes of it, and the fields that differ then."""
REMOVED: Final = [
    "/api/v1/devices/a/asset",
    "/api/v1/groups/g",
    f"/api/v1/sites/{SITE}/mail/example.org",
    f"{PARAMETER}?reason=r",
    "/api/v1/sites/Les Érables",
]
ENDED: Final = [
    f"/api/v1/sites/{SITE}/waivers/w1",
    f"/api/v1/sites/{SITE}/attestations/Q02-restore-test",
    "/api/v1/notifications/recipients/n1",
    "/api/v1/questions/q1",
    "/api/v1/enrolment-tokens/t1",
    "/api/v1/api-tokens/t1",
]
"""What is ended in tests of their own, here or beside what it is."""
AT_ONCE: Final = 8
ATTESTED: Final = f"/api/v1/sites/{SITE}/attestations"
"""What is added and ended, and never changed: each is made anew by its test."""


@dataclass(frozen=True)
class Served:
    """The whole API over a store, as an administrator calls it; `beside` is another replica."""

    database: Database
    client: TestClient
    beside: TestClient
    headers: dict[str, str]

    def tag(self, path: str) -> str:
        answer = self.client.get(path, headers=self.headers)
        assert answer.status_code == 200
        return answer.headers["etag"]

    def bound(self, tag: str) -> dict[str, str]:
        return self.headers | {"If-Match": tag}


@pytest.fixture(scope="module", params=STORES)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A device `a` at Les Tilleuls, which runs Linux."""
    with opened_store(request.param, tmp_path_factory.mktemp("store")) as database:
        a_token(database)
        a_device(database, "a")
        person = Account("p1", "Anaïs", Role.AUDITOR, None, "fr", AccountState.INVITED, NOW)
        Accounts(database).add(person, Act("test", NOW))
        beside = Database(database.url)
        try:
            yield Served(
                database,
                TestClient(whole_app(database, lambda: NOW)),
                TestClient(whole_app(beside, lambda: NOW)),
                Callers(database, NOW)(Role.ADMIN),
            )
        finally:
            beside.close()


@pytest.mark.parametrize("path", FIRST)
def test_a_change_of_what_was_changed_meanwhile_is_refused_and_says_what_is_new(
    served: Served, path: str
) -> None:
    client, headers = served.client, served.headers
    client.put(path, json=FIRST[path], headers=headers)
    read = served.tag(path)
    other, fields = SECOND[path]

    by_colleague = served.beside.put(path, json=other, headers=served.bound(read))
    late = client.put(path, json=FIRST[path], headers=served.bound(read))
    now = client.get(path, headers=headers)
    again = client.put(path, json=FIRST[path], headers=served.bound(now.headers["etag"]))

    assert by_colleague.status_code in {200, 204}
    assert (late.status_code, late.json()["changed"]) == (412, fields)
    assert late.headers["content-type"] == "application/problem+json"
    assert f"since it was read ({', '.join(fields)})" in late.json()["detail"]
    assert late.headers["etag"] == now.headers["etag"] != read
    assert again.status_code in {200, 204}


@pytest.mark.parametrize("path", REMOVED)
def test_what_was_changed_meanwhile_is_not_removed(served: Served, path: str) -> None:
    shown = path.partition("?")[0]
    first = FIRST.get(shown, {"body": "Val"})
    other = SECOND.get(shown, ({"body": "Mont"}, []))[0]
    served.client.put(shown, json=first, headers=served.headers)
    read = served.tag(shown)
    served.client.put(shown, json=other, headers=served.headers)

    late = served.client.delete(path, headers=served.bound(read))
    removed = served.client.delete(path, headers=served.bound(served.tag(shown)))
    gone = served.client.delete(path, headers=served.bound(read))

    assert [late.status_code, removed.status_code] == [412, 204]
    assert gone.status_code == (412 if shown.endswith("/asset") else 404)  # its device is there


def made(served: Served, path: str, body: object) -> Any:
    answer = served.client.post(f"/api/v1/{path}", json=body, headers=served.headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def an_attestation(served: Served, reason: str) -> None:
    held = {"item": "Q02-restore-test", "author": "A", "outcome": "held", "reason": reason}
    made(served, f"sites/{SITE}/attestations", held)


def test_an_attestation_that_nobody_has_read_is_not_withdrawn(served: Served) -> None:
    path = f"{ATTESTED}/Q02-restore-test"
    an_attestation(served, "le 3 mars")
    read = served.tag(f"{path}/standing")
    an_attestation(served, "le 9 mars")

    late = served.client.delete(path, headers=served.bound(read))
    still = served.client.get(f"{path}/standing", headers=served.headers)
    withdrawn = served.client.delete(path, headers=served.bound(still.headers["etag"]))
    gone = served.client.get(f"{path}/standing", headers=served.headers)

    assert (late.status_code, late.json()["changed"]) == (412, ["reason"])
    assert still.json()["reason"] == "le 9 mars"
    assert [withdrawn.status_code, gone.status_code] == [200, 404]


def test_a_recipient_other_than_the_one_that_was_read_is_not_removed(served: Served) -> None:
    sent = {"site": SITE, "channel": "email", "address": "a@example.org"}
    path, other = (
        f"/api/v1/notifications/recipients/{made(served, 'notifications/recipients', each)['id']}"
        for each in (sent, sent | {"address": "b@example.org"})
    )

    late = served.client.delete(path, headers=served.bound(served.tag(other)))
    removed = served.client.delete(path, headers=served.bound(served.tag(path)))
    gone = served.client.delete(path, headers=served.bound('"x"'))

    assert [late.status_code, removed.status_code, gone.status_code] == [412, 204, 404]
    assert late.json()["changed"] == ["id", "address"]


def test_a_question_that_another_has_cancelled_is_not_cancelled_by_what_was_read(
    served: Served,
) -> None:
    asked = {"question": "listening-ports", "devices": ["a"], "purpose": "p"}
    path = f"/api/v1/questions/{made(served, 'questions', asked)['id']}"
    read = served.tag(path)

    by_colleague = served.beside.delete(path, headers=served.bound(read))
    late = served.client.delete(path, headers=served.bound(read))

    assert [by_colleague.status_code, late.status_code] == [200, 412]
    assert "cancelled_at" in late.json()["changed"]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("enrolment-tokens", {"site": SITE, "uses": 5}),
        ("api-tokens", {"name": "n", "role": "contractor", "sites": [SITE], "days": 30}),
    ],
)
def test_a_token_that_was_revoked_meanwhile_is_not_revoked_by_what_was_read(
    served: Served, kind: str, sent: dict[str, object]
) -> None:
    path = f"/api/v1/{kind}/{made(served, kind, sent)['id']}"
    read = served.tag(path)

    by_colleague = served.beside.delete(path, headers=served.bound(read))
    late = served.client.delete(path, headers=served.bound(read))

    assert [by_colleague.status_code, late.status_code] == [204, 412]
    assert late.json()["changed"] == ["revoked"]


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [("acts", {"act": "lock"}, "state"), ("reset", None, "state")],
)
def test_an_account_that_was_locked_meanwhile_is_not_acted_on_by_what_was_read(
    served: Served, path: str, sent: dict[str, str] | None, field: str
) -> None:
    acts = f"{ACCOUNT}/acts"
    served.client.post(acts, json={"act": "unlock"}, headers=served.headers)
    read = served.tag(ACCOUNT)

    by_colleague = served.beside.post(acts, json={"act": "lock"}, headers=served.bound(read))
    late = served.client.post(f"{ACCOUNT}/{path}", json=sent, headers=served.bound(read))

    assert [by_colleague.status_code, late.status_code] == [200, 412]
    assert late.json()["changed"] == [field]


def test_a_token_that_was_revoked_meanwhile_is_given_no_new_secret(served: Served) -> None:
    sent = {"name": "n", "role": "contractor", "sites": [SITE], "days": 30}
    path = f"/api/v1/api-tokens/{made(served, 'api-tokens', sent)['id']}"
    read = served.tag(path)
    served.beside.delete(path, headers=served.headers)

    late = served.client.post(f"{path}/rotate", json={}, headers=served.bound(read))
    dead = served.client.post(f"{path}/rotate", json={}, headers=served.headers)

    assert [late.status_code, dead.status_code] == [412, 404]
    assert late.json()["changed"] == ["revoked"]


def test_every_change_of_what_is_there_takes_a_condition_and_is_tried_here(served: Served) -> None:
    """By the API's own description: what is added to it later is bound too, or fails here."""
    described = served.client.get("/api/v1/openapi.json", headers=served.headers).json()["paths"]
    changes = {
        (method, path): operation
        for path, methods in described.items()
        for method, operation in methods.items()
        if method in {"put", "patch", "delete"}
    }
    tried = [("put", path) for path in FIRST] + [("delete", path) for path in [*REMOVED, *ENDED]]

    unbound = [
        change
        for change, operation in changes.items()
        if "428" not in operation["responses"]
        or "If-Match" not in {each["name"] for each in operation["parameters"]}
    ]
    untried = [
        (method, path)
        for method, path in changes
        if not any(method == verb and is_of(path, call) for verb, call in tried)
    ]

    assert (unbound, untried) == ([], [])
    assert len(changes) > 10


def is_of(template: str, path: str) -> bool:
    places = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
    return re.fullmatch(places, path.partition("?")[0]) is not None


def test_a_star_changes_what_is_there_alone_and_another_makes_what_is_not(served: Served) -> None:
    path, body = "/api/v1/sites/Les Ormes", {"body": "Val"}
    there = served.headers | {"If-Match": "*"}
    new = served.headers | {"If-None-Match": "*"}

    statuses = [
        served.client.put(path, json=body, headers=headers).status_code
        for headers in (there, new, new, there)
    ]
    removed = served.client.delete(path, headers=there)

    assert [*statuses, removed.status_code] == [412, 200, 412, 200, 204]


def test_of_many_changes_of_the_same_state_on_two_replicas_one_is_made(served: Served) -> None:
    path = f"/api/v1/sites/{SITE}"
    served.client.put(path, json={}, headers=served.headers)
    headers = served.bound(served.tag(path))
    together = Barrier(AT_ONCE)

    def change(number: int) -> int:
        client = (served.client, served.beside)[number % 2]
        together.wait()
        return client.put(path, json={"body": f"B{number}"}, headers=headers).status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(change, range(AT_ONCE)))

    assert sorted(statuses) == [200] + [412] * (AT_ONCE - 1)


@pytest.mark.parametrize("served", STORES[1:], indirect=True)
@pytest.mark.parametrize("path", FIRST)
def test_a_change_that_comes_between_the_look_and_the_write_waits_and_is_refused(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time; PostgreSQL has the rows that were locked."""
    served.client.put(path, json=FIRST[path], headers=served.headers)
    headers = served.bound(served.tag(path))
    check, looked = Condition.check, Event()
    between: list[Future[int]] = []

    with ThreadPoolExecutor(1) as thread:

        def change() -> int:
            other = SECOND[path][0]
            return served.beside.put(path, json=other, headers=headers).status_code

        def watched(condition: Condition, forms: Sequence[BaseModel]) -> None:
            if between:
                looked.set()
            else:
                between.append(thread.submit(change))
                while not (somebody_waits(served.database) or looked.wait(0.01)):
                    """The other change comes as far as it can."""
            check(condition, forms)

        monkeypatch.setattr(Condition, "check", watched)
        first = served.client.put(path, json=SECOND[path][0], headers=headers).status_code
        second = between[0].result()

    assert (first in {200, 204}, second) == (True, 412)


def somebody_waits(database: Database) -> bool:
    with database.reading() as connection:
        return bool(
            connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar_one()
        )


def test_a_condition_is_never_passed_over(served: Served) -> None:
    client, headers = served.client, served.headers
    path = f"/api/v1/sites/{SITE}"

    weak = client.put(path, json={}, headers=served.bound(f"W/{served.tag(path)}"))
    bare = client.put(path, json={}, headers=served.bound("abc"))
    one_of = client.put(path, json={}, headers=served.bound(f'"x", {served.tag(path)}'))
    unbound = client.post(
        f"{path}/incidents", json={"text": "t", "person": "p"}, headers=served.bound('"x"')
    )

    assert [weak.status_code, bare.status_code, one_of.status_code] == [412, 422, 200]
    assert "in their quotation marks" in bare.json()["detail"]
    assert (unbound.status_code, unbound.json()["title"]) == (412, "Precondition Failed")
    assert client.get(f"{path}/incidents", headers=headers).json()["items"] == []


def test_a_server_can_demand_conditions(served: Served) -> None:
    demanding = Access(KnowCallers(Tokens(served.database)), lambda: NOW, demands_tags=True)
    app = FastAPI()
    problems.install(app)
    catalogue = bundled_catalogue()
    guide = bundled_site_guide(catalogue)
    for routes in declaring_routes(
        served.database, catalogue, guide, DeclareSettings(), lambda: NOW
    ):
        app.include_router(routes(demanding))
    client, path = TestClient(app), f"/api/v1/sites/{SITE}"

    without = client.put(path, json={}, headers=served.headers)
    bound = client.put(path, json={}, headers=served.bound(served.tag(path)))

    assert (without.status_code, bound.status_code) == (428, 200)
    assert "send its `ETag` in `If-Match`" in without.json()["detail"]
