"""What contractors see, for how long, and that each look of theirs is in the audit."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from sqlalchemy import update
from starlette.requests import Request

from fakes.callers import Callers
from fakes.console import console_over
from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from metric_pages import pages_of
from vigie_server.bootstrap.asking import asking_routes
from vigie_server.bootstrap.lists import fleet_routes
from vigie_server.bootstrap.people import access_to, watch_contractors
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.errors import NotFound, SettingsMalformed, StoreBusy
from vigie_server.domain.verdicts import Status
from vigie_server.ports.accesses import AccessRow
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers, MakeTokens
from vigie_server.settings import AskingSettings, HttpSettings, ServerSettings
from vigie_server.store.accesses import Accesses
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.models import TransitionRow, VerdictRow
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app
from vigie_server.web.documented import Documented
from vigie_server.web.short_ways import ListTerms, Way

OTHER = "Les Lilas"
VERDICT, TRANSITION = table(VerdictRow), table(TransitionRow)
NAMING, PLAIN = "Q08-admins-few", "Q06-firewall-enabled"
CATALOGUE = bundled_catalogue()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Device `a` of Les Tilleuls fails two rules, one of which reads names; `b` is elsewhere."""
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_judged_device(opened, "a", {NAMING: Status.FAIL, PLAIN: Status.FAIL})
        _name(opened, NAMING, "m.bernard")
        _name(opened, PLAIN, "ipv6")
        a_device(opened, "b", secret_hash=b"o" * 32, serial="PF-2")
        yield opened


def an_app(database: Database, clock: Clock, **http: float) -> TestClient:
    return TestClient(the_app(database, clock, **http), raise_server_exceptions=False)


def the_app(database: Database, clock: Clock, **http: float) -> Documented:
    reader = Fleet(database, {})
    app = create_app(
        reader=reader,
        tokens=KnowCallers(Tokens(database)),
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=clock,
        version="0.0.0",
    )
    settings = ServerSettings(http=HttpSettings(**http))
    watch_contractors(app, database, reader, clock)
    access = access_to(settings, database, clock)
    for routes in (
        *fleet_routes(database, CATALOGUE, reader, clock),
        *asking_routes(database, AskingSettings(), clock),
    ):
        app.include_router(routes(access))
    return app


def looks(database: Database) -> list[tuple[str, str]]:
    wanted = ActsWanted(None, None, None, None, "at")
    acts = Acts(database).acts(wanted, after=None, limit=1000).items
    return [(act.subject, act.action) for act in acts if act.action.startswith("GET ")]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/devices/a/verdicts",
        "/api/v1/devices/a/transitions",
        "/api/v1/transitions?format=csv",
        f"/api/v1/rules/{NAMING}/verdicts?format=ndjson",
    ],
)
def test_a_contractor_is_shown_no_account_unless_its_token_says_so(
    database: Database, clock: Clock, path: str
) -> None:
    client, callers = an_app(database, clock), Callers(database, NOW)

    kept = client.get(path, headers=callers(Role.CONTRACTOR))
    shown = client.get(path, headers=callers(Role.CONTRACTOR, SITE, personal_data=True))
    own = client.get(path, headers=callers(Role.AUDITOR))

    assert "m.bernard" not in kept.text
    assert "contractors are not shown it" in kept.text
    assert kept.headers["vigie-withheld"] == "personal-data"
    assert "m.bernard" in shown.text
    assert shown.text == own.text
    assert "vigie-withheld" not in shown.headers


@pytest.mark.parametrize("path", ["/console/devices/a", f"/console/rules/{NAMING}"])
def test_the_console_shows_a_contractor_no_account(
    database: Database, clock: Clock, path: str
) -> None:
    client, callers = TestClient(console_over(database, now=clock)), Callers(database, NOW)

    kept = client.get(path, headers=callers(Role.CONTRACTOR))
    own = client.get(path, headers=callers(Role.AUDITOR))

    assert (kept.status_code, own.status_code) == (200, 200)
    assert "m.bernard" not in kept.text
    assert "m.bernard" in own.text


def test_what_names_nobody_is_shown_to_contractors(database: Database, clock: Clock) -> None:
    headers = Callers(database, NOW)(Role.CONTRACTOR)

    items = an_app(database, clock).get("/api/v1/devices/a/verdicts", headers=headers).json()

    by_rule = {item["rule"]: item for item in items["items"]}
    assert by_rule[PLAIN]["offending"] == [{"account": "ipv6", "is_admin": True}]
    assert by_rule[PLAIN]["reason"]["en"] == "m: ipv6"
    assert by_rule[NAMING]["offending"] == [{"account": "***", "is_admin": True}]


