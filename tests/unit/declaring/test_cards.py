"""Asset cards: fields, and files as spreadsheets write and read them."""

import csv
import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.card_files import KnownDevice, cards_read, cards_written
from vigie_server.domain.cards import Card, Cell, card_of_json, cells_of, day
from vigie_server.domain.declared import DECLARED
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.spreadsheets import formula_safe

DEVICES = (
    KnownDevice("d1", "Les Lilas", "PF-1", "ACCUEIL"),
    KnownDevice("d2", "Les Lilas", "PF-2", "INFIRMERIE"),
    KnownDevice("d3", "Les Tilleuls", "To be filled", "DIRECTION"),
    KnownDevice("d4", "Les Tilleuls", "To be filled", "CUISINE"),
    KnownDevice("d5", "Les Lilas", "PF-1", "ACCUEIL", retired=True),
)
FRENCH = (
    "Numéro de série;Fournisseur;Date d'achat;Usage\r\n"
    "PF-1;Société Générale d'Info;01/03/2026;partagé\r\n"
)


def faults_of(content: bytes) -> tuple[tuple[object, ...], ...]:
    with pytest.raises(DeclarationRefused) as refused:
        cards_read(content, DEVICES)
    return tuple(
        (fault["line"], fault["column"], fault["problem"]) for fault in refused.value.faults
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_of_a_french_spreadsheet_is_read_in_each_encoding(encoding: str) -> None:
    assert cards_read(FRENCH.encode(encoding), DEVICES) == {
        "d1": {
            "supplier": "Société Générale d'Info",
            "purchased_at": "2026-03-01",
            "usage": "shared",
        }
    }


@pytest.mark.parametrize(
    "text",
    [
        "hostname,Supplier,roles\ninfirmerie,Acme,stores-data kiosk\n",
        'Hostname,Supplier,Roles\nINFIRMERIE,Acme,"stores-data, kiosk"\n',
        "id\tsupplier\troles\nd2\tAcme\tstores-data|kiosk\n",
        "sep=;\r\nNom;FOURNISSEUR;rôles\r\nInfirmerie;Acme;stores-data kiosk\r\n;;\r\n",
    ],
)
def test_english_headers_and_other_separators_are_read_as_well(text: str) -> None:
    found = cards_read(text.encode(), DEVICES)

    assert found == {"d2": {"supplier": "Acme", "roles": ("stores-data", "kiosk")}}


def test_an_empty_cell_leaves_what_is_known_and_a_dash_takes_it_away() -> None:
    found = cards_read(b"id;supplier;place\nd1;;-\n", DEVICES)

    assert found == {"d1": {"place": None}}
    known = Card({"supplier": "Acme", "place": "Accueil"})
    assert known.with_cells(found["d1"]) == Card({"supplier": "Acme"})


def test_every_wrong_row_is_told_with_line_column_and_what_to_do() -> None:
    content = (
        "Identifiant;Numéro de série;Nom;Date d'achat;Usage\n"
        "d1;;;2026-02-30;\n"
        ";To be filled;;;\n"
        ";;FANTOME;;\n"
        ";;;2026-01-01;\n"
        "d2;;;;collectif\n"
        ";;accueil;;\n"
        "d2;;;;;trop\n"
    )

    told = faults_of(content.encode())

    assert [(line, column) for line, column, _ in told] == [
        (2, "Date d'achat"),
        (3, "Numéro de série"),
        (4, "Nom"),
        (5, ""),
        (6, "Usage"),
        (7, ""),
        (8, ""),
    ]
    assert "write 2026-03-01 or 01/03/2026" in str(told[0][2])
    assert "2 devices have 'To be filled': name it by Identifiant" in str(told[1][2])
    assert "line 2 is about this device too" in str(told[5][2])
    assert "it has 6 cells, the header 5" in str(told[6][2])


def test_a_row_that_spans_lines_is_told_by_its_first() -> None:
    content = b'id;place;purchased_at\nd1;"a\nb";2026-01-01\nd2;x;never\n'

    assert [line for line, _, _ in faults_of(content)] == [4]


def test_an_unknown_column_is_told_with_what_was_meant() -> None:
    ((line, column, problem),) = faults_of(b"Nom;Fourniseur\nACCUEIL;Acme\n")

    assert (line, column) == (1, "Fourniseur")
    assert "did you mean `Fournisseur`" in str(problem)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names the columns"),
        (b"Fournisseur\nAcme\n", "names the columns"),
        (b"id;id\nd1;d1\n", "there twice"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(content: bytes, told: str) -> None:
    assert told in str(faults_of(content)[0][2])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id;place\nd1;x\n".encode("utf-16"), "CSV UTF-8"),
        (b"id;place\nd1;\x81\xff\n", "neither in UTF-8"),
        (b'id;place\nd1;"open\n', "it is not CSV"),
    ],
)
def test_what_is_no_text_file_is_refused_with_what_to_do(content: bytes, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        cards_read(content, DEVICES)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "  @"])
def test_no_cell_of_an_export_is_a_formula(sign: str) -> None:
    device = KnownDevice("d1", f"{sign}site", f"{sign}serial", f"{sign}cmd|' /C calc'!A0")

    content = cards_written([(device, Card({"place": f"{sign}1+1"}))], language="fr")

    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    signs = ("=", "+", "-", "@", "\t", "\r", "\n")
    assert all(not cell.lstrip(" ").startswith(signs) for cell in rows[1])
    assert rows[1][0] == f"'{sign}site"


