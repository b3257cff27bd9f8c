"""Levels, rules of sites and inventories through the API and the command line, on a real store."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, a_token, opened_store
from metric_pages import site_page
from vigie.v1.digest import canonical_form, canonical_rows
from vigie_server.bootstrap.maturity import maturity_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.cli.main import main
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.sites import Site
from vigie_server.domain.traits import trait_readers
from vigie_server.domain.verdicts import Status
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.ports.declaring import Act
from vigie_server.ports.tokens import Role
from vigie_server.services.assess_sites import AssessSites
from vigie_server.services.tokens import KnowCallers, MakeTokens
from vigie_server.services.workers import Workers
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.organisation import Organisation
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.access import Access

FIXTURES = Path(__file__).parent.parent / "fixtures"
SITE_URL = f"/api/v1/sites/{SITE}"


@cache
def catalogue() -> Catalogue:
    return bundled_catalogue()


@cache
def guide() -> SiteGuide:
    return bundled_site_guide(catalogue())


def recorded_form(topic: str) -> bytes:
    """What the recorded compliant Windows device answers."""
    text = (FIXTURES / "windows" / "compliant" / f"{topic}.json").read_text(encoding="utf-8")
    rows = json.loads(text)
    columns = sorted({column for row in rows for column in row})
    names, ordered = canonical_rows(
        columns, [[row.get(column, "") for column in columns] for row in rows]
    )
    return canonical_form(
        topic=topic,
        topic_version=1,
        status=1,
        message="",
        columns=names,
        values=[value for row in ordered for value in row],
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Two Windows devices that are alike, at a site that declares two."""
    (tmp_path / "data").mkdir()
    with opened_store("sqlite", tmp_path / "data") as opened:
        a_token(opened)
        forms = {topic: recorded_form(topic) for topic in ("software", "inventory", "accounts")}
        for name in ("pc-1", "pc-2"):
            a_judged_device(
                opened,
                name,
                {"Q06-firewall-enabled": Status.PASS, "Q06-inbound-blocked": Status.FAIL},
                content=recorded_form("firewall"),
                platform="windows",
                more=forms,
            )
        Organisation(opened).put(
            Site(SITE, body="Les Fleurs", region="84", declared_devices=2), Act("test", NOW)
        )
        yield opened


async def assess(database: Database, *, now: datetime = NOW) -> SiteLines:
    """One look at every site, as the server does."""
    lines, workers = SiteLines(), Workers()
    assessing = AssessSites(
        store=Assessments(database, own=guide().site_rules.keys(), shared=guide().shared),
        workers=workers,
        model=lines,
        guide=guide(),
        readers=trait_readers(guide()),
        now=lambda: now,
        share=0.95,
        every=1,
        pause=0,
        rest=0,
    )
    try:
        await assessing.once(None)
    finally:
        workers.close()
    return lines


@pytest.fixture
def client(database: Database) -> TestClient:
    app = FastAPI()
    problems.install(app)
    access = Access(KnowCallers(Tokens(database)), lambda: NOW)
    for routes in maturity_routes(database, catalogue(), guide(), lambda: NOW):
        app.include_router(routes(access))
    return TestClient(app, raise_server_exceptions=False)


def holding(database: Database, role: Role, *sites: str) -> dict[str, str]:
    make = MakeTokens(Tokens(database), lambda: NOW, "test")
    _, text = make.api(name="test", role=role, sites=sites or None, lifetime=timedelta(hours=1))
    return {"Authorization": f"Bearer {text}"}


async def test_a_site_shows_thirteen_questions_with_what_to_do(
    database: Database, client: TestClient
) -> None:
    await assess(database)

    answer = client.get(f"{SITE_URL}/maturity", headers=holding(database, Role.AUDITOR))

    questions = answer.json()["questions"]
    assert [one["question"] for one in questions] == list(range(1, 14))
    sixth = questions[5]
    assert sixth["level"] == 0
    assert [action["need"] for action in sixth["actions"]] == ["attest", "attest"]
    assert "Accès à Internet professionnel" in sixth["next_words"]["fr"]
    assert questions[11]["level"] is None


