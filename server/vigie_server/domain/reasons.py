"""What the judge says itself when a rule cannot: why it is unknown, or does not apply."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.conditions import Problem, ProblemKind
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact
from vigie_server.domain.plurals import counted
from vigie_server.domain.statements import LANGUAGES, day, shown
from vigie_server.domain.topics import Topic
from vigie_server.domain.verdicts import Status
from vigie_server.domain.whys import Whys

STATUSES: Final[Mapping[Status, Texts]] = {
    Status.PASS: {"fr": "conforme", "en": "pass"},
    Status.FAIL: {"fr": "non conforme", "en": "fail"},
    Status.UNKNOWN: {"fr": "indéterminé", "en": "unknown"},
    Status.NOT_APPLICABLE: {"fr": "sans objet", "en": "not applicable"},
}
"""What a verdict is called by people, of one rule."""

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

_NO_ANSWER: Final[Texts] = {"fr": "aucune réponse", "en": "no answer"}

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
            f"plus ancienne que {counted(days, 'jour|jours', 'fr')}."
        ),
        "en": (
            f"“{title['en']}”: last evidence of {day(seconds, 'en')}, "
            f"older than {counted(days, 'day|days')}."
        ),
    }


def not_ok(topic: Topic, fact: Fact, whys: Whys) -> Texts:
    """The collection failed; the agent's own words follow, told in both languages."""
    said = whys.status(fact.status)
    detail: Texts = {"fr": "", "en": ""}
    if fact.message:
        titles = {
            name: {language: part.called(language) for language in LANGUAGES}
            for name, part in topic.parts.items()
        }
        told = whys.message(fact.message, titles)
        detail = {language: f" ({told[language]})" for language in LANGUAGES}
    return {
        "fr": f"« {topic.title['fr']} » : {said['fr']}{detail['fr']}.",
        "en": f"“{topic.title['en']}”: {said['en']}{detail['en']}.",
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


def parts_missing(topic: Topic, missing: Mapping[str, str], whys: Whys) -> Texts:
    """Parts that the rule reads could not be; `missing` holds why by part, "" where no row came."""
    told = {part: whys.told(why) if why else _NO_ANSWER for part, why in missing.items()}
    pieces = {
        language: ", ".join(
            f"{topic.parts[part].called(language)} ({why[language]})" for part, why in told.items()
        )
        for language in LANGUAGES
    }
    return {
        "fr": f"« {topic.title['fr']} », non lu : {pieces['fr']}.",
        "en": f"“{topic.title['en']}”, not read: {pieces['en']}.",
    }


def parameter_wrong(name: str) -> Texts:
    """A setting of the rule, overridden for the device, is not of its type."""
    return {
        "fr": f"Le réglage {name} de cette règle n'a pas une valeur utilisable.",
        "en": f"The setting {name} of this rule has no usable value.",
    }


def problem(found: Problem) -> Texts:
    """The rule itself failed; the evaluator's own words, which are English, are quoted."""
    said = _PROBLEM[found.kind]
    detail = shown(found.detail, "", "en")
    return {"fr": f"{said['fr']} (« {detail} »).", "en": f"{said['en']} ({detail})."}