def test_each_look_of_a_contractor_is_a_row_a_minute_with_its_count(
    database: Database, clock: Clock
) -> None:
    client, headers = an_app(database, clock), Callers(database, NOW)(Role.CONTRACTOR)
    for path in ("/api/v1/devices",) * 3 + (
        "/api/v1/devices/a",
        "/api/v1/devices/b",
        f"/api/v1/devices?site={OTHER}",
        "/api/v1/rules?format=csv",
    ):
        client.get(path, headers=headers)
    clock.now += timedelta(minutes=1)
    client.get("/api/v1/devices", headers=headers)

    rules = len(CATALOGUE.rules)
    assert looks(database) == [
        (SITE, "GET /api/v1/devices: 200, 3 requests, 3 rows"),
        (SITE, "GET /api/v1/devices/{device_id}: 200, 1 request, 0 rows; devices a"),
        ("outside its sites", "GET /api/v1/devices/{device_id}: 404, 1 request, 0 rows"),
        ("outside its sites", "GET /api/v1/devices: 200, 1 request, 0 rows"),
        (SITE, f"GET /api/v1/rules: 200, 1 request, {rules} rows"),
        (SITE, "GET /api/v1/devices: 200, 1 request, 1 row"),
    ]


def test_who_reads_answers_of_live_questions_is_noted_at_each_site_that_was_asked(
    database: Database, clock: Clock
) -> None:
    client, callers = an_app(database, clock), Callers(database, NOW)
    asker, auditor = callers(Role.OPERATOR), callers(Role.AUDITOR)
    sent = {"question": "uptime", "purpose": "panne"}
    targets: list[dict[str, object]] = [{"every": True}, {"site": SITE}]
    every, here = (
        client.post("/api/v1/questions", json=sent | target, headers=asker).json()["id"]
        for target in targets
    )
    path = f"/api/v1/questions/{every}/answers"

    for given in ("", "?format=ndjson"):
        assert client.get(f"{path}{given}", headers=asker).status_code == 200
    assert client.get(path, headers=callers(Role.OPERATOR, SITE)).status_code == 200
    assert client.get(f"/api/v1/questions/{here}/answers", headers=asker).status_code == 200
    client.get(path, headers=auditor)
    client.get("/api/v1/questions", headers=asker)
    client.get(f"/api/v1/questions/{every}x/answers", headers=asker)

    assert looks(database) == [
        (OTHER, f"GET {path}: 200, 2 requests, 4 rows"),
        (SITE, f"GET {path}: 200, 2 requests, 4 rows"),
        (SITE, f"GET {path}: 200, 1 request, 1 row"),
        (SITE, f"GET /api/v1/questions/{here}/answers: 200, 1 request, 1 row"),
    ]


def test_the_facility_finds_who_looked_at_its_site(database: Database, clock: Clock) -> None:
    client, callers = an_app(database, clock), Callers(database, NOW)
    for site in (SITE, OTHER):
        client.get("/api/v1/devices", headers=callers(Role.CONTRACTOR, site))
    client.get("/api/v1/devices", headers=callers(Role.AUDITOR))

    found = client.get(
        f"/api/v1/audit?subject={OTHER}&format=csv", headers=callers(Role.ADMIN)
    ).text.splitlines()

    assert len([line for line in found if "GET /api/v1/devices" in line]) == 1
    assert "api:" in found[-1]