async def test_rules_of_the_site_follow_recorded_evidence(
    database: Database, client: TestClient
) -> None:
    lines = await assess(database)

    answer = client.get(f"{SITE_URL}/rules", headers=holding(database, Role.CONTRACTOR, SITE))

    found = {
        one["rule"]: one["status"]
        for one in answer.json()["items"]
        if one["rule"] in guide().site_rules
    }
    assert found == {
        "Q01-coverage": "pass",
        "Q01-inventory-reviewed": "unknown",
        "Q03-versions-homogeneous": "pass",
        "Q06-policy-homogeneous": "pass",
        "Q13-contractor-access-bounded": "not_applicable",
    }
    shown = site_page(lines)
    assert f'vigie_site_rule_compliant{{site="{SITE}",rule="Q01-coverage"}} 1\n' in shown
    assert "Q01-inventory-reviewed" not in shown


async def test_a_body_and_a_region_see_numbers_only(database: Database, client: TestClient) -> None:
    await assess(database)
    headers = holding(database, Role.AUDITOR)

    body = client.get("/api/v1/bodies/Les Fleurs/maturity", headers=headers)
    region = client.get("/api/v1/regions/84/maturity", headers=headers)

    assert body.json() == region.json()
    assert body.json()["questions"][5] == {
        "question": 6,
        "not_assessed": 0,
        "n0": 1,
        "n1": 0,
        "n2": 0,
        "n3": 0,
        "n4": 0,
    }
    assert not any(name in body.text for name in ("pc-1", SITE))


def test_another_site_and_another_body_are_not_found(
    database: Database, client: TestClient
) -> None:
    headers = holding(database, Role.CONTRACTOR, "Les Lilas")

    for path in (
        f"{SITE_URL}/maturity",
        f"{SITE_URL}/maturity/history",
        f"{SITE_URL}/rules",
        f"{SITE_URL}/inventories",
        "/api/v1/bodies/Les Fleurs/maturity",
        "/api/v1/regions/84/maturity",
    ):
        assert client.get(path, headers=headers).status_code == 404


def test_a_review_is_recorded_by_those_who_may_write(
    database: Database, client: TestClient
) -> None:
    reviews = f"{SITE_URL}/inventories/access/reviews"
    auditor, operator = holding(database, Role.AUDITOR), holding(database, Role.OPERATOR)

    refused = client.post(reviews, json={}, headers=auditor)
    too_long = client.post(reviews, json={"complement": "x" * 2001}, headers=operator)
    done = client.post(reviews, json={"complement": "  badges\n"}, headers=operator)
    unknown = client.post(f"{SITE_URL}/inventories/other/reviews", json={}, headers=operator)

    assert (refused.status_code, too_long.status_code) == (403, 422)
    assert (done.status_code, unknown.status_code) == (201, 422)
    found = {one["inventory"]: one for one in done.json()["items"]}
    assert (found["access"]["complement"], found["access"]["due"]) == ("badges", False)
    assert (found["software"]["reviewed_at"], found["software"]["due"]) == (None, True)


@pytest.mark.parametrize("what", ["equipment", "software", "accounts"])
def test_inventories_are_taken_away_as_csv_by_the_sites_own_people(
    database: Database, client: TestClient, what: str
) -> None:
    path = f"{SITE_URL}/inventories/{what}.csv"

    answer = client.get(path, headers=holding(database, Role.OPERATOR))
    refused = client.get(path, headers=holding(database, Role.CONTRACTOR, SITE))

    rows = list(csv.DictReader(StringIO(answer.text, newline="")))
    assert {row["device_name"] for row in rows} == {"pc-1", "pc-2"}
    assert refused.status_code == 403


def commanded(database: Database, monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    monkeypatch.setenv(
        "VIGIE_SERVER_DATA", str(Path(database.url.removeprefix("sqlite:///")).parent)
    )
    found = CliRunner().invoke(main, args)
    assert found.exit_code == 0, found.output
    return found.output


async def test_the_command_line_shows_levels_and_what_reaches_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = commanded(database, monkeypatch, "site", "maturity", SITE)
    await assess(database)

    levels = commanded(database, monkeypatch, "site", "maturity", SITE)
    sixth = commanded(database, monkeypatch, "site", "maturity", SITE, "--question", "6")

    assert "pas encore examiné" in before
    assert "N0" in levels
    assert "- attester « " in sixth


def test_the_command_line_records_reviews_and_writes_inventories(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    commanded(
        database, monkeypatch, "inventory", "review", SITE, "data", "--complement", "registre"
    )

    listed = commanded(database, monkeypatch, "inventory", "list", SITE)
    written = commanded(database, monkeypatch, "inventory", "export", SITE, "software")

    assert [line.split()[1] for line in listed.splitlines()[1:]].count("never") == 4
    assert "LibreOffice" in written
