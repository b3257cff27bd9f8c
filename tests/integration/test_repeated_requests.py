"""The same request under the same `Idempotency-Key`, over a real store: done once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import pytest
from fastapi import Body, Depends, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.testclient import TestClient

from fakes.callers import Callers
from fakes.running_server import running_server
from fakes.scripted_device import enrolled
from fakes.secure_http import secure_client
from fakes.stored import NOW, SITE, STORES, a_token, opened_store
from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.store.database import Database
from vigie_server.store.repeats import Repeats
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.access import WRITERS, Access
from vigie_server.web.repeating import (
    MAX_KEPT_BYTES,
    AnsweredBefore,
    KeepingAnswers,
    Repeating,
    answer_again,
)

KEPT = timedelta(minutes=30)


@dataclass
class Doings:
    """What the one route was asked to do, and how it ends."""

    done: list[str] = field(default_factory=list)
    answers: list[Response | Exception] = field(default_factory=list)
    wait_for: Event | None = None
    begun: Event = field(default_factory=Event)
    now: datetime = NOW


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        yield opened


@pytest.fixture
def doings() -> Doings:
    return Doings()


@pytest.fixture
def client(database: Database, doings: Doings) -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.add_exception_handler(AnsweredBefore, answer_again)
    repeats = Repeats(database, kept=KEPT)
    app.add_middleware(KeepingAnswers, kept=repeats)
    access = Access(
        KnowCallers(Tokens(database)),
        lambda: doings.now,
        repeating=Repeating(repeats, lambda: doings.now),
    )

    @app.post("/doings")
    def do(
        what: Annotated[str, Body(embed=True)],
        caller: Annotated[ApiCaller, Depends(access.allow(WRITERS))],  # noqa: ARG001 (who may)
        x: int = 0,  # noqa: ARG001 (a parameter that makes another request)
    ) -> Response:
        doings.done.append(what)
        doings.begun.set()
        if doings.wait_for is not None:
            doings.wait_for.wait()
        answer = doings.answers.pop(0) if doings.answers else JSONResponse({"is": what}, 201)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def writer(database: Database) -> dict[str, str]:
    return dict(Callers(database, NOW)(Role.OPERATOR))


def under(key: str, caller: dict[str, str]) -> dict[str, str]:
    return caller | {"Idempotency-Key": key}


def test_a_request_is_done_once_and_answered_alike(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    first = client.post("/doings", json={"what": "a"}, headers=under("k", writer))
    again = client.post("/doings", json={"what": "a"}, headers=under("k", writer))
    other = client.post("/doings", json={"what": "a"}, headers=under("l", writer))

    assert doings.done == ["a", "a"]
    assert (
        (again.status_code, again.content)
        == (first.status_code, first.content)
        == (
            201,
            b'{"is":"a"}',
        )
    )
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert "idempotency-replayed" not in other.headers


def test_a_refusal_is_repeated_too(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    first = client.post("/doings", json={"how": "a"}, headers=under("k", writer))
    again = client.post("/doings", json={"how": "a"}, headers=under("k", writer))

    assert doings.done == []
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert first.status_code == 422


@pytest.mark.parametrize("change", ["body", "query"])
def test_a_key_stands_for_one_request(
    client: TestClient, doings: Doings, writer: dict[str, str], change: str
) -> None:
    client.post("/doings", json={"what": "a"}, headers=under("k", writer))

    path, body = ("/doings?x=1", "a") if change == "query" else ("/doings", "b")
    answer = client.post(path, json={"what": body}, headers=under("k", writer))

    assert answer.status_code == 422
    assert "another request" in answer.json()["detail"]
    assert doings.done == ["a"]


def test_a_key_is_its_senders_own(
    client: TestClient, doings: Doings, writer: dict[str, str], database: Database
) -> None:
    other = dict(Callers(database, NOW)(Role.ADMIN))
    client.post("/doings", json={"what": "a"}, headers=under("k", writer))
    client.post("/doings", json={"what": "b"}, headers=under("k", other))

    assert doings.done == ["a", "b"]


@pytest.mark.parametrize("failure", [StoreBusy("busy"), ValueError("a defect")])
def test_what_the_server_failed_at_may_be_tried_again(
    client: TestClient, doings: Doings, writer: dict[str, str], failure: Exception
) -> None:
    doings.answers = [failure]
    first = client.post("/doings", json={"what": "a"}, headers=under("k", writer))
    again = client.post("/doings", json={"what": "a"}, headers=under("k", writer))

    assert first.status_code >= 500
    assert again.status_code == 201
    assert doings.done == ["a", "a"]


def test_a_request_that_has_no_answer_yet_is_not_begun_again(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    doings.wait_for = Event()
    headers = under("k", writer)
    slow = Thread(target=lambda: client.post("/doings", json={"what": "a"}, headers=headers))
    slow.start()
    doings.begun.wait()
    meanwhile = client.post("/doings", json={"what": "a"}, headers=headers)
    doings.wait_for.set()
    slow.join()
    after = client.post("/doings", json={"what": "a"}, headers=headers)

    assert meanwhile.status_code == 409
    assert "no answer yet" in meanwhile.json()["detail"]
    assert after.status_code == 201
    assert doings.done == ["a"]


def test_a_long_answer_is_not_kept_and_nothing_is_done_twice(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    doings.answers = [PlainTextResponse("x" * (MAX_KEPT_BYTES + 1))]
    first = client.post("/doings", json={"what": "a"}, headers=under("k", writer))
    again = client.post("/doings", json={"what": "a"}, headers=under("k", writer))

    assert len(first.content) > MAX_KEPT_BYTES
    assert again.status_code == 409
    assert "answered with 200" in again.json()["detail"]
    assert doings.done == ["a"]


def test_a_key_is_known_for_as_long_as_it_is_kept(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    for later in (timedelta(0), KEPT, KEPT + timedelta(seconds=1)):
        doings.now = NOW + later
        client.post("/doings", json={"what": "a"}, headers=under("k", writer))

    assert doings.done == ["a", "a"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(
    client: TestClient, doings: Doings, writer: dict[str, str], key: str
) -> None:
    answer = client.post("/doings", json={"what": "a"}, headers=under(key, writer))

    assert answer.status_code == 422
    assert "1 to 255" in answer.json()["detail"]
    assert doings.done == []


def test_without_a_key_each_request_is_its_own(
    client: TestClient, doings: Doings, writer: dict[str, str]
) -> None:
    for _ in range(2):
        client.post("/doings", json={"what": "a"}, headers=writer)

    assert doings.done == ["a", "a"]


def test_a_stranger_begins_nothing(client: TestClient, doings: Doings) -> None:
    refused = client.post("/doings", json={"what": "a"}, headers=under("k", {}))

    assert refused.status_code == 401
    assert doings.done == []


async def test_a_server_knows_the_keys_of_its_senders(tmp_path: Path) -> None:
    incident = {"text": "Poste infecté", "person": "A. Martin"}
    async with running_server(tmp_path) as running:
        await enrolled(running.token(), running.authority.certificate_pem)
        headers = under("k", {"Authorization": f"Bearer {running.api_token(Role.OPERATOR)}"})
        base = f"https://localhost:{running.addresses.http}/api/v1/sites/{SITE}"
        async with secure_client(tmp_path / "ca" / "https.crt", headers=headers) as client:
            first = await client.post(f"{base}/incidents", json=incident)
            again = await client.post(f"{base}/incidents", json=incident)
            listed = await client.get(f"{base}/incidents")

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert len(listed.json()["items"]) == 1
