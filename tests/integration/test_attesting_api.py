"""The API of attestations, waivers and incident logs, over a real store."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from fakes.callers import Callers
from fakes.running_server import small_catalogue
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from vigie_server.bootstrap.attesting import attesting_routes
from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import DeviceChange, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings
from vigie_server.store.database import Database
from vigie_server.store.models import Audit
from vigie_server.store.records import Records
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.access import Access

OTHER = "Les Lilas"
RULE = "Q06-firewall-enabled"
AT = f"/api/v1/sites/{SITE}"
HELD = {"item": "Q02-restore-test", "outcome": "held", "author": "A. Martin"}
WAIVER = {
    "rule": RULE,
    "devices": ["a"],
    "reason": "pare-feu du réseau",
    "author": "A. Martin",
    "approver": "B. Petit",
}
NOTE = {"person": "C. Durand", "text": "Poste débranché du réseau"}
AUDIT = table(Audit)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A device `a` at Les Tilleuls that fails a rule, and a device `c` at Les Lilas."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        fail(opened, a_device(opened, "a", serial="PF-1"))
        a_device(opened, "c", serial="PF-3", secret_hash=b"o" * 32)
        yield opened


def fail(database: Database, key: int) -> None:
    row: FactRow = {"part": "inbound", "name": "ipv6", "enabled": False}
    verdict = Verdict(RULE, 1, Status.FAIL, {"en": "why"}, (row,))
    record = Records(database).record(key)
    change = DeviceChange(
        key=key,
        device_id=record.device.id,
        at=NOW,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"",
        last_seq=0,
        device=record.device,
        judged_with="rules",
        verdicts=(WrittenVerdict(HeldVerdict(verdict, NOW, NOW, None), NOW, {}),),
    )
    assert not Records(database).commit([change], [])


@pytest.fixture
def client(database: Database) -> TestClient:
    app = FastAPI()
    problems.install(app)
    access = Access(KnowCallers(Tokens(database)), lambda: NOW)
    for routes in attesting_routes(database, small_catalogue(), DeclareSettings(), lambda: NOW):
        app.include_router(routes(access))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def test_an_attestation_is_recorded_listed_withdrawn_and_kept(
    client: TestClient, as_: Callers
) -> None:
    operator, auditor = as_(Role.OPERATOR), as_(Role.AUDITOR)

    made = client.post(f"{AT}/attestations", json=HELD, headers=operator)
    again = client.post(f"{AT}/attestations", json=HELD, headers=operator)
    listed = client.get(f"{AT}/attestations", headers=auditor)
    withdrawn = client.delete(f"{AT}/attestations/Q02-restore-test", headers=operator)
    history = client.get(f"{AT}/attestations/Q02-restore-test", headers=auditor)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["state"] == "in_force"
    assert made.json()["expires_at"] == "2027-03-01T12:00:00Z"
    assert listed.json()["items"] == [made.json()]
    assert withdrawn.json()["state"] == "withdrawn"
    assert history.json()["items"] == [withdrawn.json()]
    assert client.get(f"{AT}/attestations", headers=auditor).json()["items"] == []


def test_what_expires_within_a_month_is_due_soon(client: TestClient, as_: Callers) -> None:
    soon = {**HELD, "expires_at": (NOW + timedelta(days=29)).isoformat()}

    made = client.post(f"{AT}/attestations", json=soon, headers=as_(Role.ADMIN))

    assert made.json()["state"] == "due_soon"


def test_all_that_can_be_attested_is_told_in_both_languages(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.CONTRACTOR, OTHER)
    items = client.get("/api/v1/attestations?limit=1000", headers=headers).json()["items"]

    frequency = next(item for item in items if item["id"] == "Q02-backup-frequency")
    assert len(items) == 151
    assert (frequency["level"], frequency["value"]) == (2, "days")
    assert frequency["title"] == {
        "fr": "Fréquence des sauvegardes",
        "en": "Frequency of backups",
    }


def test_a_waiver_is_granted_listed_and_ended(client: TestClient, as_: Callers) -> None:
    operator, auditor = as_(Role.OPERATOR), as_(Role.AUDITOR)

    made = client.post(f"{AT}/waivers", json=WAIVER, headers=operator)
    again = client.post(f"{AT}/waivers", json=WAIVER, headers=operator)
    listed = client.get(f"{AT}/waivers", headers=auditor)
    one = f"{AT}/waivers/{made.json()['id']}"
    shown = client.get(one, headers=auditor)
    read = operator | {"If-Match": shown.headers["etag"]}
    ended = client.delete(one, headers=read)
    twice = client.delete(one, headers=read)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["in_force"]
    assert made.json()["devices"] == [
        {
            "device": "a",
            "hostname": "poste",
            "rows": [{"part": "inbound", "name": "ipv6"}],
            "reopened_at": None,
            "retired": False,
        }
    ]
    assert listed.json()["items"] == [made.json()]
    assert shown.json() == made.json()
    assert (twice.status_code, twice.json()["changed"]) == (412, ["ended_at", "in_force"])
    assert not ended.json()["in_force"]
    assert client.get(f"{AT}/waivers", headers=auditor).json()["items"] == [ended.json()]


def test_the_incident_log_is_added_to_read_exported_and_checked(
    client: TestClient, as_: Callers
) -> None:
    operator, auditor = as_(Role.OPERATOR), as_(Role.AUDITOR)
    formula = {**NOTE, "text": "=cmd|' /C calc'!A0", "happened_at": "2026-03-01T10:00:00+01:00"}

    first = client.post(f"{AT}/incidents", json=NOTE, headers=operator)
    again = client.post(f"{AT}/incidents", json=NOTE, headers=operator)
    second = client.post(f"{AT}/incidents", json=formula, headers=operator)
    listed = client.get(f"{AT}/incidents", headers=auditor).json()["items"]
    exported = client.get(f"{AT}/incidents.csv", headers=auditor)
    check = client.get(f"{AT}/incidents/check", headers=auditor).json()

    assert (first.status_code, again.status_code, second.status_code) == (201, 200, 201)
    assert [entry["number"] for entry in listed] == [1, 2]
    assert listed[1]["happened_at"] == "2026-03-01T09:00:00Z"
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    assert "'=cmd" in exported.text
    assert ";=cmd" not in exported.text
    assert check == {
        "intact": True,
        "entries": 2,
        "head": listed[1]["digest"],
        "broken_at": None,
        "missing": 0,
    }


@pytest.mark.parametrize(
    ("path", "sent", "told"),
    [
        ("attestations", {**HELD, "item": "Q02-restore-tests"}, "`Q02-restore-test`"),
        ("attestations", {**HELD, "outcome": "not_applicable"}, "reason"),
        ("attestations", {**HELD, "value": True}, "value"),
        ("attestations", {**HELD, "expires_at": "2026-12-01T00:00:00"}, "expires_at"),
        ("attestations", {**HELD, "by": "me"}, "by"),
        ("waivers", {**WAIVER, "approver": "a. martin"}, "approver"),
        ("waivers", {**WAIVER, "rule": "Q06-firewall-enable"}, f"`{RULE}`"),
        ("waivers", {**WAIVER, "devices": []}, "devices"),
        ("incidents", {**NOTE, "text": " "}, "text"),
        ("incidents", {**NOTE, "happened_at": "2027-01-01T00:00:00Z"}, "future"),
    ],
)
def test_what_is_wrong_is_a_problem_that_says_what_to_do(
    client: TestClient, as_: Callers, path: str, sent: dict[str, object], told: str
) -> None:
    answer = client.post(f"{AT}/{path}", json=sent, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]


SENT = {"attestations": HELD, "waivers": WAIVER, "incidents": NOTE}


@pytest.mark.parametrize("path", SENT)
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CONTRACTOR, Role.SCRAPE])
def test_who_only_reads_declares_nothing(
    client: TestClient, as_: Callers, path: str, role: Role
) -> None:
    answer = client.post(f"{AT}/{path}", json=SENT[path], headers=as_(role))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "attestations"),
        ("GET", "attestations/Q02-restore-test"),
        ("POST", "attestations"),
        ("DELETE", "attestations/Q02-restore-test"),
        ("GET", "waivers"),
        ("POST", "waivers"),
        ("DELETE", "waivers/w1"),
        ("GET", "incidents"),
        ("GET", "incidents.csv"),
        ("GET", "incidents/check"),
        ("POST", "incidents"),
    ],
)
def test_a_site_outside_the_scope_is_answered_as_one_that_does_not_exist(
    client: TestClient, as_: Callers, method: str, path: str
) -> None:
    sent = SENT[path] if method == "POST" else None
    outside = client.request(method, f"{AT}/{path}", json=sent, headers=as_(Role.OPERATOR, OTHER))
    nowhere = client.request(
        method, f"/api/v1/sites/Ailleurs/{path}", json=sent, headers=as_(Role.OPERATOR)
    )

    assert (outside.status_code, nowhere.status_code) == (404, 404)
    assert outside.json()["detail"] == f"no site {SITE}"
    assert nowhere.json()["detail"] == "no site Ailleurs"
    assert client.request(method, f"{AT}/{path}", json=sent).status_code == 401


def test_every_write_is_in_the_audit_with_the_token_that_did_it(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator = as_(Role.OPERATOR)
    for path, sent in SENT.items():
        client.post(f"{AT}/{path}", json=sent, headers=operator)

    with database.reading() as connection:
        rows = connection.execute(select(AUDIT).where(AUDIT.c.actor.startswith("api:"))).all()

    assert [(row.action.split(":")[0], row.subject) for row in rows] == [
        ("attestation Q02-restore-test", SITE),
        ("waived", "a"),
        ("incident 1", SITE),
    ]
