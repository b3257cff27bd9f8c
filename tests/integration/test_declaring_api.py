"""The API of what people declare, over a real store: who may, in which scope, what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.testclient import TestClient

from fakes.callers import Callers
from fakes.reported import report_length
from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from vigie_server.bootstrap.declaring import declaring_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.domain.overrides import Scope
from vigie_server.domain.rules import Catalogue
from vigie_server.ports.declaring import Act, Target
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings
from vigie_server.store.database import Database
from vigie_server.store.models import Audit, DeviceRow, Site
from vigie_server.store.overrides import Overrides
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.access import Access

OTHER = "Les Lilas"
LENGTH = "Q05-min-length/min_length"
COVERED = ("Q01-coverage", "share")
AUDIT, DEVICE, TABLE_OF_SITES = table(Audit), table(DeviceRow), table(Site)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return bundled_catalogue()


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A device `a` at Les Tilleuls and a device `c` at Les Lilas."""
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a", serial="PF-1", hostname="ACCUEIL")
        a_device(opened, "c", serial="PF-3", hostname="CUISINE", secret_hash=b"o" * 32)
        yield opened


@pytest.fixture
def client(database: Database, catalogue: Catalogue) -> TestClient:
    app = FastAPI()
    problems.install(app)
    access = Access(KnowCallers(Tokens(database)), lambda: NOW)
    for routes in declaring_routes(
        database,
        catalogue,
        bundled_site_guide(catalogue),
        DeclareSettings(look_ahead=2),
        lambda: NOW,
    ):
        app.include_router(routes(access))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def test_a_site_is_declared_read_and_removed(client: TestClient, as_: Callers) -> None:
    operator = as_(Role.OPERATOR)
    declared = {
        "body": "Association du Val",
        "region": "Occitanie",
        "finess": "970408589",
        "networks": ["192.168.1.0/24"],
        "gateways": ["00-1A-2B-3C-4D-5E"],
        "declared_devices": 12,
        "contacts": [{"name": "Accueil", "phone": "05 00 00 00 00"}],
    }

    put = client.put("/api/v1/sites/Les Érables", json=declared, headers=operator)
    shown = client.get("/api/v1/sites/Les Érables", headers=as_(Role.AUDITOR))
    listed = client.get("/api/v1/sites", headers=as_(Role.AUDITOR))
    removed = client.delete("/api/v1/sites/Les Érables", headers=operator)

    assert put.status_code == shown.status_code == 200
    assert put.json() == shown.json()
    assert shown.json()["region"] == "76"
    assert shown.json()["region_name"] == "Occitanie"
    assert shown.json()["gateways"] == ["00:1a:2b:3c:4d:5e"]
    assert [site["name"] for site in listed.json()["items"]] == [OTHER, SITE, "Les Érables"]
    assert removed.status_code == 204
    assert client.get("/api/v1/sites/Les Érables", headers=operator).status_code == 404


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"finess": "123456789"}, "last digit does not fit"),
        ({"region": "Bretange"}, "did you mean `Bretagne`"),
        ({"networks": ["192.168.1.7/24"]}, "192.168.1.0/24"),
        ({"adresse": "x"}, "adresse"),
    ],
)
def test_a_wrong_site_is_a_problem_that_says_what_to_do(
    client: TestClient, as_: Callers, declared: dict[str, object], told: str
) -> None:
    answer = client.put(f"/api/v1/sites/{SITE}", json=declared, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]


def test_a_site_with_devices_is_not_removed(client: TestClient, as_: Callers) -> None:
    answer = client.delete(f"/api/v1/sites/{SITE}", headers=as_(Role.ADMIN))

    assert answer.status_code == 409
    assert "1 device (" in answer.json()["detail"]


