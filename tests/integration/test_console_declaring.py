"""The console's forms of groups, parameters, cards and mail domains: shown first, then done."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from fakes.callers import Callers
from fakes.console import console_over
from fakes.reported import report_length
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from vigie_server.domain.overrides import Scope
from vigie_server.ports.declaring import Act, Target
from vigie_server.ports.tokens import Role
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.fleet import DEVICE
from vigie_server.store.groups import Groups
from vigie_server.store.mail import MailDomains
from vigie_server.store.overrides import Overrides

OTHER: Final = "Les Lilas"
RULE, NAME = "Q05-min-length", "min_length"
EDIT: Final = "/console/groups/edit"
SET: Final = "/console/parameters/set"
LENGTH: Final = {
    "scope": "site",
    "of": SITE,
    "site": "",
    "rule": RULE,
    "name": NAME,
    "value": "12",
    "reason": "comptes partagés",
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Devices `a` and `b` at Les Tilleuls and `c` at Les Lilas."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a", serial="PF-1", hostname="ACC-1")
        a_device(opened, "b", serial="PF-2", hostname="CUISINE")
        a_device(opened, "c", serial="PF-3", hostname="ACC-3", secret_hash=b"o" * 32)
        yield opened


@pytest.fixture
def client(database: Database) -> TestClient:
    return TestClient(console_over(database, now=lambda: NOW), follow_redirects=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def hidden(page: str) -> dict[str, str]:
    """The fields that the first form of the page after `id="ahead"` would send."""
    form = page.partition('id="ahead"')[2].partition("</form>")[0]
    pairs = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    button = re.search(r'<button name="what" value="(\w+)"', form)
    assert button is not None
    return {name: unescape(value) for name, value in pairs} | {"what": button[1]}


def read(page: str) -> str:
    return unescape(page).replace("\u00a0", " ").replace("\u202f", " ")


def test_a_group_shows_what_it_picks_before_it_is_declared(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    form = {"name": "accueil", "site": SITE, "hostname": "acc-*", "platform_linux": "yes"}

    preview = client.post(EDIT, data={**form, "what": "preview"}, headers=operator)
    assert preview.status_code == 200
    assert "1\u00a0équipement choisi" in preview.text or "1 équipement choisi" in preview.text
    assert "ACC-1" in preview.text
    assert "ACC-3" not in preview.text
    assert Groups(database).groups(None) == []

    saved = client.post(EDIT, data={**form, "what": "save"}, headers=operator)
    assert saved.status_code == 303
    (group,) = Groups(database).groups(None)
    assert group.selector.criteria == {"platform": ("linux",), "hostname": ("acc-*",)}

    page = client.get(f"{EDIT}?name=accueil&site={quote(SITE)}", headers=operator).text
    assert "acc-*" in page
    stale = {**form, "what": "save", "hostname": "CUI*", "was": "{}"}
    for was in ({"was": ""}, {}):
        answer = client.post(EDIT, data=stale | was, headers=operator)
        assert answer.status_code == 422
        assert "entre-temps" in answer.text
    current = {**stale, "was": group.selector.as_json()}
    assert client.post(EDIT, data=current, headers=operator).status_code == 303
    remove = {"name": "accueil", "site": SITE}
    assert client.post("/console/groups/remove", data=remove, headers=operator).status_code == 303
    assert Groups(database).groups(None) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hostname": "", "platform_linux": ""}, "hostname"),
        ({"site": ""}, "site"),
        ({"site": OTHER}, "site"),
        ({"name": ""}, "name"),
    ],
)
def test_a_group_that_is_refused_says_why_beside_the_field(
    client: TestClient, as_: Callers, wrong: dict[str, str], field: str
) -> None:
    form = {"name": "x", "site": SITE, "hostname": "a*", "what": "save"} | wrong

    answer = client.post(EDIT, data=form, headers=as_(Role.OPERATOR, SITE))

    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text


def test_a_parameter_is_applied_by_who_has_seen_what_it_changes(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    report_length(database, "a", 12)
    target = Target(Scope.SITE, SITE)

    unseen = client.post(SET, data={**LENGTH, "what": "set"}, headers=operator)
    assert unseen.status_code == 200
    assert Overrides(database).overrides(None) == []
    preview = client.post(SET, data={**LENGTH, "what": "preview"}, headers=operator).text
    assert preview.count("non conforme") >= 1
    sent = hidden(preview)
    other = client.post(SET, data={**sent, "value": "10"}, headers=operator)
    assert other.status_code == 200
    applied = client.post(SET, data=sent, headers=operator)

    assert applied.status_code == 303
    assert Overrides(database).override(target, rule=RULE, name=NAME).value == 12
    where = f"/console/parameters/of?scope=site&of={quote(SITE)}"
    assert "comptes partagés" in client.get(where, headers=operator).text
    of_device = client.get("/console/parameters/of?scope=device&of=a", headers=operator).text
    assert "comptes partagés" in of_device
    assert "valeur par défaut" in of_device
    away = client.post(SET, data={**LENGTH, "what": "unset-preview"}, headers=operator).text
    assert client.post(SET, data=hidden(away), headers=operator).status_code == 303
    assert Overrides(database).overrides(None) == []


@pytest.mark.parametrize(
    ("wrong", "status", "told"),
    [
        ({"value": "beaucoup"}, 422, 'id="value-fault"'),
        ({"value": "129"}, 422, "0 ou plus et 128 au plus"),
        ({"reason": ""}, 422, 'id="reason-fault"'),
        ({"of": OTHER}, 404, "Introuvable"),
        ({"scope": "device", "of": "c"}, 404, "Introuvable"),
        ({"scope": "planet"}, 404, "Introuvable"),
        ({"rule": "Q05-nothing"}, 422, "il n&#39;existe pas de règle"),
    ],
)
def test_a_parameter_that_is_refused_changes_nothing(
    client: TestClient,
    as_: Callers,
    database: Database,
    wrong: dict[str, Any],
    status: int,
    told: str,
) -> None:
    form = LENGTH | wrong | {"what": "preview"}

    answer = client.post(SET, data=form, headers=as_(Role.OPERATOR, SITE))

    assert answer.status_code == status
    assert told in answer.text
    assert Overrides(database).overrides(None) == []


def test_a_parameter_without_the_one_it_goes_with_says_so_before_it_is_applied(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    patch = LENGTH | {
        "rule": "Q03-patched-recently",
        "name": "vulnerability_patch",
        "value": "2026-11-12",
        "what": "preview",
    }
    without = "effet qu'avec « Dernier jour pour l'avoir installé (2026-11-15) »"

    alone = read(client.post(SET, data=patch, headers=operator).text)
    Overrides(database).put(
        Target(Scope.SITE, SITE),
        rule="Q03-patched-recently",
        name="vulnerability_deadline",
        value="2026-11-15",
        reason="x",
        act=Act("essai", NOW),
    )
    together = read(client.post(SET, data=patch, headers=operator).text)

    assert without in alone
    assert 'id="ahead"' in together
    assert "effet qu'avec" not in together


def test_readers_see_groups_and_parameters_and_no_form(client: TestClient, as_: Callers) -> None:
    for role in (Role.AUDITOR, Role.CONTRACTOR):
        headers = as_(role, SITE)
        for path in (
            "/console/groups",
            "/console/parameters",
            f"/console/parameters/of?scope=site&of={quote(SITE)}",
        ):
            page = client.get(path, headers=headers)
            assert page.status_code == 200, path
            assert 'method="post"' not in page.text
            assert "/set?" not in page.text
        assert client.get(EDIT, headers=headers).status_code == 403
        assert client.post(SET, data=LENGTH, headers=headers).status_code == 403


def test_a_card_is_written_and_not_over_what_somebody_wrote_meanwhile(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator, page = as_(Role.OPERATOR, SITE), "/console/devices/a/card"
    form = {"place": "Accueil", "purchased_at": "2026-03-01", "usage": "shared", "was": "{}"}

    assert client.get(page, headers=operator).status_code == 200
    assert client.post(page, data=form, headers=operator).status_code == 303
    card = Cards(database).card("a").card
    assert card.cells == {"place": "Accueil", "purchased_at": "2026-03-01", "usage": "shared"}
    assert 'value="Accueil"' in client.get(page, headers=operator).text
    Cards(database).change({"a": {"place": "Hall"}}, Act("another", NOW))
    late = client.post(page, data=form | {"was": card.as_json()}, headers=operator)
    assert late.status_code == 422
    assert "entre-temps" in late.text
    wrong = {"roles": "deux mots!", "was": ""}
    refused = client.post(page, data=wrong, headers=operator)
    assert 'id="roles-fault"' in refused.text
    assert Cards(database).card("a").card.cells["place"] == "Hall"
    for headers, status in ((as_(Role.OPERATOR, OTHER), 404), (as_(Role.AUDITOR), 403)):
        assert client.get(page, headers=headers).status_code == status
        assert client.post(page, data=form, headers=headers).status_code == status


def test_a_file_of_cards_is_checked_told_line_by_line_and_taken_whole(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator, page = as_(Role.OPERATOR, SITE), "/console/cards"
    good = "Nom;Lieu d'utilisation\r\nACC-1;Hall\r\nCUISINE;Cuisine\r\n"
    bad = good.replace("CUISINE", "ACC-3")  # of another site

    refused = client.post(page, data={"content": bad, "what": "take"}, headers=operator)
    assert refused.status_code == 422
    assert re.search(r"<th scope=\"row\">3</th>", refused.text)
    assert Cards(database).card("a").card.cells == {}
    checked = client.post(page, data={"content": good, "what": "check"}, headers=operator)
    assert "2 fiches changeraient" in checked.text.replace("\u00a0", " ")
    assert Cards(database).card("a").card.cells == {}
    taken = client.post(page, data={"content": good, "what": "take"}, headers=operator)
    assert taken.status_code == 303
    assert Cards(database).card("a").card.cells == {"place": "Hall"}
    assert Cards(database).card("b").card.cells == {"place": "Cuisine"}


def test_five_thousand_cards_are_sent_in_one_form_and_each_wrong_row_is_told(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator, page, many = as_(Role.OPERATOR, SITE), "/console/cards", 5_000
    with database.writing() as connection:
        found = connection.execute(select(DEVICE).where(DEVICE.c.id == "a"))
        like = dict(found.mappings().one())
        del like["key"]
        connection.execute(
            insert(DEVICE),
            [
                like | {"id": f"d{number}", "serial": f"S{number}", "hostname": f"P{number}"}
                for number in range(many)
            ],
        )
    head = "Nom;Fournisseur;Date d'achat;Lieu d'utilisation;Usage;Contrat de maintenance"
    rows = [
        f"P{number};Société Lumière « Réseaux & Téléphonie »;31/01/2025;"
        f"Bâtiment Érables, 2e étage, bureau n° {number};partagé;Contrat n° {number}-2026, été"
        for number in range(many)
    ]
    wrong = rows.copy()
    wrong[1_234] = wrong[1_234].replace("31/01/2025", "31/13/2025")
    wrong[4_999] = wrong[4_999].replace("P4999;", "P5000;")

    sent = ["\r\n".join([head, *lines]) for lines in (wrong, rows)]
    answers = [
        client.post(page, data={"content": content, "what": what}, headers=operator)
        for content, what in zip(
            (sent[0], sent[1], sent[1]), ("take", "check", "take"), strict=True
        )
    ]

    assert len(sent[1].encode()) > 600_000
    assert [answer.status_code for answer in answers] == [422, 200, 303]
    told = re.findall(r'<th scope="row">(\d+)</th><td[^>]*>(?:<bdi>)?([^<]*)<', answers[0].text)
    assert told == [("1236", "Date d&#39;achat"), ("5001", "Nom")]
    assert 'id="content-fault" lang="fr"' in answers[0].text
    assert "31/13/2025\u00a0» n'est pas une date" in unescape(answers[0].text)
    assert "5\u202f000" in answers[1].text or "5000" in answers[1].text
    assert Cards(database).card("d4999").card.cells["place"] == (
        "Bâtiment Érables, 2e étage, bureau n° 4999"
    )


def test_a_file_beyond_the_setting_is_refused_beside_its_field(
    client: TestClient, as_: Callers
) -> None:
    operator, page = as_(Role.OPERATOR, SITE), "/console/cards"
    client.app.file_most = 70_000  # type: ignore[attr-defined]
    head = "Nom;Lieu d'utilisation\r\n"

    fits, more, far = (
        client.post(page, data={"content": head + letters, "what": "check"}, headers=operator)
        for letters in ("x" * 69_000, "x" * 71_000, "é" * 400_000)
    )
    other = client.post("/console/groups/edit", data={"name": "x" * 71_000}, headers=operator)

    assert "aucun équipement" in fits.text  # it was read
    assert more.status_code == 422
    assert 'id="content-fault" lang="fr"' in more.text
    assert "Mio au plus" in more.text
    assert far.status_code == 413
    assert other.status_code == 413


def test_mail_domains_are_added_checked_and_removed(
    client: TestClient, as_: Callers, database: Database
) -> None:
    operator, page = as_(Role.OPERATOR, SITE), f"/console/sites/{quote(SITE)}/mail"
    store = MailDomains(database)

    for sent, field in (
        ({"domain": ""}, "domain"),
        ({"domain": "pas un domaine"}, "domain"),
        ({"domain": "tilleuls.fr", "selectors": "a..b"}, "selectors"),
    ):
        refused = client.post(page, data=sent, headers=operator)
        assert refused.status_code == 422
        assert f'id="{field}-fault"' in refused.text
    added = {"domain": "Tilleuls.fr", "selectors": "s1, s2"}
    assert client.post(page, data=added, headers=operator).status_code == 303
    (held,) = store.of_site(SITE)
    assert (held.domain, held.selectors) == ("tilleuls.fr", ("s1", "s2"))
    one = {"domain": "tilleuls.fr"}
    assert client.post(f"{page}/check", data=one, headers=operator).status_code == 303
    assert "contrôle en attente" in client.get(page, headers=operator).text
    for headers, status in ((as_(Role.OPERATOR, OTHER), 404), (as_(Role.AUDITOR, SITE), 403)):
        assert client.post(f"{page}/remove", data=one, headers=headers).status_code == status
    assert client.post(f"{page}/remove", data=one, headers=operator).status_code == 303
    assert store.of_site(SITE) == []
