"""The thirteen questions, by the headings of the guide, and which rules and words bear on each.

Source of the headings: « La cybersécurité pour le social et le médico-social en 13 questions »,
Agence du Numérique en Santé; the English ones are ours.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.maturity import AnyOf, Attested, Condition, Ladder, OfSite, Share

HEADINGS: Final[Mapping[int, Texts]] = {
    1: {
        "fr": "Connaissez-vous suffisamment votre parc informatique ?",
        "en": "Do you know your fleet of devices well enough?",
    },
    2: {
        "fr": "Effectuez-vous des sauvegardes régulières ?",
        "en": "Do you make regular backups?",
    },
    3: {
        "fr": "Appliquez-vous régulièrement les mises à jour ?",
        "en": "Do you apply updates regularly?",
    },
    4: {"fr": "Utilisez-vous un antivirus ?", "en": "Do you use an antivirus?"},
    5: {
        "fr": "Avez-vous implémenté une politique d'usage de mots de passe robuste ?",
        "en": "Have you put a policy of robust passwords in place?",
    },
    6: {"fr": "Avez-vous activé un pare-feu ?", "en": "Have you turned on a firewall?"},
    7: {"fr": "Comment sécurisez-vous votre messagerie ?", "en": "How do you secure your e-mail?"},
    8: {
        "fr": "Comment séparez-vous vos usages informatiques ?",
        "en": "How do you keep uses of IT apart?",
    },
    9: {
        "fr": ("Comment maîtrisez-vous le risque numérique lié au nomadisme des professionnels ?"),
        "en": "How do you master the risks of mobile working?",
    },
    10: {
        "fr": "Comment vous informez-vous ? Comment sensibilisez-vous vos collaborateurs ?",
        "en": "How do you stay informed? How do you raise awareness among staff?",
    },
    11: {
        "fr": "Savez-vous comment réagir en cas de cyberattaque ?",
        "en": "Do you know how to react to a cyberattack?",
    },
    12: {
        "fr": "Avez-vous fait évaluer la couverture de votre police d'assurance cyber ?",
        "en": "Have you had the cover of your cyber insurance reviewed?",
    },
    13: {
        "fr": "Maîtrisez-vous les risques numériques liés à vos relations avec des tiers ?",
        "en": "Do you master the risks that come with third parties?",
    },
}


def subjects_of(ladder: Ladder, question: int) -> frozenset[str]:
    """The ids of all that the levels of a question ask for, of whichever question it is."""
    levels = ladder.get(question, {})
    return frozenset(_subjects(one for conditions in levels.values() for one in conditions))


def question_of(subject: str) -> int | None:
    """The question that a rule or an attestation belongs to, by its id."""
    digits = subject[1:3]
    return int(digits) if subject.startswith("Q") and digits.isdigit() else None


def _subjects(conditions: Iterable[Condition]) -> Iterable[str]:
    for condition in conditions:
        match condition:
            case Share(rule=rule) | OfSite(rule=rule):
                yield rule
            case Attested(item=item):
                yield item
            case AnyOf(lists=lists):
                yield from _subjects(one for held in lists for one in held)