PATHS = [
    ("GET", f"/api/v1/sites/{OTHER}", None),
    ("PUT", f"/api/v1/sites/{OTHER}", {}),
    ("DELETE", f"/api/v1/sites/{OTHER}", None),
    ("GET", f"/api/v1/groups/g?site={OTHER}", None),
    ("PUT", f"/api/v1/groups/g?site={OTHER}", {"selector": {"platform": ["linux"]}}),
    ("DELETE", f"/api/v1/groups/g?site={OTHER}", None),
    ("PUT", f"/api/v1/parameters/site/{OTHER}/{LENGTH}", {"value": 9, "reason": "x"}),
    ("PUT", f"/api/v1/parameters/group/g/{LENGTH}?site={OTHER}", {"value": 9, "reason": "x"}),
    ("PUT", f"/api/v1/parameters/device/c/{LENGTH}", {"value": 9, "reason": "x"}),
    ("DELETE", f"/api/v1/parameters/device/c/{LENGTH}?reason=x", None),
    ("GET", "/api/v1/devices/c/parameters", None),
    ("GET", "/api/v1/devices/c/asset", None),
    ("PUT", "/api/v1/devices/c/asset", {"place": "Ici"}),
    ("POST", "/api/v1/devices/c/acts", {"act": "lost"}),
    ("DELETE", "/api/v1/devices/c/asset", None),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
def test_outside_the_scope_nothing_exists(
    client: TestClient, as_: Callers, method: str, path: str, body: object
) -> None:
    everywhere = as_(Role.ADMIN)
    client.put(
        f"/api/v1/groups/g?site={OTHER}",
        json={"selector": {"platform": ["linux"]}},
        headers=everywhere,
    )

    answer = client.request(method, path, json=body, headers=as_(Role.OPERATOR, SITE))
    nowhere = client.request(
        method,
        path.replace(OTHER, "Nulle part").replace("/c/", "/z/"),
        json=body,
        headers=as_(Role.OPERATOR, SITE),
    )

    assert answer.status_code == nowhere.status_code == 404
    said = nowhere.json()["detail"].replace("Nulle part", OTHER).replace("device z", "device c")
    assert answer.json()["detail"] == said


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (method, path.replace(OTHER, SITE).replace("/c/", "/a/"), body)
        for method, path, body in PATHS
    ],
)
def test_only_admins_and_operators_write(
    client: TestClient, as_: Callers, method: str, path: str, body: object
) -> None:
    client.put(
        f"/api/v1/groups/g?site={SITE}",
        json={"selector": {"platform": ["linux"]}},
        headers=as_(Role.ADMIN),
    )
    answers = [
        client.request(method, path, json=body, headers=as_(role, SITE)).status_code
        for role in (Role.AUDITOR, Role.CONTRACTOR)
    ]
    scraping = client.request(method, path, json=body, headers=as_(Role.SCRAPE)).status_code

    assert answers == [200 if method == "GET" else 403] * 2
    assert scraping == 403
    assert client.request(method, path, json=body).status_code == 401