CELLS: Mapping[str, Cell] = {
    "supplier": "=Acme; « & Cie »",
    "purchased_at": "2026-03-01",
    "place": "Accueil, étage 2",
    "usage": "dedicated",
    "owner": "facility",
    "roles": ("kiosk", "stores-data"),
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_export_can_be_imported_again(language: str) -> None:
    content = cards_written([(DEVICES[0], Card(CELLS)), (DEVICES[1], Card())], language=language)

    assert cards_read(content, DEVICES) == {"d1": CELLS, "d2": {}}


def test_a_french_export_says_usage_and_owner_in_french_and_an_english_one_in_english() -> None:
    cards = [
        (DEVICES[0], Card(CELLS)),
        (DEVICES[1], Card({"usage": "shared", "owner": "personal"})),
    ]

    french = cards_written(cards, language="fr").decode("utf-8-sig").splitlines()
    english = cards_written(cards, language="en").decode("utf-8-sig").splitlines()

    assert ("dédié" in french[1], "établissement" in french[1]) == (True, True)
    assert french[2].endswith(";partagé;;;;;personnel;")
    assert english[2].endswith(",shared,,,,,personal,")
    assert cards_read("\r\n".join(french).encode(), DEVICES)["d1"] == CELLS


@given(st.text(max_size=40))
def test_a_safe_cell_never_begins_like_a_formula(text: str) -> None:
    assert not formula_safe(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    try:
        cards_read(content, DEVICES)
    except DeclarationRefused:
        return


@pytest.mark.parametrize(
    ("text", "iso"), [("2026-03-01", "2026-03-01"), ("1/3/2026", "2026-03-01")]
)
def test_days_are_read_in_both_forms(text: str, iso: str) -> None:
    assert day(text) == iso


@pytest.mark.parametrize("text", ["01/03/26", "2026-13-01", "3/31/2026", "20260301", "0026-03-01"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="day"):
        day(text)


def test_rules_see_a_card_by_the_names_that_are_declarable() -> None:
    given = {"purchased_at": "01/01/2026", "roles": ["stores-data"], "place": None}
    card = Card().with_cells(cells_of(given))

    assert card.declared() == {
        "asset.purchased_at": 1767225600,
        "device.roles": ("stores-data",),
        "asset.recorded": True,
    }
    assert card.declared().keys() <= DECLARED.keys()
    assert card_of_json(card.as_json()) == card


def test_roles_alone_are_no_asset_card() -> None:
    assert "asset.recorded" not in Card({"roles": ("kiosk",)}).declared()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"suplier": "x"}, "did you mean `supplier`"),
        ({"supplier": 3}, "is a text"),
        ({"owner": "la mairie"}, "none of facility"),
        ({"roles": ["é"]}, "not a role"),
        ({"place": "x" * 300}, "at most 255"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        cells_of(fields)
