"""The console's forms over a grown store: what they do, what they refuse, and for whom."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from fakes.callers import Callers
from fakes.console import console_over
from fakes.grown import grown_store
from vigie.v1 import enrolment_token
from vigie_server.clock import utc_now
from vigie_server.console import tokens as token_pages
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens

SITE, OTHER = "IME Les Lilas 00001", "MAS Le Val 00002"
OF_SITE: Final = f"/console/sites/{quote(SITE)}"
ITEM: Final = "Q02-restore-test"
WAIVER: Final = {"reason": "remplacé en mars", "author": "A. Martin", "approver": "C. Durand"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with grown_store("sqlite", tmp_path_factory.mktemp("forms")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(database: Database) -> TestClient:
    return TestClient(console_over(database), follow_redirects=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, utc_now())


@pytest.fixture(scope="module")
def failing(database: Database) -> Iterator[tuple[str, str]]:
    """Devices of the site that are active and have no waiver, each with a rule that it fails."""
    with database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT d.id, min(v.rule) FROM device d JOIN verdict v ON v.device_key = d.key "
                "JOIN site s ON s.key = d.site_key WHERE s.name = :site AND d.state = 'active' "
                "AND v.status = 'fail' AND NOT EXISTS (SELECT 1 FROM waived_device w "
                "WHERE w.device_key = d.key) GROUP BY d.id"
            ),
            {"site": SITE},
        ).all()
    return iter([(row[0], row[1]) for row in rows])


def state_of(database: Database, device: str) -> str:
    with database.reading() as connection:
        return str(
            connection.execute(
                text("SELECT state FROM device WHERE id = :id"), {"id": device}
            ).scalar_one()
        )


def acts_on(database: Database, subject: str) -> list[tuple[str, str]]:
    page = Acts(database).acts(ActsWanted(subject=subject), after=None, limit=10)
    return [(act.actor.partition(":")[0], act.action) for act in page.items]


def test_a_device_is_lost_found_and_retired_and_the_audit_names_who(
    client: TestClient, as_: Callers, database: Database, failing: Iterator[tuple[str, str]]
) -> None:
    device, _ = next(failing)
    headers, page = as_(Role.OPERATOR, SITE), f"/console/devices/{device}"

    for act, state in (("lost", "lost"), ("found", "active"), ("retire", "retired")):
        answer = client.post(f"{page}/{act}", data={}, headers=headers)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == f"{page}?done={act}"
        assert state_of(database, device) == state
    assert acts_on(database, device)[:3] == [
        ("api", "retired"),
        ("api", "declared active"),
        ("api", "declared lost"),
    ]
    assert client.post(f"{page}/found", data={}, headers=headers).status_code == 409
    assert 'method="post"' not in client.get(page, headers=headers).text
    assert client.post(f"{page}/explode", data={}, headers=headers).status_code == 404


def test_a_revoked_device_is_marked_in_the_list_and_on_its_page(
    client: TestClient, as_: Callers, database: Database, failing: Iterator[tuple[str, str]]
) -> None:
    device, _ = next(failing)
    headers, page = as_(Role.OPERATOR, SITE), f"/console/devices/{device}"
    mark = '<span class="tag bad">révoqué</span>'

    def seen() -> tuple[str, str]:
        """Its page, and the list of its site."""
        pages = page, f"/console/devices?site={quote(SITE)}"
        one, every = [client.get(path, headers=headers).text for path in pages]
        return one, every

    before = seen()
    assert client.post(f"{page}/revoke", data={}, headers=headers).status_code == 303
    one, every = seen()

    assert state_of(database, device) == "active"
    assert [text.count(mark) for text in before] == [0, 0]
    assert f"actif {mark}" in one
    assert "Les derniers verdicts comptent encore" in one
    assert f"{page}/revoke" not in one
    (row,) = [row for row in every.split("<tr>") if f'href="{page}"' in row]
    assert f">actif {mark}</td>" in row
    assert every.count(mark) == 1
    kept = [
        client.get(f"/console/devices?revoked={flag}", headers=headers).text
        for flag in ("yes", "no")
    ]
    assert [text.count(mark) for text in kept] == [1, 0]
    assert [f'href="{page}"' in text for text in kept] == [True, False]
    english = client.get(page, headers=headers | {"Accept-Language": "en"}).text
    assert 'active <span class="tag bad">revoked</span>' in english


def test_a_waiver_is_granted_seen_on_the_device_and_ended(
    client: TestClient, as_: Callers, failing: Iterator[tuple[str, str]]
) -> None:
    device, rule = next(failing)
    headers, page = as_(Role.OPERATOR), f"/console/devices/{device}"

    answer = client.post(f"{page}/waivers", data={**WAIVER, "rule": rule}, headers=headers)

    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{page}?done=waived#{rule}"
    listed = client.get(f"{OF_SITE}/waivers", headers=headers).text
    assert "remplacé en mars" in listed
    end = re.search(r"action=\"([^\"]*/waivers/\w+/end)\"", listed.partition("remplacé")[2])
    assert end is not None
    assert client.post(end[1], data={}, headers=headers).status_code == 303
    after = client.get(f"{OF_SITE}/waivers", headers=headers).text
    assert end[1] not in after


def test_a_waiver_of_a_device_that_is_retired_is_over(
    client: TestClient, as_: Callers, failing: Iterator[tuple[str, str]]
) -> None:
    device, rule = next(failing)
    headers, page = as_(Role.OPERATOR), f"/console/devices/{device}"
    client.post(f"{page}/waivers", data={**WAIVER, "rule": rule}, headers=headers)
    assert client.post(f"{page}/retire", data={}, headers=headers).status_code == 303

    listed = client.get(f"{OF_SITE}/waivers", headers=headers).text

    (row,) = [row for row in listed.split("<tr>") if f"{page}#" in row]
    assert "terminée" in row
    assert "retiré du parc" in row
    assert "/end" not in row


@pytest.mark.parametrize(
    ("wrong", "told", "field"),
    [
        ({"approver": " a.  martin "}, "Une autre personne", "approver"),
        ({"reason": ""}, "«\u00a0Motif\u00a0» est à renseigner", "reason"),
        ({"expires": "demain"}, "une date, par exemple", "expires"),
        ({"expires": "2001-01-01"}, "un jour à venir, au plus tard le", "expires"),
        ({"rule": "Q05-nothing"}, "n'est pas une règle d'équipement", None),
    ],
)
def test_a_waiver_that_is_refused_says_why_and_keeps_what_was_typed(
    client: TestClient,
    as_: Callers,
    failing: Iterator[tuple[str, str]],
    wrong: dict[str, str],
    told: str,
    field: str | None,
) -> None:
    device, rule = next(failing)
    sent = {**WAIVER, "rule": rule, "reason": "un <motif>", **wrong}

    answer = client.post(
        f"/console/devices/{device}/waivers", data=sent, headers=as_(Role.OPERATOR)
    )

    assert answer.status_code == 422
    assert told in unescape(answer.text)
    assert 'role="alert"' in answer.text
    if field is not None:
        assert f'id="{rule}-{field}-fault"' in answer.text
        assert f'href="#{rule}-{field}"' in answer.text
    if "reason" not in wrong and "rule" not in wrong:
        assert "un &lt;motif&gt;</textarea>" in answer.text


def test_an_attestation_is_recorded_shown_and_withdrawn(client: TestClient, as_: Callers) -> None:
    headers, page = as_(Role.OPERATOR, SITE), f"{OF_SITE}/attestations"
    sent = {"item": ITEM, "outcome": "held", "author": "C. <Direction>", "document": "PV-12"}

    answer = client.post(page, data=sent, headers=headers)

    assert answer.status_code == 303, answer.text
    shown = client.get(page, headers=headers).text
    assert "C. &lt;Direction&gt;" in shown
    assert "PV-12" in shown
    taken = client.post(f"{page}/withdraw", data={"item": ITEM}, headers=headers)
    assert taken.status_code == 303
    assert "PV-12" not in client.get(page, headers=headers).text


def test_not_applicable_wants_a_reason_and_the_form_comes_back(
    client: TestClient, as_: Callers
) -> None:
    sent = {"item": ITEM, "outcome": "not_applicable", "author": "C. Direction"}

    answer = client.post(f"{OF_SITE}/attestations", data=sent, headers=as_(Role.OPERATOR))

    assert answer.status_code == 422
    assert "demande un motif" in answer.text
    assert f'value="{ITEM}" selected' in answer.text
    assert 'value="not_applicable" required checked' in answer.text


def test_an_incident_is_noted_once(client: TestClient, as_: Callers) -> None:
    headers, page = as_(Role.OPERATOR), f"{OF_SITE}/incidents"
    sent = {"happened": "2026-01-02T03:04", "person": "Accueil", "text": "Poste <chiffré>"}

    answers = [client.post(page, data=sent, headers=headers) for _ in range(2)]

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    shown = client.get(page, headers=headers).text
    assert shown.count("Poste &lt;chiffré&gt;") == 1
    assert client.post(page, data={"person": "x"}, headers=headers).status_code == 422


def test_an_enrolment_token_is_one_command_shown_once(client: TestClient, as_: Callers) -> None:
    headers = as_(Role.OPERATOR, SITE)
    sent = {"site": SITE, "uses": "3", "days": "7", "profile": "critical"}

    answer = client.post("/console/enrolment", data=sent, headers=headers)

    command = re.search(r"vigie-agent enroll (vigie1\.\S+)</code>", answer.text)
    assert command is not None
    assert enrolment_token.decode(command[1]).endpoints == ("localhost:8444",)
    again = client.get("/console/enrolment", headers=headers).text
    assert command[1] not in again
    revoke = re.search(r"action=\"(/console/enrolment/\w+/revoke)\"", again)
    assert revoke is not None
    assert client.post(revoke[1], data={}, headers=headers).status_code == 303
    assert revoke[1] not in client.get("/console/enrolment", headers=headers).text


def test_the_form_of_enrolment_proposes_the_sites_that_one_sees(
    client: TestClient, as_: Callers
) -> None:
    pages = [
        client.get("/console/enrolment", headers=as_(Role.OPERATOR, *sites)).text
        for sites in ((), (SITE,))
    ]

    proposed = [re.findall(r'<option value="([^"]+)"></option>', page) for page in pages]
    assert {SITE, OTHER} <= set(proposed[0])
    assert proposed[1] == [SITE]


def test_nobody_makes_tokens_beyond_its_scope(client: TestClient, as_: Callers) -> None:
    operator, admin = as_(Role.OPERATOR, SITE), as_(Role.ADMIN, SITE)
    enrol = {"site": OTHER, "uses": "1", "days": "7"}
    api = {"name": "x", "role": "auditor", "days": "7"}

    assert client.post("/console/enrolment", data=enrol, headers=operator).status_code == 422
    assert client.post("/console/tokens", data=api, headers=operator).status_code == 403
    for sites in ("", f"{SITE}\n{OTHER}"):
        answer = client.post("/console/tokens", data={**api, "sites": sites}, headers=admin)
        assert answer.status_code == 422
        assert "périmètre" in answer.text


@pytest.mark.parametrize("scope", [(), (SITE,)])
def test_tokens_are_walked_from_the_newest_and_each_is_shown_once(
    client: TestClient,
    as_: Callers,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    scope: tuple[str, ...],
) -> None:
    monkeypatch.setattr(token_pages, "PAGE", 3)
    everywhere, admin = as_(Role.ADMIN), as_(Role.ADMIN, *scope)
    for site in (SITE, OTHER, OTHER, OTHER, OTHER, SITE, SITE, OTHER, SITE):
        sent = {"name": "x", "role": "auditor", "sites": site, "days": "7"}
        assert client.post("/console/tokens", data=sent, headers=everywhere).status_code == 200
    held = Tokens(database).api_tokens()
    seen = [token.id for token in held if not scope or (token.sites or {OTHER}) <= {*scope}]

    shown: list[str] = []
    following: str | None = "/console/tokens"
    while following is not None:
        page = client.get(following, headers=admin).text
        shown += re.findall(r"<code>([0-9a-f]{8})</code></th>", page)
        link = re.search(r'<a href="([^"]+)" rel="next">', page)
        following = None if link is None else unescape(link[1])

    assert shown == seen
    assert len(seen) > 3


def test_a_contractors_token_reads_its_site_until_it_is_revoked(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)
    sent = {"name": "Prestataire", "role": "contractor", "sites": SITE, "days": "30"}

    made = client.post("/console/tokens", data=sent, headers=headers)

    secret = re.search(r"vigie-api1\.[\w-]+", made.text)
    assert secret is not None
    caller = KnowCallers(Tokens(database)).caller(secret[0], now=utc_now())
    assert (caller.role, caller.sites) == (Role.CONTRACTOR, frozenset({SITE}))
    assert secret[0] not in client.get("/console/tokens", headers=headers).text
    revoked = client.post(f"/console/tokens/{caller.token_id}/revoke", data={}, headers=headers)
    assert revoked.status_code == 303
    theirs = {"Authorization": f"Bearer {secret[0]}"}
    assert client.get("/console", headers=theirs).status_code == 401


DECLARED: Final = f"{OF_SITE}/declared"
DECLARATION: Final = {
    "body": "Association Les Fleurs",
    "region": "84",
    "finess": "",
    "networks": "192.168.1.0/24\n",
    "gateways": "00-1A-2B-3C-4D-5E",
    "devices": "15",
    "contacts": "Direction ; direction@example.org ; 01 23 45 67 89 ; alerte",
}


def test_a_site_is_declared_by_a_form_that_shows_what_stands(
    client: TestClient, as_: Callers
) -> None:
    operator = as_(Role.OPERATOR, SITE)

    saved = client.post(DECLARED, data=DECLARATION, headers=operator)
    shown = client.get(DECLARED, headers=operator).text
    held = client.get(f"/console/sites/{quote(SITE)}", headers=operator).text

    assert saved.headers["location"].startswith(f"{OF_SITE}?done=declared")
    assert 'value="Association Les Fleurs"' in shown
    assert "00:1a:2b:3c:4d:5e</textarea>" in shown
    assert "Direction ; direction@example.org ; 01 23 45 67 89 ; alerte</textarea>" in shown
    assert "sur 15 déclarés" in held
    for role, sites in ((Role.AUDITOR, ()), (Role.CONTRACTOR, (SITE,))):
        assert client.get(DECLARED, headers=as_(role, *sites)).status_code == 403
    assert client.get(DECLARED, headers=as_(Role.OPERATOR, OTHER)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"devices": "many"}, "devices", "nombre entier"),
        ({"finess": "123"}, "finess", "a neuf chiffres"),
        ({"networks": "192.168.1.7/24"}, "networks", "192.168.1.0/24"),
        ({"gateways": "01:00:5e:00:00:01"}, "gateways", "adresse de groupe"),
        ({"contacts": "Direction"}, "contacts", "adresse électronique ou un téléphone"),
        ({"contacts": "L'été ; x"}, "contacts", "n'est pas une adresse électronique"),
        ({"body": "a/b"}, "body", "caractères imprimables"),
        ({"region": "999"}, "region", "n'est pas une région de France"),
    ],
)
def test_a_declaration_that_is_refused_says_where_in_french_and_keeps_what_was_typed(
    client: TestClient, as_: Callers, wrong: dict[str, str], field: str, told: str
) -> None:
    answer = client.post(DECLARED, data=DECLARATION | wrong, headers=as_(Role.OPERATOR, SITE))

    text = unescape(answer.text)
    assert answer.status_code == 422
    fault = re.search(rf'id="{field}-fault" lang="fr">(.*?)</span>', text)
    assert fault is not None
    assert told in fault[1]
    if field != "region":
        assert wrong[field] in text


def test_a_declaration_over_a_newer_one_is_refused(client: TestClient, as_: Callers) -> None:
    operator = as_(Role.OPERATOR, SITE)
    client.post(DECLARED, data=DECLARATION, headers=operator)
    found = re.search(r'name="was" value="(\w+)"', client.get(DECLARED, headers=operator).text)
    assert found is not None
    client.post(DECLARED, data=DECLARATION | {"devices": "16"}, headers=operator)

    late = client.post(DECLARED, data=DECLARATION | {"was": found[1]}, headers=operator)

    assert late.status_code == 422
    assert "entre-temps" in late.text


def test_a_site_tells_an_address_which_is_tried_and_removed(
    client: TestClient, as_: Callers
) -> None:
    operator, page = as_(Role.OPERATOR, SITE), f"{OF_SITE}/told"
    sent = {"address": "direction@example.org", "language": "fr", "digest": "yes"}

    added = client.post(page, data=sent, headers=operator)
    shown = client.get(page, headers=operator).text
    (one,) = set(re.findall(r'/told/(\w+)/remove"', shown))
    beyond = client.post(f"{page}/{one}/remove", data={}, headers=as_(Role.OPERATOR, OTHER))
    other = f"/console/sites/{quote(OTHER)}/told/{one}/remove"
    elsewhere = client.post(other, data={}, headers=as_(Role.OPERATOR))
    tried = client.post(f"{page}/{one}/test", data={}, headers=operator)
    removed = client.post(f"{page}/{one}/remove", data={}, headers=operator)

    assert added.headers["location"].startswith(f"{page}?done=told")
    assert "direction@example.org" in shown
    assert "Aucun serveur d" in shown
    assert [beyond.status_code, elsewhere.status_code] == [404, 404]
    assert [tried.status_code, removed.status_code] == [303, 303]
    assert "direction@example.org" not in client.get(page, headers=operator).text
    assert client.get(page, headers=as_(Role.AUDITOR)).text.count("<form") == 0
    assert client.get(page, headers=as_(Role.CONTRACTOR, SITE)).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"address": ""}, "Adresse électronique"),
        ({"address": "direction"}, "n'est pas une adresse électronique"),
        ({"digest": ""}, "choisissez les constats critiques"),
        ({"language": "de"}, "Langue"),
    ],
)
def test_an_address_that_is_refused_is_told_why_in_french(
    client: TestClient, as_: Callers, wrong: dict[str, str], told: str
) -> None:
    sent = {"address": "direction@example.org", "language": "fr", "digest": "yes"} | wrong

    answer = client.post(f"{OF_SITE}/told", data=sent, headers=as_(Role.OPERATOR, SITE))

    assert answer.status_code == 422
    assert told in unescape(re.sub(r"<[^>]+>", "", answer.text.partition('role="alert"')[2]))


def test_an_inventory_is_reviewed_from_the_sites_page(client: TestClient, as_: Callers) -> None:
    operator, path = as_(Role.OPERATOR, SITE), f"{OF_SITE}/inventories"

    done = client.post(f"{path}/data", data={"complement": "registre"}, headers=operator)
    shown = client.get(OF_SITE, headers=operator).text
    refused = [
        client.post(f"{path}/{name}", data={}, headers=headers).status_code
        for name, headers in (
            ("data", as_(Role.AUDITOR)),
            ("data", as_(Role.OPERATOR, OTHER)),
            ("nothing", operator),
        )
    ]

    assert done.headers["location"].startswith(f"{OF_SITE}?done=reviewed")
    assert f"{utc_now():%d/%m/%Y}" in shown
    assert refused == [403, 404, 422]


def test_a_token_is_renewed_and_its_secret_shown_once(
    client: TestClient, as_: Callers, database: Database
) -> None:
    headers = as_(Role.ADMIN)
    sent = {"name": "<P.>", "role": "contractor", "sites": SITE, "days": "30"}
    made = client.post("/console/tokens", data=sent | {"personal_data": "yes"}, headers=headers)
    callers, secret = KnowCallers(Tokens(database)), re.compile(r"vigie-api1\.[\w-]+")
    before = secret.findall(made.text)[0]
    token = callers.caller(before, now=utc_now())
    path = f"/console/tokens/{token.token_id}/rotate"

    beyond = client.post(path, data={}, headers=as_(Role.ADMIN, OTHER))
    rotated = client.post(path, data={}, headers=headers)
    after = secret.findall(rotated.text)[0]
    listed = client.get("/console/tokens", headers=headers).text

    assert token.personal_data
    assert [beyond.status_code, rotated.status_code] == [404, 200]
    assert "&lt;P.&gt;" in rotated.text
    assert after not in listed
    assert before != after
    for held in (before, after):
        assert callers.caller(held, now=utc_now()) == token
    assert "ancien secret valable jusqu" in listed
    assert "voit les noms des personnes" in listed


def test_a_contractors_token_names_its_sites(client: TestClient, as_: Callers) -> None:
    sent = {"name": "Prestataire", "role": "contractor", "sites": " \n ", "days": "30"}

    answer = client.post("/console/tokens", data=sent, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert "nommez-les" in answer.text


def test_a_contractors_token_lasts_a_year_at_most(client: TestClient, as_: Callers) -> None:
    sent = {"name": "Prestataire", "role": "contractor", "sites": SITE, "days": "400"}

    answer = client.post("/console/tokens", data=sent, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "vigie-api1." not in answer.text


ATTESTED: Final = {"item": ITEM, "outcome": "held", "author": "<C. Direction>"}
NUMBERED: Final = {"item": "Q02-backup-frequency", "outcome": "held", "author": "<C. Direction>"}
NOTED: Final = {"text": "t", "person": "<P.>"}
API: Final = {"name": "<n>", "role": "contractor", "sites": SITE, "days": "30"}


@pytest.mark.parametrize(
    ("page", "sent", "field"),
    [
        ("attestations", ATTESTED | {"item": ""}, "item"),
        ("attestations", ATTESTED | {"outcome": "maybe"}, "outcome"),
        ("attestations", ATTESTED | {"item": "Q06-firewall-enabled"}, "outcome"),
        ("attestations", ATTESTED | {"outcome": "not_applicable"}, "reason"),
        ("attestations", ATTESTED | {"value": "3"}, "value"),
        ("attestations", NUMBERED | {"value": ""}, "value"),
        ("attestations", NUMBERED | {"value": "0"}, "value"),
        ("attestations", ATTESTED | {"expires": "2020-01-01"}, "expires"),
        ("attestations", ATTESTED | {"expires": "2101-01-01"}, "expires"),
        ("incidents", NOTED | {"text": ""}, "text"),
        ("incidents", NOTED | {"happened": "hier"}, "happened"),
        ("incidents", NOTED | {"happened": "2101-01-01T10:00"}, "happened"),
        ("/console/enrolment", {"site": "", "uses": "5", "days": "7"}, "site"),
        ("/console/enrolment", {"site": SITE, "uses": "0", "days": "7"}, "uses"),
        ("/console/enrolment", {"site": SITE, "uses": "5", "days": "7", "profile": "x"}, "profile"),
        ("/console/tokens", API | {"days": "400"}, "days"),
        ("/console/tokens", API | {"sites": ""}, "sites"),
        ("/console/tokens", API | {"role": "x"}, "role"),
    ],
)
def test_what_is_wrong_is_said_in_french_beside_its_field_and_the_rest_is_kept(
    client: TestClient, as_: Callers, page: str, sent: dict[str, str], field: str
) -> None:
    address = page if page.startswith("/") else f"{OF_SITE}/{page}"

    answer = client.post(address, data=sent, headers=as_(Role.ADMIN))

    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}-fault" lang="fr"' in answer.text
    wrong = re.findall(r"<(?:input|select|textarea|fieldset)[^>]*aria-invalid[^>]*>", answer.text)
    assert len(wrong) == 1
    assert f'id="{field}"' in wrong[0]
    assert f'aria-describedby="{field}-fault' in wrong[0]
    assert "autofocus" in wrong[0]
    for kept in sent.values():
        if kept.startswith("<"):
            assert kept.replace("<", "&lt;").replace(">", "&gt;") in answer.text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CONTRACTOR, Role.SCRAPE, None])
def test_who_may_only_read_changes_nothing_by_any_form(
    client: TestClient,
    as_: Callers,
    database: Database,
    failing: Iterator[tuple[str, str]],
    role: Role | None,
) -> None:
    device, rule = next(failing)
    headers = {} if role is None else as_(role, SITE)
    before = acts_on(database, device)
    forms = {
        f"/console/devices/{device}/lost": {},
        f"/console/devices/{device}/retire": {},
        f"/console/devices/{device}/waivers": {**WAIVER, "rule": rule},
        f"{OF_SITE}/attestations": {"item": ITEM, "outcome": "held", "author": "x"},
        f"{OF_SITE}/attestations/withdraw": {"item": ITEM},
        f"{OF_SITE}/incidents": {"person": "x", "text": "x"},
        f"{OF_SITE}/waivers/w1/end": {},
        "/console/enrolment": {"site": SITE, "uses": "1", "days": "1"},
        "/console/enrolment/t/revoke": {},
        "/console/tokens": {"name": "x", "role": "admin", "days": "1"},
        "/console/tokens/t/revoke": {},
    }

    answers = {
        path: client.post(path, data=sent, headers=headers).status_code
        for path, sent in forms.items()
    }

    assert set(answers.values()) == {303 if role is None else 403}  # 303: to sign in
    assert state_of(database, device) == "active"
    assert acts_on(database, device) == before


def test_a_form_of_another_site_is_not_found(
    client: TestClient, as_: Callers, failing: Iterator[tuple[str, str]]
) -> None:
    device, rule = next(failing)
    headers = as_(Role.ADMIN, OTHER)
    forms = {
        f"/console/devices/{device}/lost": {},
        f"/console/devices/{device}/waivers": {**WAIVER, "rule": rule},
        f"{OF_SITE}/attestations": {"item": ITEM, "outcome": "held", "author": "x"},
        f"{OF_SITE}/attestations/withdraw": {"item": ITEM},
        f"{OF_SITE}/incidents": {"person": "x", "text": "x"},
        f"{OF_SITE}/waivers/w1/end": {},
        "/console/enrolment/t/revoke": {},
        "/console/tokens/t/revoke": {},
    }

    answers = {
        path: client.post(path, data=sent, headers=headers).status_code
        for path, sent in forms.items()
    }

    assert set(answers.values()) == {404}