def test_whom_a_group_picks_comes_in_pages_within_the_scope(
    client: TestClient, as_: Callers, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_server.store.surroundings.LOOKED_AT_ONCE", 2)
    names = [f"p{number}" for number in range(7)]
    for number, name in enumerate(names):
        a_device(database, name, serial=f"PF-9{number}", hostname=f"P{number}")
    admin = as_(Role.ADMIN)
    picked = [*names[::2], "c"]
    client.put("/api/v1/groups/tous", json={"selector": {"devices": picked}}, headers=admin)
    path = "/api/v1/groups/tous/devices"

    pages, following = [], f"{path}?limit=2"
    while following:
        page = client.get(following, headers=admin).json()
        pages.append([member["id"] for member in page["items"]])
        following = page["next"]
    here = client.get(path, headers=as_(Role.OPERATOR, SITE)).json()["items"]
    csv = client.get(f"{path}?format=csv", headers=admin).text.splitlines()
    bare = client.get("/api/v1/groups/tous?members=false", headers=admin)
    nowhere = client.get("/api/v1/groups/non/devices", headers=admin)

    assert pages == [["c", "p0"], ["p2", "p4"], ["p6"]]
    assert [member["hostname"] for member in here] == ["P0", "P2", "P4", "P6"]
    assert len(csv) == 6
    assert "devices" not in bare.json()
    assert nowhere.status_code == 404
    changed = client.put(
        "/api/v1/groups/tous",
        json={"selector": {"devices": ["c"]}},
        headers=admin | {"If-Match": bare.headers["etag"]},
    )
    assert changed.status_code == 200


def test_a_group_of_every_site_is_changed_by_a_token_of_every_site_alone(
    client: TestClient, as_: Callers
) -> None:
    body = {"selector": {"platform": ["linux"]}}
    scoped = as_(Role.OPERATOR, SITE)

    refused = client.put("/api/v1/groups/tous", json=body, headers=scoped)
    taken = client.put("/api/v1/groups/tous", json=body, headers=as_(Role.OPERATOR))
    seen = client.get("/api/v1/groups/tous", headers=scoped)

    assert (refused.status_code, taken.status_code) == (403, 200)
    assert seen.json() == {
        "site": None,
        "name": "tous",
        "selector": {"platform": ["linux"]},
        "devices": ["a"],
    }


def test_the_value_in_force_is_shown_with_who_set_it_and_what_it_passed_over(
    client: TestClient, as_: Callers
) -> None:
    operator = as_(Role.OPERATOR)
    for path, value, reason in (
        (f"site/{SITE}", 12, "logiciel métier limité"),
        ("device/a", 16, "poste de direction"),
    ):
        answer = client.put(
            f"/api/v1/parameters/{path}/{LENGTH}",
            json={"value": value, "reason": reason},
            headers=operator,
        )
        assert answer.status_code == 204

    found = client.get("/api/v1/devices/a/parameters", headers=as_(Role.AUDITOR)).json()
    (length,) = [one for one in found["items"] if one["name"] == "min_length"]
    listed = client.get("/api/v1/parameters", headers=as_(Role.AUDITOR, SITE)).json()["items"]

    assert (length["value"], length["origin"]) == (16, "device")
    assert length["override"]["reason"] == "poste de direction"
    assert length["override"]["author"].startswith("api:")
    assert [other["value"] for other in length["passed_over"]] == [12]
    assert found["without_effect"] == []
    assert [(one["scope"], one["of"]) for one in listed] == [("site", SITE), ("device", "a")]


def test_a_value_beyond_what_the_rule_allows_is_refused_with_the_bounds(
    client: TestClient, as_: Callers
) -> None:
    path = "/api/v1/parameters/device/a/Q09-seen-recently/max_days"
    admin = as_(Role.ADMIN)

    refused = client.put(path, json={"value": 999_999_999, "reason": "x"}, headers=admin)
    at_the_bound = client.put(path, json={"value": 3660, "reason": "x"}, headers=admin)

    assert (refused.status_code, at_the_bound.status_code) == (422, 204)
    assert refused.json()["detail"] == (
        "`max_days` must be a whole number of at least 0 and at most 3660"
    )


def test_what_was_set_before_a_bound_holds_and_is_shown_until_it_is_set_anew(
    client: TestClient, database: Database, as_: Callers
) -> None:
    Overrides(database).put(
        Target(Scope.DEVICE, "a"),
        rule="Q09-seen-recently",
        name="max_days",
        value=999_999_999,
        reason="avant la borne",
        act=Act("essai", NOW),
    )

    found = client.get("/api/v1/devices/a/parameters", headers=as_(Role.AUDITOR)).json()
    listed = client.get("/api/v1/parameters", headers=as_(Role.AUDITOR)).json()["items"]

    (seen,) = [one for one in found["items"] if one["rule"] == "Q09-seen-recently"]
    assert (seen["value"], seen["origin"]) == (999_999_999, "device")
    assert [one["value"] for one in listed] == [999_999_999]


def test_every_parameter_has_a_value_and_an_origin(client: TestClient, as_: Callers) -> None:
    found = client.get("/api/v1/devices/a/parameters", headers=as_(Role.AUDITOR)).json()["items"]

    assert {one["origin"] for one in found} == {"default"}
    assert all(one["value"] is not None for one in found)


def test_what_is_no_longer_set_gives_way_to_the_next(client: TestClient, as_: Callers) -> None:
    admin = as_(Role.ADMIN)
    path = f"/api/v1/parameters/site/{SITE}/{LENGTH}"
    client.put(path, json={"value": 12, "reason": "essai"}, headers=admin)

    removed = client.delete(path, params={"reason": "fini"}, headers=admin)
    again = client.delete(path, params={"reason": "fini"}, headers=admin)

    assert (removed.status_code, again.status_code) == (204, 404)
    assert client.get("/api/v1/parameters", headers=admin).json()["items"] == []


COVERAGE = f"/api/v1/parameters/site/{SITE}/Q01-coverage/share"


def test_a_parameter_of_the_whole_site_is_set_seen_and_taken_away(
    client: TestClient, as_: Callers
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    put = client.put(COVERAGE, json={"value": 80, "reason": "en travaux"}, headers=operator)

    shown = client.get(f"/api/v1/sites/{SITE}/parameters", headers=operator).json()
    elsewhere = client.get(f"/api/v1/sites/{OTHER}/parameters", headers=operator)
    of_device = client.get("/api/v1/devices/a/parameters", headers=operator).json()
    client.delete(COVERAGE, params={"reason": "fini"}, headers=operator)
    after = client.get(f"/api/v1/sites/{SITE}/parameters", headers=operator).json()

    (share,) = [one for one in shown["items"] if (one["rule"], one["name"]) == COVERED]
    assert (put.status_code, elsewhere.status_code) == (204, 404)
    assert (share["value"], share["origin"]) == (80, "site")
    assert share["override"]["reason"] == "en travaux"
    assert shown["without_effect"] == of_device["without_effect"] == []
    assert {one["origin"] for one in after["items"]} == {"default"}


def test_a_parameter_of_the_whole_site_has_no_device_judged_again(
    client: TestClient, database: Database, as_: Callers
) -> None:
    with database.reading() as connection:
        before = connection.execute(select(DEVICE.c.revision)).scalars().all()

    client.put(COVERAGE, json={"value": 80, "reason": "x"}, headers=as_(Role.ADMIN))
    with database.reading() as connection:
        after = connection.execute(select(DEVICE.c.revision)).scalars().all()

    assert before == after


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("device/a/Q01-coverage/share", 80, "set it for a site, not for a device"),
        (f"site/{SITE}/Q01-coverage/share", 101, "at most 100"),
        (f"site/{SITE}/Q07-spf/share", 80, "is one on mail domains"),
        (f"site/{SITE}/Q03-versions-homogeneous/products", ["x"], "cannot be set"),
    ],
)
def test_what_makes_no_sense_for_the_whole_site_is_refused(
    client: TestClient, as_: Callers, path: str, value: object, told: str
) -> None:
    answer = client.put(
        f"/api/v1/parameters/{path}",
        json={"value": value, "reason": "x"},
        headers=as_(Role.ADMIN),
    )

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def a_site_that_declares(database: Database, devices: int) -> None:
    with database.writing() as connection:
        connection.execute(
            update(TABLE_OF_SITES)
            .where(TABLE_OF_SITES.c.name == SITE)
            .values(declared_devices=devices)
        )
        connection.execute(update(DEVICE).where(DEVICE.c.id == "a").values(last_report_at=NOW))


