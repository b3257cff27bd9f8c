"""The words of one language: phrases with their values, in its typography, and a glossary."""

from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.phrases import PHRASES
from vigie_server.domain.facility_report.typography import french
from vigie_server.domain.plurals import Counted

GLOSSARY: Final[tuple[tuple[Texts, Texts], ...]] = (
    (
        {
            "fr": "Niveau N0 à N4",
            "en": "Level N0 to N4",
        },
        {
            "fr": "degré de maturité d'une question, du moins avancé au plus avancé",
            "en": "maturity of a question, from the least to the most advanced",
        },
    ),
    (
        {
            "fr": "Non évalué",
            "en": "Not assessed",
        },
        {
            "fr": "aucune preuve ni attestation n'est connue",
            "en": "no evidence and no attestation is known",
        },
    ),
    (
        {
            "fr": "Attestation",
            "en": "Attestation",
        },
        {
            "fr": "déclaration datée d'une personne, qui cesse de compter à son échéance",
            "en": "a dated statement of a person, which counts no more once it has expired",
        },
    ),
    (
        {
            "fr": "Dérogation",
            "en": "Waiver",
        },
        {
            "fr": "risque accepté par écrit sur des équipements nommés, jusqu'à une date",
            "en": "a risk accepted in writing on devices that are named, until a day",
        },
    ),
    (
        {
            "fr": "Équipement nomade",
            "en": "Mobile device",
        },
        {
            "fr": (
                "ordinateur portable ou tablette qui a quitté le site dans les 30 "
                "derniers jours, ou déclaré tel"
            ),
            "en": "a laptop or tablet that was off site in the last 30 days, or is declared so",
        },
    ),
    (
        {
            "fr": "Équipement silencieux",
            "en": "Silent device",
        },
        {
            "fr": "équipement qui ne transmet plus rien : éteint, remplacé ou perdu",
            "en": "a device that reports nothing any more: switched off, replaced or lost",
        },
    ),
    (
        {
            "fr": "Indéterminé",
            "en": "Unknown",
        },
        {
            "fr": "la preuve manque ou est trop ancienne ; ne compte jamais comme conforme",
            "en": "evidence is missing or too old; never counts as passing",
        },
    ),
)


class Words:
    """The phrases of one language, with its typography. Values are put in as they are."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._french = language == "fr"

    def __call__(self, phrase: str, **values: object) -> str:
        template = self.own(PHRASES[phrase][0 if self._french else 1])
        return template.format(
            **{
                name: Counted.of(value, self.language) if isinstance(value, int) else value
                for name, value in values.items()
            }
        )

    def own(self, text: str) -> str:
        """A text of ours, with the spaces of the language."""
        return french(text) if self._french else text

    def of(self, texts: Texts) -> str:
        """The text of the language."""
        return self.own(texts[self.language])
