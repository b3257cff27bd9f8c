"""What a person reads on a dashboard, in the two languages that each dashboard is written in."""

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """A dashboard is written once in each; French comes first."""

    FRENCH = "fr"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    fr: str
    en: str

    def said(self, language: Language) -> str:
        """The text in this language."""
        return self.fr if language is Language.FRENCH else self.en


SITE = Words("Établissement", "Site")
DEVICE = Words("Équipement", "Device")
DEVICES = Words("Équipements", "Devices")
PLATFORM = Words("Plateforme", "Platform")
GROUP = Words("Groupe", "Group")
SEVERITY = Words("Gravité", "Severity")
QUESTION = Words("Question", "Question")
RULE = Words("Règle", "Rule")
ALL = Words("Tous", "All")
