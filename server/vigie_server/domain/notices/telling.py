"""A message about what happened, in French or English."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.notices.content import Content
from vigie_server.domain.notices.message import Message, Part, in_type, plain
from vigie_server.domain.notices.occurrences import What
from vigie_server.domain.plurals import Counted
from vigie_server.domain.statements import day

_SUBJECT: Final[Texts] = {
    "fr": "[Vigie] {site} : {count:point à traiter|points à traiter}",
    "en": "[Vigie] {site}: {count:thing to see to|things to see to}",
}
_OPENING: Final[Texts] = {
    "fr": "Établissement : {site}. Voici ce qui demande une action dès maintenant.",
    "en": "Site: {site}. This is what needs to be seen to now.",
}
_HEADINGS: Final[Mapping[What, Texts]] = {
    What.MISSING: {
        "fr": "Équipement déclaré perdu ou volé qui se manifeste de nouveau",
        "en": "Device declared lost or stolen that reports again",
    },
    What.CLONED: {
        "fr": "Deux machines se présentent sous la même identité",
        "en": "Two machines speak with one identity",
    },
    What.CRITICAL: {
        "fr": "Règle critique non respectée : {title} ({count:équipement|équipements})",
        "en": "Critical rule fails: {title} ({count:device|devices})",
    },
    What.MAIL: {
        "fr": "Domaine de messagerie en défaut : {title}",
        "en": "Mail domain at fault: {title}",
    },
    What.LEVEL: {
        "fr": "Niveau perdu : {title}",
        "en": "Level lost: {title}",
    },
    What.ATTESTATION: {
        "fr": "Attestation expirée : {title}",
        "en": "Attestation expired: {title}",
    },
    What.WAIVER: {
        "fr": "Dérogation expirée : {title}",
        "en": "Waiver expired: {title}",
    },
}
_SINCE: Final[Texts] = {"fr": " (depuis le {day})", "en": " (since {day})"}
_MORE: Final[Texts] = {"fr": "… et {count} de plus", "en": "… and {count} more"}
_OTHERS: Final[Texts] = {
    "fr": "Et {count:autre point|autres points}, que montrent la console et l'API.",
    "en": "And {count:other thing|other things}, which console and API show.",
}
_COLON: Final[Texts] = {"fr": " : ", "en": ": "}
_CLOSING: Final[Texts] = {
    "fr": "Message automatique de Vigie, référence {id}. Ne pas y répondre.",
    "en": "Automatic message of Vigie, reference {id}. Please do not answer.",
}
_TEST_SUBJECT: Final[Texts] = {"fr": "[Vigie] Essai de notification", "en": "[Vigie] Test notice"}
_TEST: Final[Texts] = {
    "fr": "Ceci est un essai : les notifications de Vigie arrivent ici.",
    "en": "This is a test: notices of Vigie arrive here.",
}


def told_in(content: Content, *, site: str, notice: str, language: str) -> Message:
    """The message about what happened at a site."""
    site = plain(site, 80)
    parts = [_part(part, language) for part in content["parts"]]
    if content["more"]:
        parts.append(Part(_formed(_OTHERS, language, count=content["more"]), ()))
    return in_type(
        Message(
            language=language,
            subject=_formed(_SUBJECT, language, site=site, count=content["count"]),
            opening=_formed(_OPENING, language, site=site),
            parts=parts,
            closing=closing(notice, language),
        )
    )


def trial_message(notice: str, language: str) -> Message:
    """The message that shows that messages arrive."""
    return in_type(
        Message(language, _TEST_SUBJECT[language], _TEST[language], (), closing(notice, language))
    )


def closing(notice: str, language: str) -> str:
    """The last line of every message."""
    return _CLOSING[language].format(id=notice)


def _part(part: Mapping[str, Any], language: str) -> Part:
    heading = _formed(
        _HEADINGS[What(part["what"])],
        language,
        title=plain(part["title"][language], 200),
        count=part["count"],
    )
    lines = [_line(item, language) for item in part["items"]]
    more = part["count"] - len(lines)
    if more > 0:
        lines.append(_formed(_MORE, language, count=more))
    return Part(heading, lines)


def _line(item: Mapping[str, Any], language: str) -> str:
    name, reason = plain(item["name"], 80), plain(item["reason"].get(language, ""))
    said = _COLON[language].join(text for text in (name, reason) if text)
    at = datetime.fromisoformat(item["since"]).timestamp()
    return said + _SINCE[language].format(day=day(at, language))


def _formed(words: Texts, language: str, **values: Any) -> str:
    count = values.pop("count", 0)
    return words[language].format(**values, count=Counted.of(count, language))
