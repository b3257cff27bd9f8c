"""A report in words: French first and English, its typography, text of devices as it is."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fakes.a_report import NOW, a_report, sources
from vigie_server.bundled import bundled_incident_contacts, regions_file
from vigie_server.domain.facility_report.assembling import roll_up_report
from vigie_server.domain.facility_report.content import Kind, Making
from vigie_server.domain.facility_report.document import Document, Fields, Table
from vigie_server.domain.facility_report.phrases import PHRASES
from vigie_server.domain.facility_report.sources import SitesMoved
from vigie_server.domain.facility_report.telling import told_in
from vigie_server.domain.facility_report.telling_spread import spread_told_in
from vigie_server.domain.facility_report.trends import period_until
from vigie_server.domain.facility_report.typography import french, told
from vigie_server.domain.facility_report.words import Words
from vigie_server.domain.regions import load_regions
from vigie_server.domain.sites import Contact, Site


def texts_of(document: Document) -> list[str]:
    """Every text of a document."""
    found: list[str] = []
    waiting: list[Any] = [asdict(document)]
    while waiting:
        match waiting.pop():
            case str() as text:
                found.append(text)
            case dict() as held:
                waiting += held.values()
            case list() | tuple() as held:
                waiting += held
            case _:
                pass
    return found


def table_of(document: Document, section: str, place: int = 0) -> list[list[str]]:
    (found,) = [one for one in document.sections if one.id == section]
    table = [block for block in found.blocks if isinstance(block, Table)][place]
    return [[cell.text for cell in row] for row in table.rows]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("poste\u202etxt.exe", "poste[U+202E]txt.exe"),
        ("a\nb\tc", "a b c"),
        ("\x1b[31mrouge", "[U+001B][31mrouge"),
        ("zéro\u200blargeur", "zéro[U+200B]largeur"),
        ("e\u0301te\u0301", "été"),
        ("x" * 500, "x" * 399 + "…"),
        ("  PC 1  ", "PC 1"),
    ],
)
def test_text_of_devices_hides_nothing(text: str, shown: str) -> None:
    assert told(text) == shown


def test_french_has_spaces_that_do_not_break() -> None:
    assert french("« Pare-feu » : 95 % ?") == ("«\u00a0Pare-feu\u00a0»\u00a0: 95\u00a0%\u00a0?")


def test_no_french_text_of_ours_may_break_before_a_sign() -> None:
    texts = texts_of(told_in(a_report(), "fr"))

    assert not [text for text in texts if any(sign in text for sign in (" :", " ;", " ?", " »"))]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_phrase_can_be_said(language: str) -> None:
    words = Words(language)
    values = dict.fromkeys(
        [
            "assessed",
            "risky",
            "count",
            "sites",
            "days",
            "value",
            "entries",
            "day",
            "hour",
            "since",
            "until",
            "name",
            "then",
            "reason",
            "number",
            "title",
            "period",
            "year",
            "outcome",
            "group",
            "level",
            "label",
            "lowest",
            "author",
            "approver",
            "names",
            "devices",
            "percent",
            "counted",
            "declared",
            "passing",
            "failing",
            "waived",
            "unknown",
            "beside",
            "recent",
            "source",
        ],
        2,
    )

    for phrase in PHRASES:
        assert words(phrase, **values)


def test_levels_days_and_names_are_those_of_the_report() -> None:
    report = a_report()

    document = told_in(report, "fr")

    summary = table_of(document, "summary")
    assert summary[5] == ["6. Avez-vous activé un pare-feu\u00a0?", "N1", *summary[5][2:]]
    assert summary[5][2:] == ["↑ en hausse (était N0)", "pas encore suivi"]
    assert summary[11][1] == "non évalué"
    attested = table_of(document, "q6", 1)
    assert attested == [
        [
            "Accès à Internet professionnel",
            "fait",
            "30/03/2025",
            "C. Direction",
            "Contrat n° 12",
            "30/03/2026, à renouveler",
        ]
    ]
    risky = table_of(document, "risky")
    assert risky == [
        ["INFIRMERIE-02", "règle critique", "Pare-feu du poste actif", "12/03/2026", "15/03/2026"]
    ]
    assert table_of(document, "waivers")[0][4] == "23/06/2026"
    assert ("Période", "du 15/02/2026 au 15/03/2026") in document.cover
    assert ("N° FINESS", "690781810") in document.cover


def test_the_same_report_is_told_in_english() -> None:
    document = told_in(a_report(), "en")

    assert table_of(document, "summary")[5][1:3] == ["N1", "↑ up (was N0)"]
    assert table_of(document, "q6", 1)[0][5] == "2026-03-30, to be renewed"


def test_what_is_not_known_is_said_plainly() -> None:
    undeclared = told_in(a_report(sources(site=Site("Les Tilleuls"))), "fr")
    declared = told_in(a_report(), "fr")

    assert any("n'est pas déclaré" in text for text in texts_of(undeclared))
    assert any(text.startswith("2 équipements déclarés ne sont pas") for text in texts_of(declared))
    assert any(text.startswith("25\u00a0% des vérifications") for text in texts_of(declared))


def test_in_an_incident_the_own_contacts_come_before_those_of_the_region() -> None:
    contact = Contact("Astreinte informatique", phone="04 00 00 00 00")
    site = Site("Les Tilleuls", region="84", contacts=(contact,))

    document = told_in(a_report(site=site), "fr")

    (section,) = [one for one in document.sections if one.id == "incident"]
    (fields,) = [block for block in section.blocks if isinstance(block, Fields)]
    assert fields.rows[0] == ("Astreinte informatique", "04 00 00 00 00")
    assert fields.rows[1][0] == "CERT Santé"
    assert fields.rows[2] == ("Appui régional", "ssi@sante-ara.fr, esms.numerique@sante-ara.fr")


def test_contacts_are_of_regions_that_exist() -> None:
    assert bundled_incident_contacts().regions.keys() <= load_regions(regions_file()).keys()


def test_a_log_that_was_tampered_with_is_told() -> None:
    log = replace(sources().incidents, intact=False)

    document = told_in(a_report(incidents=log), "fr")

    assert any("une entrée a été modifiée ou retirée" in text for text in texts_of(document))


def test_a_roll_up_tells_numbers_alone() -> None:
    report = roll_up_report(
        Kind.BODY,
        "Association Les Fleurs",
        sites=3,
        levels={6: {None: 1, 1: 2}},
        moved=SitesMoved({6: 2}, {}),
        period=period_until(NOW),
        making=Making(datetime(2026, 3, 15, tzinfo=UTC), "", "0.1.0"),
    )

    document = spread_told_in(report, "fr")

    rows = table_of(document, "spread")
    assert rows[5][1:] == ["1", "0", "2", "0", "0", "0", "2", "0"]
    assert rows[0][1:] == ["3", "0", "0", "0", "0", "0", "0", "0"]
    assert ("Établi par", "Vigie, automatiquement") in document.cover
