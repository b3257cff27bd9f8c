"""A list gives the same answer by its short way and by FastAPI's, whatever is asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from fakes.callers import Callers
from fakes.grown import grown_store
from metric_pages import pages_of
from vigie_server.bootstrap.lists import fleet_routes
from vigie_server.bundled import bundled_catalogue
from vigie_server.clock import utc_now
from vigie_server.domain.attempts import Attempts
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.access import Access
from vigie_server.web.app import create_app
from vigie_server.web.listing import MAX_PAGE
from vigie_server.web.short_ways import ShortWays, Way

SITE, OTHER = "IME Les Lilas 00001", "MAS Le Val 00002"
DEVICES, CHANGES = "/api/v1/devices", "/api/v1/transitions"
RULE = "Q09-disk-encrypted"
SHORT = (
    DEVICES,
    f"{DEVICES}?limit=5",
    f"{DEVICES}?limit=1000&sort=-failing",
    f"{DEVICES}?compliant=false&nomadic=true&platform=linux&sort=hostname",
    f"{DEVICES}?state=stolen&hostname=S0",
    f"{DEVICES}?revoked=true",
    f"{DEVICES}?revoked=false&limit=9",
    f"{DEVICES}?rule={RULE}&status=fail&limit=7",
    f"{DEVICES}?site={SITE.replace(' ', '%20')}",
    f"{DEVICES}?site={OTHER.replace(' ', '+')}",
    f"{DEVICES}?site=",
    f"{CHANGES}?limit=9",
    f"{CHANGES}?rule={RULE}&sort=at&since=2020-01-01T00:00:00Z",
    f"{CHANGES}?after_status=pass&until=2099-01-01T00:00:00%2B02:00",
)
LONG = (
    f"{DEVICES}?limit=0",
    f"{DEVICES}?limit=1001",
    f"{DEVICES}?limit=+5",
    f"{DEVICES}?limit=many",
    f"{DEVICES}?limit=5&limit=6",
    f"{DEVICES}?sort=size",
    f"{DEVICES}?sort=id&sort=-id",
    f"{DEVICES}?compliant=perhaps",
    f"{DEVICES}?hostname={'x' * 300}",
    f"{DEVICES}?colour=red",
    f"{DEVICES}?format=csv",
    f"{DEVICES}?cursor=damaged",
    f"{DEVICES}?cursor={'x' * 3000}",
    f"{CHANGES}?since=2020-01-01",
    f"{CHANGES}?site={SITE.replace(' ', '%20')}",
)
"""Known to the long way alone, or refused there with the reason."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with grown_store("sqlite", tmp_path_factory.mktemp("grown")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(database: Database) -> TestClient:
    return TestClient(an_app(database))


def an_app(
    database: Database, limits: Attempts | None = None, page_most: int = MAX_PAGE
) -> FastAPI:
    made = create_app(
        reader=Fleet(database, {}),
        tokens=KnowCallers(Tokens(database)),
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=utc_now,
        version="0.0.0",
        page_most=page_most,
    )
    access = Access(KnowCallers(Tokens(database)), utc_now, limits=limits)
    for routes in fleet_routes(database, bundled_catalogue(), Fleet(database, {}), utc_now):
        made.include_router(routes(access))
    return made


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lists that were answered the short way."""
    paths: list[str] = []
    take = Way.take

    def noted(way: Way[Any], *given: Any) -> Any:
        found = take(way, *given)
        paths.append(given[1].request.url.path)
        return found

    monkeypatch.setattr(Way, "take", noted)
    return paths


def both(
    client: TestClient, path: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, dict[str, str], str]]:
    """The answer, and that of an application that knows no short way."""

    async def past(self: ShortWays, *asgi: Any) -> None:
        await self._app(*asgi)

    answers = [client.get(path, headers=headers)]
    with monkeypatch.context() as without:
        without.setattr(ShortWays, "__call__", past)
        answers.append(client.get(path, headers=headers))
    return [(answer.status_code, dict(answer.headers), answer.text) for answer in answers]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CONTRACTOR])
@pytest.mark.parametrize("path", SHORT)
def test_the_short_way_gives_the_same_answer(
    client: TestClient,
    database: Database,
    taken: list[str],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    role: Role,
) -> None:
    sites = (SITE,) if role is Role.CONTRACTOR else ()
    headers = Callers(database, utc_now())(role, *sites)

    short, long = both(client, path, headers, monkeypatch)

    assert taken == [path.partition("?")[0]]
    assert short[0] == 200
    assert short == long


@pytest.mark.parametrize("path", LONG)
def test_what_the_short_way_does_not_know_goes_the_long_way(
    client: TestClient,
    database: Database,
    taken: list[str],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    headers = Callers(database, utc_now())(Role.ADMIN)

    answer, long = both(client, path, headers, monkeypatch)

    assert taken == []
    assert answer == long


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer vigie-api1.wrong"}],
    ids=["nothing", "basic", "unknown"],
)
def test_who_has_no_token_is_refused_as_on_the_long_way(
    client: TestClient, taken: list[str], monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    answer, long = both(client, DEVICES, headers, monkeypatch)

    assert (answer[0], taken) == (401, [])
    assert answer == long


def test_a_role_that_may_not_read_is_refused_as_on_the_long_way(
    client: TestClient, database: Database, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, long = both(client, DEVICES, Callers(database, utc_now())(Role.SCRAPE), monkeypatch)

    assert (answer[0], taken) == (403, [])
    assert answer == long


def test_what_is_refused_counts_once_for_the_limits_of_its_token(database: Database) -> None:
    stopped = Attempts(per_minute=1, burst=3, monotonic=lambda: 0.0)
    made = an_app(database, stopped)
    headers = Callers(database, utc_now())(Role.ADMIN)

    statuses = [
        TestClient(made).get(f"{DEVICES}?cursor={cursor}", headers=headers).status_code
        for cursor in ("damaged",) * 4
    ]

    assert statuses == [400, 400, 400, 429]


def test_the_most_that_a_page_holds_is_a_setting(database: Database) -> None:
    client = TestClient(an_app(database, page_most=20))
    headers = Callers(database, utc_now())(Role.ADMIN)

    unsaid, most, beyond, stream = (
        client.get(f"{DEVICES}{asked}", headers=headers)
        for asked in ("", "?limit=20&sort=-id", "?limit=21", "?limit=21&format=csv")
    )
    described = client.get("/api/v1/openapi.json").json()["paths"][DEVICES]["get"]
    (limit,) = (given for given in described["parameters"] if given["name"] == "limit")

    assert [len(page.json()["items"]) for page in (unsaid, most)] == [20, 20]
    assert (beyond.status_code, stream.status_code) == (422, 422)
    assert "a page holds 20 items at most" in beyond.json()["detail"]
    assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (20, 20)


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_a_stream_goes_the_long_way(
    client: TestClient, database: Database, taken: list[str], accept: str
) -> None:
    headers = Callers(database, utc_now())(Role.ADMIN) | {"Accept": accept}

    answer = client.get(DEVICES, headers=headers)

    assert (answer.headers["content-type"].partition(";")[0], taken) == (accept, [])


def test_all_pages_of_a_list_come_the_short_way(
    client: TestClient, database: Database, taken: list[str]
) -> None:
    headers = Callers(database, utc_now())(Role.ADMIN)
    following: str | None = f"{DEVICES}?limit=60&sort=-hostname"
    seen: list[str] = []

    while following is not None:
        page = client.get(following, headers=headers).json()
        seen += [item["id"] for item in page["items"]]
        following = page["next"]

    assert len(taken) > 1
    assert len(set(seen)) == len(seen)