def test_what_a_parameter_of_the_whole_site_would_come_to_is_told_and_not_stored(
    client: TestClient, database: Database, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)
    a_site_that_declares(database, 2)
    ahead = client.put(
        COVERAGE, params={"dry_run": True}, json={"value": 50, "reason": "x"}, headers=admin
    )

    listed = client.get("/api/v1/parameters", headers=admin).json()["items"]
    client.put(COVERAGE, json={"value": 50, "reason": "x"}, headers=admin)
    back = client.delete(COVERAGE, params={"dry_run": True, "reason": "x"}, headers=admin)

    assert ahead.status_code == back.status_code == 200
    assert ahead.json()["concerned"] == 0
    assert (ahead.json()["site"]["before"], ahead.json()["site"]["after"]) == ("fail", "pass")
    assert (back.json()["site"]["before"], back.json()["site"]["after"]) == ("pass", "fail")
    assert "1" in back.json()["site"]["reason"]["fr"]
    assert listed == []


def test_what_a_parameter_of_devices_would_come_to_is_told_within_a_bound(
    client: TestClient, database: Database, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)
    for name in ("b", "d"):
        a_device(database, name, serial=f"PF-{name}", hostname=name)
    for name in ("a", "b", "d"):
        report_length(database, name, 12)
    path, body = f"/api/v1/parameters/site/{SITE}/{LENGTH}", {"value": 12, "reason": "x"}

    of_site = client.put(path, params={"dry_run": True}, json=body, headers=admin).json()
    of_one = client.put(
        f"/api/v1/parameters/device/d/{LENGTH}", params={"dry_run": 1}, json=body, headers=admin
    ).json()

    moved = [{"before": "fail", "after": "pass", "devices": 2}]
    assert (of_site["concerned"], of_site["judged"], of_site["moves"]) == (3, 2, moved)
    assert [one["device"] for one in of_site["devices"]] == ["a", "b"]
    assert (of_one["concerned"], of_one["moves"][0]["devices"]) == (1, 1)
    assert of_one["devices"][0]["hostname"] == "d"
    assert client.get("/api/v1/parameters", headers=admin).json()["items"] == []


