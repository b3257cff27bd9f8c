"""Every route of the HTTP application, whatever is added: who may call it, and in which scope."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fakes.callers import Callers
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from fakes.whole_app import whole_app
from vigie_server.ports.tokens import Role
from vigie_server.store.database import Database

OPEN: Final = {"/healthz", "/readyz"}
"""What answers without a token, by design."""
METRICS: Final = ("/metrics", "/metrics/fleet", "/metrics/server")
OTHER: Final = "Les Lilas"
PLACES: Final = {
    "device_id": "a",
    "site": SITE,
    "rule": "Q05-min-length",
    "item": "Q02-restore-test",
    "scope": "device",
    "of": "a",
    "domain": "example.org",
    "inventory": "equipment",
    "what": "equipment",
    "waiver_id": "w1",
}
"""What stands in the places of a path; a `name` is a site's where it follows `/sites/`."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A device `a` at Les Tilleuls, and another site."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a")
        yield opened


@pytest.fixture
def app(database: Database) -> FastAPI:
    """The application with every route that a server has."""
    return whole_app(database, lambda: NOW)


def calls_of(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, template and a path of every route that wants a token."""
    found = [("GET", path, path) for path in METRICS]
    for described, methods in app.openapi()["paths"].items():
        if described not in OPEN:
            template = described.replace("/sites/{name}", "/sites/{site}")
            path = re.sub(r"{(\w+)}", lambda place: PLACES.get(place[1], "x"), template)
            found += [(method.upper(), template, path) for method in methods]
    return found


@dataclass(frozen=True, slots=True)
class Who:
    """A caller of the matrix; `scope`: every site, the site of device `a`, or another one."""

    role: Role
    scope: str

    @property
    def sites(self) -> tuple[str, ...]:
        return {"every": (), "in": (SITE,), "out": (OTHER,)}[self.scope]


ADMIN: Final = frozenset({Role.ADMIN})
ALL_ROLES: Final = frozenset(Role)
READ: Final = ALL_ROLES - {Role.SCRAPE}
STAFF: Final = READ - {Role.CONTRACTOR}
WRITE: Final = frozenset({Role.ADMIN, Role.OPERATOR})
OVERSEE: Final = WRITE | {Role.AUDITOR}
WATCH: Final = frozenset({Role.ADMIN, Role.AUDITOR})
SCRAPE: Final = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.SCRAPE})

TABLE: Final[Mapping[str, Mapping[str, frozenset[Role]]]] = {
    "/metrics": {"GET": SCRAPE},
    "/metrics/fleet": {"GET": SCRAPE},
    "/metrics/server": {"GET": SCRAPE},
    "/accounts": {"GET": ADMIN, "POST": ADMIN},
    "/accounts/{account_id}": {"GET": ADMIN, "PUT": ADMIN},
    "/accounts/{account_id}/acts": {"POST": ADMIN},
    "/accounts/{account_id}/reset": {"POST": ADMIN},
    "/api-tokens": {"GET": ADMIN, "POST": ADMIN},
    "/api-tokens/{token_id}": {"GET": ADMIN, "DELETE": ADMIN},
    "/api-tokens/{token_id}/rotate": {"POST": ADMIN},
    "/assets": {"GET": READ},
    "/assets.csv": {"GET": READ},
    "/assets/import": {"POST": WRITE},
    "/attestations": {"GET": READ},
    "/audit": {"GET": WATCH},
    "/bodies/{name}/maturity": {"GET": READ},
    "/bodies/{name}/report": {"GET": READ},
    "/devices": {"GET": READ},
    "/devices/{device_id}": {"GET": READ},
    "/devices/{device_id}/acts": {"POST": WRITE},
    "/devices/{device_id}/asset": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/devices/{device_id}/parameters": {"GET": READ},
    "/devices/{device_id}/transitions": {"GET": READ},
    "/devices/{device_id}/update": {"GET": READ},
    "/devices/{device_id}/verdicts": {"GET": READ},
    "/enrolment-tokens": {"GET": WRITE, "POST": WRITE},
    "/enrolment-tokens/{token_id}": {"GET": WRITE, "DELETE": WRITE},
    "/groups": {"GET": READ},
    "/groups/{name}": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/groups/{name}/devices": {"GET": READ},
    "/notifications/messages": {"GET": OVERSEE},
    "/notifications/recipients": {"GET": OVERSEE, "POST": WRITE},
    "/notifications/recipients/{recipient_id}": {"GET": OVERSEE, "DELETE": WRITE},
    "/notifications/recipients/{recipient_id}/test": {"POST": WRITE},
    "/parameters": {"GET": READ},
    "/parameters/{scope}/{of}/{rule}/{name}": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/questions": {"GET": OVERSEE, "POST": WRITE},
    "/questions/approved": {"GET": OVERSEE},
    "/questions/{question_id}": {"GET": OVERSEE, "DELETE": WRITE},
    "/questions/{question_id}/answers": {"GET": WRITE},
    "/questions/{question_id}/stream": {"GET": WRITE},
    "/regions/{name}/maturity": {"GET": READ},
    "/regions/{name}/report": {"GET": READ},
    "/rules": {"GET": READ},
    "/rules/{rule}/days": {"GET": READ},
    "/rules/{rule}/verdicts": {"GET": READ},
    "/sd/prometheus": {"GET": SCRAPE},
    "/sites": {"GET": READ},
    "/sites/{site}": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/sites/{site}/attestations": {"GET": READ, "POST": WRITE},
    "/sites/{site}/attestations/{item}": {"GET": READ, "DELETE": WRITE},
    "/sites/{site}/attestations/{item}/standing": {"GET": READ},
    "/sites/{site}/incidents": {"GET": READ, "POST": WRITE},
    "/sites/{site}/incidents.csv": {"GET": READ},
    "/sites/{site}/incidents/check": {"GET": READ},
    "/sites/{site}/inventories": {"GET": READ},
    "/sites/{site}/inventories/{inventory}/reviews": {"POST": WRITE},
    "/sites/{site}/inventories/{what}.csv": {"GET": STAFF},
    "/sites/{site}/mail": {"GET": READ},
    "/sites/{site}/mail/{domain}": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/sites/{site}/mail/{domain}/check": {"POST": WRITE},
    "/sites/{site}/mail/{domain}/transitions": {"GET": READ},
    "/sites/{site}/maturity": {"GET": READ},
    "/sites/{site}/maturity/history": {"GET": READ},
    "/sites/{site}/parameters": {"GET": READ},
    "/sites/{site}/questions": {"GET": OVERSEE, "PUT": ADMIN},
    "/sites/{site}/report": {"GET": READ},
    "/sites/{site}/rules": {"GET": READ},
    "/sites/{site}/waivers": {"GET": READ, "POST": WRITE},
    "/sites/{site}/waivers/{waiver_id}": {"GET": READ, "DELETE": WRITE},
    "/software": {"GET": READ},
    "/software/devices": {"GET": READ},
    "/transitions": {"GET": READ},
    "/updates": {"GET": OVERSEE},
}
"""Which roles may call each route. A route that is not here fails the tests below."""

EVERY_SITE_ONLY: Final = {
    ("GET", "/audit"),
    ("GET", "/metrics/server"),
    ("PUT", "/groups/{name}"),
    ("DELETE", "/groups/{name}"),
}
"""What a scope of sites closes."""

BODIES: Final[Mapping[str, object]] = {
    "/accounts": {"name": "ACME", "role": "auditor", "sites": [SITE]},
    "/accounts/{account_id}": {"role": "auditor", "sites": [SITE], "expires_at": None},
    "/accounts/{account_id}/acts": {"act": "lock"},
    "/api-tokens/{token_id}/rotate": {},
    "/api-tokens": {"name": "n", "role": "contractor", "sites": [SITE], "days": 30},
    "/enrolment-tokens": {"site": SITE},
    "/devices/{device_id}/acts": {"act": "nomadic"},
    "/devices/{device_id}/asset": {},
    "/groups/{name}": {"selector": {"platform": ["linux"]}},
    "/parameters/{scope}/{of}/{rule}/{name}": {"value": 14, "reason": "r"},
    "/sites/{site}": {},
    "/sites/{site}/questions": {"free": False},
    "/sites/{site}/attestations": {"item": "Q02-restore-test", "author": "A", "outcome": "held"},
    "/sites/{site}/incidents": {"text": "t", "person": "p"},
    "/sites/{site}/inventories/{inventory}/reviews": {"complement": ""},
    "/sites/{site}/mail/{domain}": {},
    "/sites/{site}/waivers": {
        "rule": "Q06-firewall-enabled",
        "devices": ["a"],
        "reason": "r",
        "author": "A",
        "approver": "B",
        "expires_at": "2026-06-01T00:00:00Z",
    },
}
"""What changes are asked with, so that it is the scope that decides."""

CALLERS: Final = [
    Who(role, scope)
    for role in Role
    for scope in (("in", "out") if role is Role.CONTRACTOR else ("every", "in", "out"))
]


def short(template: str) -> str:
    return template.removeprefix("/api/v1")


def scoped(template: str) -> bool:
    """Whether the path names a site or a device."""
    return any(place in template for place in ("{site}", "{device_id}", "{of}"))


def test_every_route_is_in_the_table_and_nothing_else_is(app: FastAPI) -> None:
    described = {(method, short(template)) for method, template, _ in calls_of(app)}

    assert described == {(method, path) for path, methods in TABLE.items() for method in methods}
    assert len(described) > 50


def test_no_route_answers_who_is_not_known(app: FastAPI) -> None:
    client = TestClient(app)

    answers = {
        (method, path): client.request(method, path, headers=headers).status_code
        for method, _, path in calls_of(app)
        for headers in ({}, {"Authorization": "Bearer vigie-api1.x"}, {"Cookie": "__Host-vigie=x"})
    }

    assert set(answers.values()) == {401}


def test_no_route_passes_over_a_parameter_that_it_does_not_take(
    app: FastAPI, database: Database
) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.ADMIN)
    described = {
        (method.upper(), template): [
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        ]
        for template, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }

    wrong = []
    for method, template, path in calls_of(app):
        known = described.get((method, template.replace("/sites/{site}", "/sites/{name}")))
        takes = described.get((method, template), known)
        answer = client.request(method, path, headers=headers, params={"9": "x", "8": "y"})
        if template in METRICS:
            takes = [] if template == "/metrics/server" else ["site"]
        named = ", ".join(f"`{name}`" for name in takes or ()) or "no parameters"
        told = f" does not take `9`, `8` (it takes {named})"
        problem = answer.headers["content-type"] == "application/problem+json"
        if (answer.status_code, problem) != (400, True) or told not in answer.json()["detail"]:
            wrong.append((method, path, answer.status_code, answer.text[:200]))

    assert wrong == []


REQUIRED: Final[Mapping[str, Mapping[str, str]]] = {
    "/api/v1/software/devices": {"platform": "linux", "product": "firefox"},
}
"""What a route asks for beside a filter."""


@pytest.mark.parametrize(
    ("name", "values"), [("site", ("nosuch", OTHER)), ("rule", ("nosuch",))], ids=["site", "rule"]
)
def test_a_filter_that_names_what_is_not_there_or_not_seen_keeps_nothing(
    app: FastAPI, database: Database, name: str, values: tuple[str, ...]
) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.OPERATOR, SITE)
    filtered = [
        (path, methods["get"])
        for path, methods in app.openapi()["paths"].items()
        if name in {given["name"] for given in methods.get("get", {}).get("parameters", ())}
        and "{" not in path
    ]

    answered = {
        path: [
            client.get(path, headers=headers, params={name: value, **REQUIRED.get(path, {})})
            for value in values
        ]
        for path, _ in filtered
    }

    assert len(filtered) >= 2
    assert {answer.status_code for answers in answered.values() for answer in answers} == {200}
    assert all(len({answer.content for answer in answers}) == 1 for answers in answered.values())
    assert [path for path, operation in filtered if "404" in operation["responses"]] == []
    silent = [
        path
        for path, operation in filtered
        for given in operation["parameters"]
        if given["name"] == "site" and not given.get("description")
    ]
    assert silent == []
    assert "keeps nothing" in app.openapi()["info"]["description"]


@pytest.mark.parametrize("page", ["/metrics", "/metrics/fleet"])
def test_a_page_of_metrics_of_no_site_that_is_seen_is_no_page(
    app: FastAPI, database: Database, page: str
) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.SCRAPE, SITE)

    answers = [
        client.get(page, headers=headers, params={"site": site}) for site in ("nosuch", OTHER)
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace("nosuch", OTHER) == answers[1].text


def test_a_change_whose_trial_is_misspelt_is_not_made(app: FastAPI, database: Database) -> None:
    client, headers = TestClient(app), Callers(database, NOW)(Role.ADMIN)
    path = f"/api/v1/parameters/site/{SITE}/Q05-min-length/min_length"

    answer = client.put(f"{path}?dryrun=true", headers=headers, json={"value": 14, "reason": "r"})

    assert answer.status_code == 400
    assert "`dryrun`: did you mean `dry_run`?" in answer.json()["detail"]
    assert client.get(path, headers=headers).status_code == 404


@pytest.mark.parametrize("who", CALLERS, ids=lambda who: f"{who.role}-{who.scope}")
def test_every_route_answers_each_role_and_scope_as_the_table_says(
    app: FastAPI, database: Database, who: Who
) -> None:
    client = TestClient(app, raise_server_exceptions=False)
    headers = Callers(database, NOW)(who.role, *who.sites)

    wrong = []
    # Removals last: what they remove is asked for before.
    for method, template, path in sorted(calls_of(app), key=lambda call: call[0] == "DELETE"):
        body = BODIES.get(short(template)) if method in {"PUT", "POST"} else None
        query = {"reason": "r"} if (method, "/parameters/" in path) == ("DELETE", True) else None
        answer = client.request(method, path, headers=headers, json=body, params=query)
        expected = outcome(who, method, template)
        if not expected(answer.status_code):
            wrong.append((method, path, answer.status_code, answer.text[:200]))
        told = answer.text.replace(f"site {SITE}", "")  # a refusal repeats what was asked
        if who.scope == "out" and method == "GET" and SITE in told:
            wrong.append((method, path, answer.status_code, told[:200]))

    assert wrong == []


def outcome(who: Who, method: str, template: str) -> Callable[[int], bool]:
    """Whether a status is what the table says; who may call is only not refused."""
    path = short(template)
    if who.role not in TABLE[path][method]:
        return HTTPStatus.FORBIDDEN.__eq__
    if (method, path) in EVERY_SITE_ONLY and who.sites:
        return HTTPStatus.FORBIDDEN.__eq__
    if scoped(template) and who.scope == "out":
        return HTTPStatus.NOT_FOUND.__eq__
    return lambda status: status not in {401, 403} and status < 500