def test_without_a_note_there_is_no_answer(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> int:
        raise StoreBusy("the store cannot take it now")

    monkeypatch.setattr(Accesses, "write", busy)
    headers = Callers(database, NOW)(Role.CONTRACTOR)

    answer = an_app(database, clock).get("/api/v1/devices", headers=headers)

    assert answer.status_code == 503
    assert '"a"' not in answer.text


def asked_together(
    app: Documented,
    monkeypatch: pytest.MonkeyPatch,
    *headers: dict[str, str],
    meanwhile: Callable[[], None] = lambda: None,
) -> list[int]:
    """Statuses of lists: the first is held back `meanwhile`, and the others wait for its lane."""
    began, all_read, go = Event(), Event(), Event()
    reads: list[str] = []
    take, read = Way.take, Way.read

    def counted(way: Way[Any], request: Request) -> Any:
        reads.append(request.url.path)
        if len(reads) == len(headers):
            all_read.set()
        return read(way, request)

    def held(way: Way[Any], *given: Any) -> Any:
        began.set()
        go.wait(10)
        return take(way, *given)

    app.short.terms = ListTerms(threads=1, held_up=60, slow=60)
    monkeypatch.setattr(Way, "read", counted)
    monkeypatch.setattr(Way, "take", held)

    async def asked() -> list[int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://vigie") as client:
            tasks = []
            for each in headers:
                tasks.append(asyncio.create_task(client.get("/api/v1/devices", headers=each)))
                await asyncio.to_thread(began.wait, 10)
            await asyncio.to_thread(all_read.wait, 10)  # one that was read waits at once
            await asyncio.to_thread(meanwhile)
            go.set()
            return [answer.status_code for answer in await asyncio.gather(*tasks)]

    return asyncio.run(asked())


def test_contractors_who_wait_together_are_noted_together_and_each(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = Callers(database, NOW)
    writes: list[int] = []
    write = Accesses.write

    def counted(store: Accesses, rows: Sequence[AccessRow]) -> Sequence[int]:
        writes.append(len(rows))
        return write(store, rows)

    monkeypatch.setattr(Accesses, "write", counted)
    headers = [callers(Role.CONTRACTOR) for _ in range(5)] + [callers(Role.AUDITOR)]

    statuses = asked_together(the_app(database, clock), monkeypatch, *headers)

    assert statuses == [200] * 6
    assert writes == [1, 4]
    assert [action for _, action in looks(database)] == [
        "GET /api/v1/devices: 200, 1 request, 1 row"
    ] * 5


def test_who_waits_while_its_token_is_revoked_is_refused(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = MakeTokens(Tokens(database), clock, "test")
    token_id, secret = make.api(
        name="x", role=Role.CONTRACTOR, sites=[SITE], lifetime=timedelta(days=30)
    )
    own = {"Authorization": f"Bearer {secret}"}

    statuses = asked_together(
        the_app(database, clock),
        monkeypatch,
        Callers(database, NOW)(Role.AUDITOR),
        own,
        meanwhile=lambda: Tokens(database).revoke(token_id, now=clock.now, actor="test"),
    )

    assert statuses == [200, 401]


def test_who_waits_with_a_contractor_that_cannot_be_noted_is_answered(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> int:
        raise StoreBusy("the store cannot take it now")

    monkeypatch.setattr(Accesses, "write", busy)
    callers, roles = Callers(database, NOW), (Role.AUDITOR, Role.CONTRACTOR, Role.AUDITOR)

    statuses = asked_together(the_app(database, clock), monkeypatch, *map(callers, roles))

    assert statuses == [200, 503, 200]


def test_a_token_that_asks_too_often_waits_and_others_do_not(
    database: Database, clock: Clock
) -> None:
    client = an_app(database, clock, requests_at_once=2, requests_per_minute=1)
    callers = Callers(database, NOW)
    headers = callers(Role.CONTRACTOR)

    answers = [client.get("/api/v1/devices", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert client.get("/api/v1/devices", headers=callers(Role.CONTRACTOR)).status_code == 200
    assert (SITE, "GET /api/v1/devices: 429, 1 request, 0 rows") in looks(database)


def test_a_rotated_token_overlaps_and_then_only_the_new_one_is_good(
    database: Database, clock: Clock
) -> None:
    client, make = an_app(database, clock), MakeTokens(Tokens(database), clock, "test")
    token_id, old = make.api(
        name="x", role=Role.CONTRACTOR, sites=[SITE], lifetime=timedelta(days=30)
    )
    new = make.rotate(token_id, overlap=timedelta(hours=24))

    def known(text: str) -> int:
        headers = {"Authorization": f"Bearer {text}"}
        return client.get("/api/v1/devices", headers=headers).status_code

    during = [known(old), known(new)]
    clock.now += timedelta(hours=24)
    after = [known(old), known(new)]
    Tokens(database).revoke(token_id, now=clock.now, actor="test")

    assert during == [200, 200]
    assert after == [401, 200]
    assert known(new) == 401
    with pytest.raises(NotFound):
        make.rotate(token_id, overlap=timedelta(0))


@pytest.mark.parametrize(("sites", "days"), [((), 30), ((SITE,), 367)])
def test_a_contractors_token_is_of_sites_and_ends_within_a_year(
    database: Database, sites: tuple[str, ...], days: int
) -> None:
    make = MakeTokens(Tokens(database), lambda: NOW, "test")

    with pytest.raises(SettingsMalformed):
        make.api(name="x", role=Role.CONTRACTOR, sites=sites or None, lifetime=timedelta(days=days))


def _name(database: Database, rule: str, name: str) -> None:
    """Has the verdict and its change name an account."""
    reason = json.dumps({"fr": f"m : {name}", "en": f"m: {name}"})
    offending = json.dumps([{"account": name, "is_admin": True}])
    with database.writing() as connection:
        for of in (VERDICT, TRANSITION):
            connection.execute(
                update(of).where(of.c.rule == rule).values(reason=reason, offending=offending)
            )
