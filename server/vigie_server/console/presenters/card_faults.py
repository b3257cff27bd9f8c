"""What is wrong in a file of asset cards, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_server.console.presenters.phrases import Phrases

ENGLISH: Final = "en"

FRENCH: Final[Mapping[str, str]] = {
    "nothing was imported, {} are wrong; the first: line {}, the row: {}": (
        "rien n'a été importé : {} sont à corriger, d'abord ligne {} : {}"
    ),
    "nothing was imported, {} are wrong; the first: line {}, {}: {}": (
        "rien n'a été importé : {} sont à corriger, d'abord ligne {}, « {} » : {}"
    ),
    "nothing was imported, {} is wrong; the first: line {}, the row: {}": (
        "rien n'a été importé : {} est à corriger, ligne {} : {}"
    ),
    "nothing was imported, {} is wrong; the first: line {}, {}: {}": (
        "rien n'a été importé : {} est à corriger, ligne {}, « {} » : {}"
    ),
    "{} cells or rows": "{} cellules ou lignes",
    "{} cell or row": "{} cellule ou ligne",
    "it has {} cells, the header {}": "la ligne a {} cellules, l'en-tête {}",
    "line {} is about this device too: keep one": (
        "la ligne {} concerne aussi cet équipement : gardez-en une"
    ),
    "it is no known column: did you mean `{}`?": (
        "cette colonne n'est pas connue : vouliez-vous dire « {} » ?"
    ),
    "it is no known column": "cette colonne n'est pas connue",
    "the column is there twice": "la colonne est là deux fois",
    "the first line names the columns: Identifiant, Numéro de série or Nom, and others": (
        "la première ligne nomme les colonnes : Identifiant, Numéro de série ou Nom, et d'autres"
    ),
    "{} devices have '{}': name it by Identifiant": (
        "{} équipements ont « {} » : nommez celui-ci par son identifiant"
    ),
    "no device '{}' among the sites that you see": (
        "aucun équipement « {} » dans les établissements que vous voyez"
    ),
    "it names no device: fill Identifiant, Numéro de série or Nom": (
        "la ligne ne nomme aucun équipement : remplissez Identifiant, Numéro de série ou Nom"
    ),
    "'{}' is not a day: write 2026-03-01 or 01/03/2026 (day, month, year)": (
        "« {} » n'est pas une date : écrivez 01/03/2026 ou 2026-03-01"
    ),
    "the year {} is not likely: check the day": (
        "l'année {} n'est pas vraisemblable : vérifiez la date"
    ),
    "write at most {} printable characters": "écrivez {} caractères imprimables au plus",
    "'{}' is not a role such as stores-data": "« {} » n'est pas un rôle, comme stores-data",
    "a device has at most {} roles": "un équipement a {} rôles au plus",
    "'{}' is none of {}: did you mean `{}`?": (
        "« {} » n'est aucune des valeurs {} : vouliez-vous dire « {} » ?"
    ),
    "'{}' is none of {}": "« {} » n'est aucune des valeurs {}",
    "the file is larger than {} MiB": "le fichier dépasse {} Mio",
    "this is not a CSV file: save the sheet as « CSV UTF-8 »": (
        "ce n'est pas un fichier CSV : enregistrez la feuille au format « CSV UTF-8 »"
    ),
    "line {}: it is not CSV: {}": "ligne {} : ce n'est pas du CSV ({})",
}
"""By what is wrong as the server tells it."""


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """What is wrong in a row. `language` is that of `problem`."""

    line: int | str
    column: int | str
    problem: str
    language: str


def in_french(problem: str) -> str | None:
    """What is wrong, in French; None where nobody has put it so."""
    return _PHRASES(problem)


def told(problem: str, language: str) -> tuple[str, str]:
    """What is wrong in this language, or else in English, and which of them it is."""
    found = None if language == ENGLISH else in_french(problem)
    return (problem, ENGLISH) if found is None else (found, language)


def faults_seen(faults: Sequence[Mapping[str, str | int]], language: str) -> Sequence[FaultSeen]:
    """Each wrong row as a page tells it."""
    return [
        FaultSeen(fault["line"], fault["column"], *told(str(fault["problem"]), language))
        for fault in faults
    ]


def _value(text: str) -> str:
    return _PHRASES(text) or text


_PHRASES: Final = Phrases(FRENCH, _value)