def test_what_taking_a_parameter_of_a_group_away_would_come_to_is_told(
    client: TestClient, database: Database, as_: Callers
) -> None:
    admin = as_(Role.ADMIN)
    report_length(database, "a", 12)
    client.put("/api/v1/groups/tous", json={"selector": {"platform": ["linux"]}}, headers=admin)
    path = f"/api/v1/parameters/group/tous/{LENGTH}"
    client.put(path, json={"value": 12, "reason": "x"}, headers=admin)

    ahead = client.delete(path, params={"dry_run": True, "reason": "x"}, headers=admin)
    still = client.get("/api/v1/parameters", headers=admin).json()["items"]
    not_set = client.delete(
        path.replace("min_length", "other"), params={"dry_run": 1, "reason": "x"}, headers=admin
    )

    assert ahead.json()["moves"] == [{"before": "pass", "after": "fail", "devices": 1}]
    assert [one["value"] for one in still] == [12]
    assert not_set.status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (
            "Q05-min-lenght/min_length",
            {"value": 12, "reason": "x"},
            "did you mean `Q05-min-length`",
        ),
        ("Q05-min-length/min-length", {"value": 12, "reason": "x"}, "did you mean `min_length`"),
        (LENGTH, {"value": "douze", "reason": "x"}, "a whole number"),
        (LENGTH, {"value": 12.5, "reason": "x"}, "a whole number"),
        (LENGTH, {"value": True, "reason": "x"}, "a whole number"),
        (LENGTH, {"value": 12, "reason": " "}, "give a reason"),
        (LENGTH, {"value": 12}, "reason"),
    ],
)
def test_a_wrong_parameter_is_a_problem_that_says_what_was_meant(
    client: TestClient, as_: Callers, path: str, body: object, told: str
) -> None:
    answer = client.put(f"/api/v1/parameters/device/a/{path}", json=body, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_card_is_written_read_and_taken_away(client: TestClient, as_: Callers) -> None:
    operator = as_(Role.OPERATOR, SITE)
    path = "/api/v1/devices/a/asset"

    client.put(path, json={"place": "Accueil", "supplier": "Acme"}, headers=operator)
    put = client.put(
        path,
        json={"place": "Accueil", "roles": ["kiosk"], "purchased_at": "01/03/2026"},
        headers=operator,
    )

    assert put.json()["fields"] == {
        "place": "Accueil",
        "roles": ["kiosk"],
        "purchased_at": "2026-03-01",
    }
    assert client.get(path, headers=operator).json() == put.json()
    assert client.delete(path, headers=operator).status_code == 204
    assert client.get(path, headers=operator).json()["fields"] == {}


def test_a_file_comes_and_goes_within_the_scope(client: TestClient, as_: Callers) -> None:
    operator = as_(Role.OPERATOR, SITE)
    content = "Nom;Lieu d'utilisation\r\naccueil;Hall d'entrée\r\n".encode("cp1252")

    tried = client.post("/api/v1/assets/import?dry_run=true", content=content, headers=operator)
    taken = client.post("/api/v1/assets/import", content=content, headers=operator)
    written = client.get("/api/v1/assets.csv", headers=operator)

    assert tried.json() == {"rows": 1, "changed": 1, "dry_run": True}
    assert taken.json() == {"rows": 1, "changed": 1, "dry_run": False}
    lines = written.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Site;Identifiant;Numéro de série;Nom;Fournisseur")
    assert lines[1:] == [f"{SITE};a;PF-1;ACCUEIL;;;Hall d'entrée;;;;;;;"]
    again = client.post("/api/v1/assets/import", content=written.content, headers=operator)
    assert again.json() == {"rows": 1, "changed": 0, "dry_run": False}


def test_a_file_with_wrong_rows_changes_nothing_and_tells_each(
    client: TestClient, as_: Callers
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    content = "Nom;Usage\nACCUEIL;dédié\nCUISINE;dédié\nFANTOME;collectif\n".encode()

    answer = client.post("/api/v1/assets/import", content=content, headers=operator)

    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [(error["line"], error["column"]) for error in errors] == [
        (3, "Nom"),
        (4, "Nom"),
        (4, "Usage"),
    ]
    assert client.get("/api/v1/devices/a/asset", headers=operator).json()["fields"] == {}


def test_every_write_is_in_the_audit(client: TestClient, as_: Callers, database: Database) -> None:
    admin = as_(Role.ADMIN)
    selector = {"selector": {"platform": ["linux"]}}
    for method, path, body in (
        ("PUT", f"/api/v1/sites/{SITE}", {"region": "76"}),
        ("PUT", "/api/v1/sites/Vide", {}),
        ("DELETE", "/api/v1/sites/Vide", None),
        ("PUT", f"/api/v1/groups/g?site={SITE}", selector),
        ("PUT", f"/api/v1/parameters/device/a/{LENGTH}", {"value": 9, "reason": "essai"}),
        ("DELETE", f"/api/v1/parameters/device/a/{LENGTH}?reason=fini", None),
        ("DELETE", f"/api/v1/groups/g?site={SITE}", None),
        ("PUT", "/api/v1/devices/a/asset", {"place": "Accueil"}),
        ("DELETE", "/api/v1/devices/a/asset", None),
    ):
        assert client.request(method, path, json=body, headers=admin).is_success

    with database.reading() as connection:
        rows = connection.execute(
            select(AUDIT).where(AUDIT.c.actor.startswith("api:")).order_by(AUDIT.c.key)
        ).all()

    assert [(row.action, row.subject) for row in rows] == [
        ("declared a site", SITE),
        ("declared a site", "Vide"),
        ("removed a site", "Vide"),
        ('declared a group: {"platform": ["linux"]}', f"{SITE}: g"),
        ("set Q05-min-length min_length = 9 for a device: essai", "a"),
        ("unset Q05-min-length min_length for a device: fini", "a"),
        ("removed a group", f"{SITE}: g"),
        ("changed the asset card: place", "a"),
        ("changed the asset card: place", "a"),
    ]


def test_acts_on_a_device_follow_from_how_it_stands(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator, path = as_(Role.OPERATOR), "/api/v1/devices/a/acts"
    acts = (
        *("lost", "lost", "found", "not-nomadic"),
        *("revoke", "revoke", "retire", "found", "explode"),
    )

    answers = [client.post(path, json={"act": act}, headers=operator) for act in acts]

    codes = [200, 409, 200, 200, 200, 409, 200, 409, 422]
    assert [answer.status_code for answer in answers] == codes
    done = [answer.json() for answer in answers if answer.status_code == 200]
    assert [(one["state"], one["revoked"]) for one in done] == [
        ("lost", False),
        ("active", False),
        ("active", False),
        ("active", True),
        ("retired", False),
    ]
    assert "lost: not for a device that is lost, which takes found" in answers[1].json()["detail"]
    assert "not for a device that is active and revoked" in answers[5].json()["detail"]
    with database.reading() as connection:
        audited = connection.execute(select(AUDIT.c.action).where(AUDIT.c.subject == "a"))
        assert audited.scalars().all()[-5:] == [
            *("declared lost", "declared active", "declared not nomadic", "revoked", "retired"),
        ]
