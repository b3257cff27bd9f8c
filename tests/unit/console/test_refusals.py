"""What the server refuses is told in French, whatever it is and whoever raises it."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import vigie_server
from vigie_server.console.presenters.refusals import FaultSeen, faults_seen, french, in_french, told
from vigie_server.domain.card_files import KnownDevice, cards_read
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.french import spaced

SOURCES: Final = Path(vigie_server.__file__).parent
REFUSALS: Final = {
    "CursorRefused",
    "DeclarationRefused",
    "HTTPException",
    "InUse",
    "KeyUsedOtherwise",
    "NotFound",
    "RateLimited",
    "ReportNotMade",
    "ReportsBusy",
    "RequestUnderWay",
    "SettingsMalformed",
    "StoreBusy",
    "StoreMisused",
    "StoreRefused",
    "TokenRefused",
    "UnknownDevice",
    "ValueError",
}
"""What a page can be refused by; a ValueError is put into the refusal of who reads a field."""
ELSEWHERE: Final = {
    "command line": [
        *("domain/admission", "domain/capacity", "domain/ciso_results", "domain/glpi_cards"),
        *("store/authority_known", "store/copying", "store/left_behind", "store/links"),
        *("domain/listening", "domain/rolling_out", "store/migrating", "store/postgres"),
        "store/snapshots",
    ],
    "API": [
        *("web/assets", "web/audit"),
        *("web/conditions", "web/listing", "web/metrics", "web/notifications", "web/repeating"),
        *("web/reports", "web/groups", "web/api_tokens", "web/held"),
    ],
    "devices": ["services/enrol", "services/offer_updates", "services/renew", "services/sessions"],
    "rules and their data": ["domain/column_words", "domain/conditions", "domain/plurals"],
    "servers among themselves": ["store/leases", "store/updates"],
    "pages with words of their own": ["web/pages/drawn_with", "services/own_account"],
}
"""Who raises refusals that no page of the console shows, and who sees them instead."""
OURS: Final = {"domain", "store", "services", "web", "console", "rendering"}

DEVICES: Final = [
    KnownDevice("d1", "S", "PF-1", "ACC-1"),
    KnownDevice("d2", "S", "PF-2", "DEUX"),
    KnownDevice("d3", "S", "PF-3", "DEUX"),
]
HEAD: Final = "Nom;Date d'achat;Usage;Rôles;Fournisseur"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{HEAD}\nACC-1;hier;;;", "« hier » n'est pas une date"),
        (f"{HEAD}\nACC-1;01/01/1801;;;", "l'année 1801 n'est pas vraisemblable"),
        (f"{HEAD}\nACC-1;;partajé;;", "vouliez-vous dire « partage » ?"),
        (f"{HEAD}\nACC-1;;zzzz;;", "« zzzz » n'est aucune des valeurs"),
        (f"{HEAD}\nACC-1;;;deux!;", "« deux! » n'est pas un rôle"),
        (f"{HEAD}\nACC-1;;;;{'x' * 5000}", "caractères imprimables au plus"),
        (f"{HEAD}\nACC-9;;;;", "aucun équipement « ACC-9 »"),
        (f"{HEAD}\nDEUX;;;;", "2 équipements ont « DEUX »"),
        (f"{HEAD}\n;;;;x", "la ligne ne nomme aucun équipement"),
        (f"{HEAD}\nACC-1;;;;\nACC-1;;;;", "la ligne 2 concerne aussi cet équipement"),
        (f"{HEAD}\nACC-1;;;;;trop", "la ligne a 6 cellules, l'en-tête 5"),
        ("Nom;Fournisser\nACC-1;x", "vouliez-vous dire « Fournisseur » ?"),
        ("Nom;zzzz\nACC-1;x", "cette colonne n'est pas connue"),
        ("Nom;Usage;Usage\nACC-1;;", "la colonne est là deux fois"),
        ("Usage;Fournisseur\n;x", "la première ligne nomme les colonnes"),
        ("\0", "ce n'est pas un fichier CSV"),
        ('Nom;Usage\n"ACC-1;x', "ce n'est pas du CSV"),
    ],
)
def test_every_fault_of_a_file_is_told_in_french(content: str, said: str) -> None:
    with pytest.raises(DeclarationRefused) as refused:
        cards_read(content.encode(), DEVICES)

    text, language = told(str(refused.value), "fr")
    seen = faults_seen(refused.value.faults, "fr")

    assert language == "fr"
    assert spaced(said) in text
    assert {fault.language for fault in seen} <= {"fr"}


def test_what_nobody_put_in_french_is_told_in_english_and_marked() -> None:
    fault: dict[str, str | int] = {
        "line": 2,
        "column": "Nom",
        "problem": "it is what no version tells",
    }

    assert faults_seen([fault], "fr") == [FaultSeen(2, "Nom", str(fault["problem"]), "en")]
    assert faults_seen([fault], "en")[0].language == "en"


def refusals() -> Iterator[tuple[str, str]]:
    """Every refusal that the sources raise, with `{}` for what each names, and where it stands."""
    apart = {f"{name}.py" for names in ELSEWHERE.values() for name in names}
    for path in sorted(SOURCES.rglob("*.py")):
        place = path.relative_to(SOURCES)
        if place.parts[0] not in OURS or place.as_posix() in apart:
            continue
        module = ast.parse(path.read_text(encoding="utf-8"))
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in REFUSALS:
                at = 1 if getattr(call.func, "id", "") == "HTTPException" else 0
                for given in call.args[at : at + 1]:
                    for text in texts(given, module):
                        yield place.as_posix(), text


def texts(node: ast.expr, module: ast.Module) -> list[str]:  # noqa: PLR0911 (a case each)
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="meant"))):
            return [""]  # told apart
        case ast.FormattedValue(value=ast.Name(id="hint" | "most" as name)):
            return texts(ast.Name(id=name), module) or [""]
        case ast.FormattedValue(value=value, conversion=conversion):
            constant = not isinstance(value, ast.Name) or value.id.isupper()
            named = (texts(value, module) if constant else []) or ["{}"]
            return [f"'{name}'" if conversion == ord("r") else name for name in named]
        case ast.JoinedStr(values=values):
            parts = itertools.product(*(texts(value, module) for value in values))
            return ["".join(found) for found in parts]
        case ast.IfExp(body=one, orelse=other):
            return [text for side in (one, other) for text in texts(side, module) or ["{}"]]
        case ast.Name(id=name):
            return [
                text
                for found in ast.walk(module)
                if isinstance(found, ast.Assign | ast.AnnAssign)
                and name in {getattr(to, "id", "") for to in targets(found)}
                and isinstance(found.value, ast.Constant | ast.JoinedStr)
                for text in texts(found.value, module)
            ]
        case _:
            return []


def targets(found: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return found.targets if isinstance(found, ast.Assign) else [found.target]


def test_every_refusal_that_a_page_can_show_is_told_in_french() -> None:
    raised = sorted({(text, place) for place, text in refusals()})
    untold = [
        f"{place}: {text}"
        for text, place in raised
        if set(text) - set("{}: '`") and in_french(text.replace("{}", "x")) is None
    ]

    assert untold == []
    assert len(raised) > 130


def test_what_is_refused_elsewhere_is_still_there() -> None:
    apart = [f"{name}.py" for names in ELSEWHERE.values() for name in names]

    assert [name for name in apart if not (SOURCES / name).is_file()] == []


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("no site Les Tilleuls", "aucun établissement Les Tilleuls"),
        ("no group a of site b", "aucun groupe a pour site b"),
        ("approver: must not be the author",
         "une autre personne que celle qui demande doit approuver"),
        ("expires_at: after now and by 2027-03-01 (12 months at most)",
         "choisissez une date à venir, au plus tard le 01/03/2027 (12 mois au plus)"),
        ("there is no rule `Q1`: did you mean `Q01-a`?",
         "il n'existe pas de règle « Q1 » (vouliez-vous dire « Q01-a » ?)"),
        ("rule Q1 has no parameter `a`: did you mean `b`? (it has b, c)",
         "la règle Q1 n'a pas de paramètre « a » (elle a b, c) (vouliez-vous dire « b » ?)"),
        ('mail domain "l\'é": give the part after the @, such as example.fr',
         "« l'é » n'est pas un domaine : donnez ce qui suit le « @ », comme exemple.fr"),
        ("`n` must be a whole number of at least 0 and at most 14",
         "« n » doit être un nombre entier, 0 ou plus et 14 au plus"),
        ("no version tells this", None),
    ],
)  # fmt: skip
def test_what_a_refusal_names_is_passed_on(refusal: str, said: str | None) -> None:
    assert in_french(refusal) == (None if said is None else spaced(said))


def test_every_text_of_the_catalogue_can_be_told() -> None:
    for english in french():
        assert in_french(english.replace("{}", "x")), english
