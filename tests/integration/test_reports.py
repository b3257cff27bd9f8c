"""Reports of a real store: through the API in its scope, by the command line, and every month."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pypdf import PdfReader
from sqlalchemy import text as sql

from fakes.callers import Callers
from fakes.judged import a_judged_device
from fakes.plain_http import plain_client
from fakes.running_server import running_server, small_catalogue
from fakes.stored import NOW, SITE, a_token, opened_store
from vigie_server.bootstrap.reports import filed_monthly, reports_of, reports_routes
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.cli.main import main
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.errors import ReportsBusy
from vigie_server.domain.facility_report.content import Kind
from vigie_server.domain.maturity import Action, Assessment, Need
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.domain.waivers import NewWaiver, row_keys
from vigie_server.ports.assessing import WordedAssessment
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.reporting import Filed, Format, Wanted
from vigie_server.ports.tokens import Role
from vigie_server.rendering.folder import ReportFolder
from vigie_server.services.file_reports import FileReports
from vigie_server.services.make_reports import MakeReports
from vigie_server.services.tokens import KnowCallers
from vigie_server.services.workers import Workers
from vigie_server.settings import HttpSettings, ReportsSettings, ServerSettings
from vigie_server.store.administration import Administration
from vigie_server.store.assessments import Assessments
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.organisation import Organisation
from vigie_server.store.tokens import Tokens
from vigie_server.store.waivers import Waivers
from vigie_server.web import problems
from vigie_server.web.access import Access

RULE, ITEM = "Q06-firewall-enabled", "Q06-professional-internet"
URL = f"/api/v1/sites/{SITE}/report"
WORDS = {"fr": "attester « Câblage protégé »", "en": "attest “Secured cabling”"}


@cache
def catalogue() -> Catalogue:
    return bundled_catalogue()


@cache
def guide() -> SiteGuide:
    return bundled_site_guide(catalogue())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A site at N1 of question 6, by an attestation and a device that passes; another one fails."""
    (tmp_path / "data").mkdir()
    with opened_store("sqlite", tmp_path / "data") as opened:
        a_token(opened)
        a_judged_device(opened, "ACCUEIL-1", {RULE: Status.PASS})
        a_judged_device(opened, "INFIRMERIE-é", {RULE: Status.FAIL})
        act = Act("test", NOW)
        Organisation(opened).put(
            Site(SITE, body="Les Fleurs", region="84", declared_devices=3), act
        )
        given = NewAttestation(
            ITEM, Outcome.HELD, "C. Direction", expires_at=NOW + timedelta(days=100)
        )
        Attestations(opened, frozenset()).record(SITE, given, act)
        store = Assessments(opened, own=(), shared={})
        action = Action(Need.ATTEST, "Q06-secured-cabling")
        worded = WordedAssessment(Assessment(6, 1, (action,)), {"fr": "Oui", "en": "Yes"}, [WORDS])
        store.save(store.key_of(SITE), (), (worded,), now=NOW)
        yield opened


def reports(database: Database) -> MakeReports:
    return reports_of(ServerSettings(), database, catalogue(), guide())


@pytest.fixture
def client(database: Database) -> TestClient:
    app = FastAPI()
    problems.install(app)
    access = Access(KnowCallers(Tokens(database)), lambda: NOW)
    for routes in reports_routes(reports(database), lambda: NOW):
        app.include_router(routes(access))
    return TestClient(app, raise_server_exceptions=False)


def test_waivers_of_devices_that_are_retired_are_not_reported(
    database: Database, client: TestClient
) -> None:
    headers, at = Callers(database, NOW)(Role.AUDITOR), {"format": "html"}
    with database.reading() as connection:
        found = connection.execute(sql("SELECT id FROM device WHERE hostname = 'INFIRMERIE-é'"))
        device = str(found.scalar_one())
    given = NewWaiver(
        RULE, (device,), "pare-feu du réseau", "A. Martin", "B. Petit", NOW + timedelta(days=30)
    )
    Waivers(database).grant(SITE, given, row_keys(catalogue(), RULE), Act("test", NOW))
    before = client.get(URL, params=at, headers=headers).text

    Administration(database).retire(device, now=NOW, actor="test")

    assert "pare-feu du réseau" in before
    assert "pare-feu du réseau" not in client.get(URL, params=at, headers=headers).text


