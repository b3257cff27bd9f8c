"""The console's pages over a grown store: who sees what, in which language, of which device."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import quote, unquote, urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from fakes.callers import Callers
from fakes.console import console_over
from fakes.grown import grown_store
from vigie_server.clock import utc_now
from vigie_server.domain.french import breaking
from vigie_server.ports.tokens import Role
from vigie_server.store.database import Database

SITE, OTHER = "IME Les Lilas 00001", "MAS Le Val 00002"
OF_SITE: Final = f"/console/sites/{quote(SITE)}"
HOSTILE: Final = "<script>alert(1)</script>\n\u202e=1+1\"'&{{7*7}}"
ALIKE: Final = {"reason": json.dumps({"fr": HOSTILE, "en": HOSTILE})}
ROWS: Final = json.dumps([{"path": HOSTILE, "<b>column": 1}])
RULE: Final = "Q09-disk-encrypted"
EVERYWHERE: Final = (
    "/console",
    "/console/devices",
    "/console/software",
    "/console/software/devices?platform=windows&product=VLC",
    "/console/groups",
    "/console/parameters",
    f"/console/parameters/of?scope=site&of={quote(SITE)}",
    "/console/rules",
    f"/console/rules/{RULE}",
    OF_SITE,
    f"{OF_SITE}/attestations",
    f"{OF_SITE}/waivers",
    f"{OF_SITE}/incidents",
    f"{OF_SITE}/mail",
)
OF_WHO_RUNS_IT: Final = (
    "/console/enrolment",
    "/console/questions",
    "/console/tokens",
    "/console/people",
    "/console/audit",
)
"""Pages that every reader has."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Device 1 is hostile in all that it can say."""
    with grown_store("sqlite", tmp_path_factory.mktemp("console")) as opened:
        with opened.writing() as connection:
            connection.execute(
                text(
                    "UPDATE device SET hostname = :it, os = :it, os_version = :it, chassis = :it,"
                    " agent_version = :it WHERE key = 1"
                ),
                {"it": HOSTILE},
            )
            connection.execute(
                text("UPDATE verdict SET reason = :reason, offending = :rows WHERE device_key = 1"),
                ALIKE | {"rows": ROWS},
            )
            connection.execute(
                text("INSERT INTO site_software VALUES (1, 'windows', 'VLC', false, :it, 1)"),
                {"it": HOSTILE},
            )
            connection.execute(text("UPDATE device SET platform = 'windows' WHERE key = 1"))
            connection.execute(
                text("INSERT INTO device_trait VALUES (1, 'software', 'VLC', :it)"),
                {"it": HOSTILE},
            )
            connection.execute(
                text("UPDATE transition SET reason = :reason WHERE device_key = 1"), ALIKE
            )
        yield opened


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return console_over(database)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, utc_now())


@pytest.fixture(scope="module")
def devices(database: Database) -> dict[int, str]:
    """The ids of devices by key, each with the key of its site."""
    with database.reading() as connection:
        rows = connection.execute(text("SELECT key, id FROM device WHERE key <= 60"))
        return {row.key: row.id for row in rows}


def pages_of_every_kind(devices: dict[int, str]) -> list[str]:
    return [*EVERYWHERE, f"/console/devices/{devices[1]}"]


