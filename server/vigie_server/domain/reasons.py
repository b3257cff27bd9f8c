"""What the judge says itself when a rule cannot: why it is unknown, or does not apply."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.conditions import Problem, ProblemKind
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact
from vigie_server.domain.statements import LANGUAGES, day, shown

_STATUS: Final[Mapping[str, Texts]] = {
    "error": {"fr": "la question a échoué sur le poste", "en": "the query failed on the device"},
    "timeout": {
        "fr": "le poste n'a pas répondu à temps à la question",
        "en": "the device did not answer the query in time",
    },
    "missing_table": {
        "fr": "le moteur du poste n'a pas la table nécessaire",
        "en": "the device's engine lacks the table it takes",
    },
    "no_permission": {
        "fr": "l'agent n'a pas les droits de lire cette information",
        "en": "the agent lacks the rights to read this",
    },
    "refused": {
        "fr": "l'agent a refusé la question par sécurité",
        "en": "the agent refused the query for safety",
    },
    "denylisted": {
        "fr": "la question, trop longue à exécuter, est écartée pour un jour",
        "en": "the query overran and is set aside for a day",
    },
    "too_large": {
        "fr": "la réponse dépasse la taille acceptée",
        "en": "the answer is larger than what is accepted",
    },
}
_OTHER_STATUS: Final[Texts] = {
    "fr": "la collecte n'a pas abouti",
    "en": "the collection did not succeed",
}
_PROBLEM: Final[Mapping[ProblemKind, Texts]] = {
    ProblemKind.ERROR: {
        "fr": "La règle n'a pas pu être évaluée sur ces données",
        "en": "The rule could not be evaluated on this data",
    },
    ProblemKind.BUDGET: {
        "fr": "Trop de lignes : l'évaluation de la règle a dépassé son budget",
        "en": "Too many rows: the rule's evaluation exceeded its budget",
    },
    ProblemKind.NOT_BOOLEAN: {
        "fr": "La règle n'a pas donné de réponse par oui ou non",
        "en": "The rule did not answer yes or no",
    },
    ProblemKind.NOT_NUMBER: {
        "fr": "La règle n'a pas donné le nombre attendu",
        "en": "The rule did not give the number it should",
    },
}

NOT_APPLICABLE_PLATFORM: Final[Texts] = {
    "fr": "Sans objet sur ce système.",
    "en": "Not applicable to this system.",
}
NOT_APPLICABLE_DEVICE: Final[Texts] = {
    "fr": "Sans objet pour cet équipement.",
    "en": "Not applicable to this device.",
}
PLATFORM_NOT_KNOWN: Final[Texts] = {
    "fr": "Le système de cet équipement n'est pas encore connu.",
    "en": "The device's system is not known yet.",
}


def never_reported(title: Texts) -> Texts:
    """The topic has never been answered."""
    return {
        "fr": f"Aucune donnée reçue : « {title['fr']} ».",
        "en": f"Never reported: “{title['en']}”.",
    }


def other_version(title: Texts, fact: Fact, wanted: int) -> Texts:
    """The answer follows another version of the topic than the rule reads."""
    return {
        "fr": (
            f"« {title['fr']} » : la réponse suit la version {fact.topic_version} de la question, "
            f"la règle lit la version {wanted}. Mettez l'agent à jour."
        ),
        "en": (
            f"“{title['en']}”: the answer follows version {fact.topic_version} of the question, "
            f"the rule reads version {wanted}. Update the agent."
        ),
    }


def too_old(title: Texts, observed_at: datetime, max_age: timedelta) -> Texts:
    """The evidence is older than the rule takes."""
    days = max(1, round(max_age / timedelta(days=1)))
    seconds = observed_at.timestamp()
    return {
        "fr": (
            f"« {title['fr']} » : dernière preuve du {day(seconds, 'fr')}, "
            f"plus ancienne que {days} jours."
        ),
        "en": (f"“{title['en']}”: last evidence of {day(seconds, 'en')}, older than {days} days."),
    }


def not_ok(title: Texts, fact: Fact) -> Texts:
    """The collection failed; the agent's own words follow."""
    said = _STATUS.get(fact.status, _OTHER_STATUS)
    detail = f" ({shown(fact.message, '', 'en')})" if fact.message else ""
    return {
        "fr": f"« {title['fr']} » : {said['fr']}{detail}.",
        "en": f"“{title['en']}”: {said['en']}{detail}.",
    }


def nothing_collected(title: Texts) -> Texts:
    """No row, where that proves nothing."""
    return {
        "fr": f"« {title['fr']} » : rien n'a été collecté.",
        "en": f"“{title['en']}”: nothing was collected.",
    }


def column_missing(title: Texts, column: str) -> Texts:
    """A column that the rule reads did not travel."""
    return {
        "fr": f"« {title['fr']} » : la colonne {column} manque dans la réponse.",
        "en": f"“{title['en']}”: column {column} is missing from the answer.",
    }


def column_unreadable(title: Texts, column: str, example: str) -> Texts:
    """A column that the rule reads holds text that is not of its type."""
    value = shown(example, "", "en")
    return {
        "fr": f"« {title['fr']} » : la colonne {column} contient une valeur illisible ({value}).",
        "en": f"“{title['en']}”: column {column} holds an unreadable value ({value}).",
    }


def parts_missing(title: Texts, missing: Mapping[str, str]) -> Texts:
    """Parts that the rule reads could not be; `missing` holds why by part, "" where no row came."""
    pieces_fr, pieces_en = [], []
    for part, why in missing.items():
        said = shown(why, "", "en") if why else ""
        pieces_fr.append(f"{part} ({_why_in_french(said) if said else 'aucune réponse'})")
        pieces_en.append(f"{part} ({said or 'no answer'})")
    return {
        "fr": f"« {title['fr']} » : non lu : {', '.join(pieces_fr)}.",
        "en": f"“{title['en']}”: not read: {', '.join(pieces_en)}.",
    }


def parameter_wrong(name: str) -> Texts:
    """A setting of the rule, overridden for the device, is not of its type."""
    return {
        "fr": f"Le réglage {name} de cette règle n'a pas une valeur utilisable.",
        "en": f"The setting {name} of this rule has no usable value.",
    }


def problem(found: Problem) -> Texts:
    """The rule itself failed."""
    said = _PROBLEM[found.kind]
    detail = shown(found.detail, "", "en")
    return {language: f"{said[language]} ({detail})." for language in LANGUAGES}


def _why_in_french(why: str) -> str:
    reason, separator, detail = why.partition(":")
    said = _STATUS.get(reason.strip())
    if said is None:
        return why
    return said["fr"] + (f" :{detail}" if separator and detail.strip() else "")