def test_the_page_of_a_site_shows_what_the_store_holds(
    database: Database, client: TestClient
) -> None:
    headers = Callers(database, NOW)(Role.AUDITOR)

    answer = client.get(URL, params={"format": "html"}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-language"] == "fr"
    for text in (
        "Auvergne-Rhône-Alpes",
        "Niveau tenu depuis le 01/03/2026.",
        "Attester «\u00a0Câblage protégé\u00a0»",
        "INFIRMERIE-é",
        "09/06/2026",
        "2 sur 3 déclarés",
    ):
        assert text in answer.text


def test_a_pdf_is_what_is_answered_where_nothing_is_said(
    database: Database, client: TestClient
) -> None:
    headers = Callers(database, NOW)(Role.AUDITOR)

    answer = client.get(URL, params={"language": "en"}, headers=headers)

    assert answer.headers["content-type"] == "application/pdf"
    reader = PdfReader(BytesIO(answer.content))
    assert str(reader.root_object["/Lang"]) == "en"
    assert "INFIRMERIE-é" in "".join(page.extract_text() for page in reader.pages)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/html;q=0.5, application/pdf", "application/pdf"),
        ("text/*", "text/html; charset=utf-8"),
        ("application/json", "application/problem+json"),
    ],
)
def test_accept_says_which_form_is_wanted(
    database: Database, client: TestClient, accept: str, kind: str
) -> None:
    headers = {"Accept": accept, **Callers(database, NOW)(Role.AUDITOR)}

    answer = client.get(URL, headers=headers)

    assert answer.headers["content-type"] == kind
    assert answer.status_code == (406 if "problem" in kind else 200)


def test_a_contractor_reads_the_report_of_its_sites_alone(
    database: Database, client: TestClient
) -> None:
    callers, html = Callers(database, NOW), {"format": "html"}
    own, other = callers(Role.CONTRACTOR, SITE), callers(Role.CONTRACTOR, "Les Lilas")

    assert client.get(URL, params=html, headers=own).status_code == 200
    for path in (URL, "/api/v1/bodies/Les Fleurs/report", "/api/v1/regions/84/report"):
        assert client.get(path, params=html, headers=other).status_code == 404


def test_a_body_and_a_region_are_told_numbers_alone(database: Database, client: TestClient) -> None:
    headers, html = Callers(database, NOW)(Role.AUDITOR), {"format": "html"}

    body = client.get("/api/v1/bodies/Les Fleurs/report", params=html, headers=headers)
    region = client.get("/api/v1/regions/84/report", params=html, headers=headers)

    assert body.status_code == region.status_code == 200
    assert "Les Fleurs" in body.text
    assert "Auvergne-Rhône-Alpes" in region.text
    for answer in (body, region):
        assert not [
            name for name in (SITE, "ACCUEIL", "INFIRMERIE", "C. Direction") if name in answer.text
        ]


def commanded(database: Database, monkeypatch: pytest.MonkeyPatch, *args: str) -> tuple[int, str]:
    folder = Path(database.url.removeprefix("sqlite:///")).parent
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(folder))
    found = CliRunner().invoke(main, ["report", *args])
    return found.exit_code, found.output