def all_pages(devices: dict[int, str]) -> list[str]:
    of_staff = [f"{OF_SITE}/told", f"{OF_SITE}/declared"]
    return [*pages_of_every_kind(devices), *OF_WHO_RUNS_IT, *of_staff]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_is_whole_in_both_languages(
    client: TestClient, as_: Callers, devices: dict[int, str], language: str
) -> None:
    headers = as_(Role.ADMIN)
    for path in all_pages(devices):
        answer = client.get(path, headers=headers | {"Accept-Language": language})

        assert answer.status_code == 200, (path, answer.text[:500])
        assert f'<html lang="{language}">' in answer.text
        assert answer.text.count("<h1>") == 1
        assert answer.text.count("<main ") == 1
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_no_french_line_begins_with_a_sign(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    """Every text of every page, wherever it comes from: words, rules, acts, levels."""
    headers = as_(Role.ADMIN) | {"Accept-Language": "fr"}
    for path in [*all_pages(devices), f"/console/devices/{devices[2]}", "/console/nowhere"]:
        page = client.get(path, headers=headers).text

        typed_elsewhere = re.sub(r"(?s)<textarea.*?</textarea>", "", page)
        texts = map(unescape, re.findall(r">([^<]+)<", typed_elsewhere))
        assert [(path, found) for text in texts for found in breaking(text)] == []


def test_a_language_that_is_chosen_is_remembered(client: TestClient, as_: Callers) -> None:
    headers = as_(Role.AUDITOR) | {"Accept-Language": "fr"}

    client.get("/console?lang=en", headers=headers)
    after = client.get("/console/devices", headers=headers)

    assert '<html lang="en">' in after.text


def test_a_hostile_device_stays_text_on_every_page(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    headers = as_(Role.ADMIN)
    seen = 0
    for path in all_pages(devices):
        page = client.get(path, headers=headers).text

        seen += page.count("&lt;script&gt;alert(1)")
        assert "<script>alert" not in page, path
        assert "<b>column" not in page, path
        assert "\u202e" not in page, path
        assert re.findall(r"<script(?! src=\"/console/static/)", page) == []
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", page), path
    assert seen > 10


def test_no_page_asks_anything_of_a_third_party(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    headers = as_(Role.ADMIN)
    for path in all_pages(devices):
        page = client.get(path, headers=headers).text
        outside = [
            address
            for address in re.findall(r"(?:src|href|action)=\"([^\"]*)\"", page)
            if not address.startswith(("/", "?", "#"))
        ]
        assert outside == [], path


def test_a_contractor_sees_its_sites_alone_and_no_form(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    headers = as_(Role.CONTRACTOR, SITE)

    for path in pages_of_every_kind(devices):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert OTHER not in answer.text
        assert 'method="post"' not in answer.text
    other = f"/console/sites/{quote(OTHER)}"
    for path in (
        other,
        f"{other}/attestations",
        f"{other}/waivers",
        f"{other}/incidents",
        f"/console/devices/{devices[20]}",
    ):
        assert client.get(path, headers=headers).status_code == 404
    listed = client.get(f"/console/devices?site={quote(OTHER)}", headers=headers).text
    assert "/console/devices/" not in listed.split('id="results"')[1]


@pytest.mark.parametrize(
    ("role", "opened"),
    [
        (Role.ADMIN, set(OF_WHO_RUNS_IT)),
        (Role.OPERATOR, {"/console/enrolment", "/console/questions"}),
        (Role.AUDITOR, {"/console/audit", "/console/questions"}),
        (Role.CONTRACTOR, set()),
    ],
)
def test_the_menu_leads_to_what_a_role_may_open_and_no_further(
    client: TestClient, as_: Callers, role: Role, opened: set[str]
) -> None:
    headers = as_(role)
    menu = client.get("/console", headers=headers).text

    for path in OF_WHO_RUNS_IT:
        answer = client.get(path, headers=headers)
        assert answer.status_code == (200 if path in opened else 403), path
        assert (f'href="{path}"' in menu) == (path in opened), path


def test_the_audit_is_not_for_who_sees_some_sites(client: TestClient, as_: Callers) -> None:
    headers = as_(Role.ADMIN, SITE)

    assert client.get("/console/audit", headers=headers).status_code == 403
    assert "/console/audit" not in client.get("/console", headers=headers).text


def test_what_is_not_seen_is_not_found_in_the_same_words(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    headers = as_(Role.CONTRACTOR, SITE)

    hidden = client.get(f"/console/devices/{devices[20]}", headers=headers)
    absent = client.get("/console/devices/nobody", headers=headers)

    assert hidden.text.replace(devices[20], "nobody") == absent.text
    assert "text/html" in hidden.headers["content-type"]
    assert "Introuvable" in hidden.text


def test_who_has_not_signed_in_is_sent_there_and_back(
    client: TestClient, devices: dict[int, str]
) -> None:
    for path in all_pages(devices):
        answer = client.get(path)
        assert answer.status_code == 303, path
        page, asks, query = path.partition("?")
        back = f"{unquote(page)}{asks}{query}"
        assert answer.headers["location"] == f"/sign-in?{urlencode({'next': back})}"
        assert SITE not in answer.text


def test_a_token_for_metrics_sees_no_page(
    client: TestClient, as_: Callers, devices: dict[int, str]
) -> None:
    headers = as_(Role.SCRAPE)
    for path in all_pages(devices):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 403, path
        assert SITE not in answer.text


def test_pages_of_devices_hold_each_device_once_whatever_the_order(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.ADMIN)
    for query in ("", "?sort=-failing", "?nomadic=no&platform=windows&status=fail"):
        found: list[str] = []
        following: str | None = f"/console/devices{query}"
        while following is not None:
            page = client.get(following, headers=headers).text
            table = page.split('id="results"')[1]
            found += re.findall(r"<th scope=\"row\"><a href=\"/console/devices/([^\"]+)\"", table)
            after = re.search(r"<a href=\"([^\"]+)\" rel=\"next\"", page)
            following = after[1].replace("&amp;", "&") if after else None
        assert len(found) == len(set(found)) > 20, query
        if not query:
            assert len(found) == 200


def test_filters_that_make_no_sense_are_passed_over_and_a_wrong_cursor_is_told(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.ADMIN)

    odd = client.get("/console/devices?status=odd&sort=odd&compliant=odd", headers=headers)
    wrong = client.get("/console/devices?cursor=nonsense", headers=headers)

    assert odd.status_code == 200
    assert wrong.status_code == 400
    assert "text/html" in wrong.headers["content-type"]


def test_an_empty_filter_shares_the_list_of_no_filter(client: TestClient, as_: Callers) -> None:
    headers = as_(Role.ADMIN)
    page = client.get("/console/devices?hostname=&site=&rule=", headers=headers).text

    following = re.search(r"<a href=\"([^\"]+)\" rel=\"next\"", page)

    assert following is not None
    assert "hostname=" not in following[1]


def test_sites_come_in_the_order_that_is_asked_for(client: TestClient, as_: Callers) -> None:
    headers = as_(Role.ADMIN)

    def totals(order: str) -> list[int]:
        page = client.get(f"/console?sort={order}", headers=headers).text
        total = r"<td class=\"number\" data-label=\"Total\">(\d+)</td>"
        return [int(found) for found in re.findall(total, page)]

    assert len(totals("level")) > 1
    assert totals("level") == sorted(totals("level"))
    assert totals("-level") == sorted(totals("level"), reverse=True)


def test_the_files_of_the_console_need_no_token_and_are_kept(
    client: TestClient, as_: Callers
) -> None:
    page = client.get("/console", headers=as_(Role.ADMIN)).text
    (sheet,) = re.findall(r"href=\"(/console/static/vigie.css\?v=\w+)\"", page)

    answer = client.get(sheet)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/console/static/../shell.py").status_code == 404
    assert client.get("/console/static/nothing.css").status_code == 404


def test_a_rule_shows_its_reference_data_and_which_ends_are_estimates(
    client: TestClient, as_: Callers
) -> None:
    headers = as_(Role.OPERATOR)
    page = client.get("/console/rules/Q03-os-supported", headers=headers).text
    shown = page.partition('id="references"')[2].partition("</section>")[0]

    assert "<code>os_support</code> au 25/11/2026" in shown
    assert "qui n'en a pas publié" in shown.replace("&#39;", "'")
    assert 'macOS 26 Tahoe <time datetime="2028-09-30">30/09/2028</time>' in shown
    assert "Debian" not in shown
    assert 'id="references"' not in client.get(f"/console/rules/{RULE}", headers=headers).text
