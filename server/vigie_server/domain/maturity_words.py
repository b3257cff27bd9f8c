"""What holds a site at its level and what to do next, in French and English sentences."""

from collections.abc import Mapping, Sequence
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.maturity import LEVELS, Action, Assessment, Need
from vigie_server.domain.plurals import Counted
from vigie_server.domain.statements import LANGUAGES, day, shown

NAMED: Final = 5
"""Devices that a sentence names; the action itself names more."""

_ACTION: Final[Mapping[Need, Texts]] = {
    Need.DECLARE: {
        "fr": "déclarer le nombre d'équipements de l'établissement",
        "en": "declare how many devices the site has",
    },
    Need.APPLY: {
        "fr": "aucun équipement n'est concerné par « {title} » : l'indiquer sans objet",
        "en": "no device is concerned by “{title}”: say that it is not applicable",
    },
    Need.ATTEST: {
        "fr": "attester « {title} »{value}{more}{expired}",
        "en": "attest “{title}”{value}{more}{expired}",
    },
    Need.SITE: {
        "fr": "remplir « {title} » pour l'établissement",
        "en": "meet “{title}” for the site",
    },
    Need.MEND: {
        "fr": "mettre {count:équipement|équipements} en règle pour « {title} »{devices}",
        "en": "have {count:device|devices} meet “{title}”{devices}",
    },
    Need.ENROL: {
        "fr": (
            "enrôler {count:équipement déclaré|équipements déclarés} "
            "qui ne {count:|remonte|remontent} rien (« {title} »)"
        ),
        "en": (
            "enrol {count:declared device|declared devices} "
            "that {count:|does|do} not report (“{title}”)"
        ),
    },
}
_VALUE: Final = {"fr": " avec la réponse « {value} »", "en": " with the answer “{value}”"}
_ANSWERS: Final[Mapping[str, Texts]] = {
    "yes": {"fr": "oui", "en": "yes"},
    "no": {"fr": "non", "en": "no"},
}
_AT_LEAST: Final = {"fr": " (au moins {number})", "en": " (at least {number})"}
_FOR_MORE: Final = {
    "fr": " pour {count:équipement|équipements} de plus",
    "en": " for {count:more device|more devices}",
}
_EXPIRED: Final = {
    "fr": " de nouveau, l'attestation ayant expiré le {day}",
    "en": " again, as what was attested expired on {day}",
}
_OR: Final = {"fr": ", ou bien : ", "en": ", or else: "}
_AND: Final = {"fr": " et ", "en": " and "}
_MORE: Final = {"fr": ", … et {count} de plus", "en": ", … and {count} more"}
_COLON: Final = {"fr": " : ", "en": ": "}
_AMONG: Final = {"fr": ", dont : ", "en": ", among them: "}
_NOT_ASSESSED: Final = {
    "fr": "Non évalué : aucune preuve ni attestation pour cette question.",
    "en": "Not assessed: no evidence and no attestation for this question.",
}
_TOP: Final = {
    "fr": "Toutes les conditions du niveau N4 sont remplies.",
    "en": "All the conditions of level N4 are met.",
}
_HELD: Final = {
    "fr": "Niveau N{level}. Pour atteindre N{next}, {count:action|actions}{among}{first}.",
    "en": "Level N{level}. To reach N{next}, {count:action|actions}{among}{first}.",
}


def action_words(action: Action, titles: Mapping[str, Texts]) -> Texts:
    """What to do. `titles` by the id of rules and attestations."""
    return {language: _said(action, titles, language) for language in LANGUAGES}


def held_by(assessment: Assessment, titles: Mapping[str, Texts]) -> Texts:
    """What holds the site at its level."""
    if assessment.level is None:
        return _NOT_ASSESSED
    if not assessment.actions or assessment.level == LEVELS[-1]:
        return _TOP
    return {
        language: _HELD[language].format(
            level=assessment.level,
            next=assessment.level + 1,
            count=Counted.of(len(assessment.actions), language),
            among=(_COLON if len(assessment.actions) == 1 else _AMONG)[language],
            first=_said(assessment.actions[0], titles, language),
        )
        for language in LANGUAGES
    }


def _said(action: Action, titles: Mapping[str, Texts], language: str) -> str:
    title = titles.get(action.subject)
    sentence = _ACTION[action.need][language].format(
        title=action.subject if title is None else title[language],
        count=Counted.of(action.count, language),
        more=_for_more(action, language),
        devices=_devices(action.devices, language),
        value=_value(action, language),
        expired="" if action.expired_at is None else _expired(action.expired_at, language),
    )
    for way in action.alternatives:
        others = [_said(other, titles, language) for other in way]
        sentence += _OR[language] + _AND[language].join(others)
    return sentence


def _value(action: Action, language: str) -> str:
    """What the attestation has to carry."""
    if action.value is not None:
        answer = _ANSWERS.get(action.value, {}).get(language, action.value)
        return _VALUE[language].format(value=answer)
    if action.at_least is not None:
        return _AT_LEAST[language].format(number=f"{action.at_least:g}")
    return ""


def _for_more(action: Action, language: str) -> str:
    if action.need is not Need.ATTEST or not action.count:
        return ""
    return _FOR_MORE[language].format(count=Counted.of(action.count, language))


def _expired(at: float, language: str) -> str:
    return _EXPIRED[language].format(day=day(at, language))


def _devices(names: Sequence[str], language: str) -> str:
    if not names:
        return ""
    told = ", ".join(shown(name, "", language) for name in names[:NAMED])
    more = len(names) - NAMED
    return _COLON[language] + told + (_MORE[language].format(count=more) if more > 0 else "")
