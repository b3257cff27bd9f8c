"""What is wrong in a file of cards is told in French, whatever it is."""

from typing import Final

import pytest

from vigie_server.console.presenters.card_faults import FaultSeen, faults_seen, told
from vigie_server.domain.card_files import KnownDevice, cards_read
from vigie_server.domain.errors import DeclarationRefused

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
    assert said in text
    assert {fault.language for fault in seen} <= {"fr"}


def test_what_nobody_put_in_french_is_told_in_english_and_marked() -> None:
    fault: dict[str, str | int] = {
        "line": 2,
        "column": "Nom",
        "problem": "it is what no version tells",
    }

    assert faults_seen([fault], "fr") == [FaultSeen(2, "Nom", str(fault["problem"]), "en")]
    assert faults_seen([fault], "en")[0].language == "en"