def test_the_command_line_writes_reports(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page, roll_up = tmp_path / "rapport.html", tmp_path / "region.html"

    written = commanded(
        database,
        monkeypatch,
        "site",
        SITE,
        "--format",
        "html",
        "--author",
        "C. Direction",
        "--out",
        str(page),
    )
    region = commanded(
        database,
        monkeypatch,
        "region",
        "auvergne rhone alpes",
        "--format",
        "html",
        "--language",
        "en",
        "--out",
        str(roll_up),
    )
    unknown = commanded(database, monkeypatch, "site", "Ailleurs", "--out", str(tmp_path / "x"))
    nowhere = commanded(
        database,
        monkeypatch,
        "body",
        "Les Fleurs",
        "--format",
        "html",
        "--out",
        str(tmp_path / "none" / "x"),
    )

    assert written[0] == region[0] == 0
    assert "C. Direction" in page.read_text(encoding="utf-8")
    assert "Auvergne-Rhône-Alpes" in roll_up.read_text(encoding="utf-8")
    assert unknown == (1, "vigie-server: no site Ailleurs\n")
    assert nowhere[0] == 1
    assert "cannot be written" in nowhere[1]


@dataclass
class Counting:
    """Reports that are made by the real ones, and counted; the first ones may fail."""

    real: MakeReports
    fail: int = 0
    made: list[Wanted] = field(default_factory=list)

    def of_site(self, site: str, wanted: Wanted) -> bytes:
        if self.fail:
            self.fail -= 1
            raise ReportsBusy("busy")
        self.made.append(wanted)
        return self.real.of_site(site, wanted)

    def of_body(self, body: str, within: Sites, wanted: Wanted) -> bytes:
        return self.real.of_body(body, within, wanted)

    def of_region(self, region: str, within: Sites, wanted: Wanted) -> bytes:
        return self.real.of_region(region, within, wanted)


async def filed(
    database: Database, folder: Path, counting: Counting, now: Callable[[], datetime]
) -> int:
    """One look of the scheduled work."""
    workers = Workers()
    settings = ServerSettings(
        reports=ReportsSettings(folder=folder, formats="html", languages="fr,en", keep_months=2)
    )
    work: FileReports = filed_monthly(settings, counting, Organisation(database), workers, now)
    try:
        return await work.once(asyncio.Event())
    finally:
        workers.close()


async def test_each_month_is_filed_once_and_old_months_go(
    database: Database, tmp_path: Path
) -> None:
    counting, folder = Counting(reports(database)), tmp_path / "filed"
    march, april, may = (datetime(2026, month, 2, tzinfo=UTC) for month in (3, 4, 5))

    found = [
        await filed(database, folder, counting, lambda now=now: now)  # type: ignore[misc]
        for now in (march, march, april, may)
    ]

    assert found == [2, 0, 2, 2]
    assert sorted(path.name for path in folder.iterdir()) == ["2026-03", "2026-04"]
    files = sorted((folder / "2026-03").iterdir())
    assert [path.name.rpartition("-")[2] for path in files] == ["en.html", "fr.html"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert counting.made[0].period.since == datetime(2026, 2, 1, tzinfo=UTC)
    assert "du 01/03/2026 au 31/03/2026" in files[1].read_text(encoding="utf-8")


async def test_bodies_and_regions_of_several_sites_are_filed_too(
    database: Database, tmp_path: Path
) -> None:
    for name, body in (("Les Lilas", "Les Fleurs"), ("Les Roses", "")):
        a_token(database, secret_hash=name[::-1].encode().ljust(32), site=name)
        Organisation(database).put(Site(name, body=body), Act("test", NOW))

    assert await filed(database, tmp_path, Counting(reports(database)), lambda: NOW) == 8

    months = tmp_path / "2026-02"
    assert len(list((months / "bodies").glob("les-fleurs-*.html"))) == 2
    assert not (months / "regions").exists()


async def test_a_report_that_fails_leaves_the_others_and_is_filed_at_the_next_look(
    database: Database, tmp_path: Path
) -> None:
    counting = Counting(reports(database), fail=1)

    first = await filed(database, tmp_path / "filed", counting, lambda: NOW)
    second = await filed(database, tmp_path / "filed", counting, lambda: NOW)

    assert (first, second) == (1, 1)


def test_names_alike_have_files_of_their_own_and_no_name_leaves_the_folder(tmp_path: Path) -> None:
    shelf = ReportFolder(tmp_path / "filed")
    names = ("Les Tilleuls", "les tilleuls", "..", "\\..\\x", "中文", "A" * 200)

    for name in names:
        shelf.put("2026-02", Filed(Kind.SITE, name, Format.PDF, "fr"), name.encode())

    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == len(names)
    assert {path.parent for path in files} == {tmp_path / "filed" / "2026-02"}
    assert all(shelf.holds("2026-02", Filed(Kind.SITE, name, Format.PDF, "fr")) for name in names)
    assert not shelf.holds("2026-02", Filed(Kind.BODY, names[0], Format.PDF, "fr"))


def test_only_months_are_taken_away(tmp_path: Path) -> None:
    for name in ("2025-12", "2026-01", "notes", "2026-1"):
        (tmp_path / name).mkdir()

    assert ReportFolder(tmp_path).clear_before("2026-01") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-01", "2026-1", "notes"]


async def test_a_running_server_answers_with_reports_and_files_them(tmp_path: Path) -> None:
    folder = tmp_path / "filed"
    async with running_server(
        tmp_path / "data",
        catalogue=small_catalogue(),
        http=HttpSettings(plain=True),
        reports=ReportsSettings(
            monthly=True, folder=folder, formats="html", look_every=timedelta(milliseconds=20)
        ),
    ) as running:
        running.token(site=SITE)
        url = f"http://127.0.0.1:{running.addresses.http}"
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        async with plain_client(url, headers=headers) as client:
            pdf = await client.get(URL)
            missing = await client.get("/api/v1/sites/Ailleurs/report")
        while not list(folder.rglob("*.html")):  # noqa: ASYNC110 (a file, not an event)
            await asyncio.sleep(0.01)
        (filed,) = folder.rglob("*.html")

    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert missing.status_code == 404
    assert "Les Tilleuls" in filed.read_text(encoding="utf-8")
