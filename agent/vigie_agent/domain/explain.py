"""What `vigie-agent explain` says: all that is read on this device, in words for its users.

Made of the plan in force and the topics' declarations, so that it cannot differ from what is done.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.domain.plan import Plan, TopicPlan
from vigie_agent.domain.topics import Topic

LANGUAGES: Final = ("fr", "en")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A live question that was asked of this device. `at` is ISO 8601, UTC."""

    at: str
    asked_by: str
    purpose: str
    sql: str


def explanation(
    plan: Plan,
    topics: Mapping[str, Topic],
    asked: Sequence[AskedQuestion] | None,
    *,
    language: str,
    with_sql: bool = False,
) -> Iterator[str]:
    """The lines to print. `asked` is None when the record may not be read by this account."""
    words = _WORDS[language]
    yield words.title
    yield ""
    yield from words.introduction
    for name, topic in plan.topics.items():
        yield ""
        yield from _about_topic(topic, topics.get(name), words, language)
        if with_sql:
            yield from _sql_of(topic)
    yield ""
    yield from _about_questions(asked, words)


def every(interval: timedelta, *, language: str) -> str:
    """How often, in words: `toutes les heures`, `every 15 minutes`."""
    words = _WORDS[language]
    seconds = int(interval.total_seconds())
    for unit, (one, many) in words.periods.items():
        if seconds % unit == 0:
            count = seconds // unit
            return one if count == 1 else many.format(count)
    return words.periods[1][1].format(seconds)


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    introduction: tuple[str, ...]
    periods: Mapping[int, tuple[str, str]]
    how_often: str
    question: str
    personal: str
    no_personal: str
    kept: str
    not_kept: str
    site_pack: str
    not_read: str
    whys: Mapping[str, str]
    asked_title: str
    asked_none: str
    asked_hidden: str
    asked_line: str
    questions: Mapping[int, str]


_WORDS: Final[Mapping[str, _Words]] = {
    "fr": _Words(
        title="Ce que Vigie lit sur cet ordinateur",
        introduction=(
            "Vigie vérifie l'hygiène numérique de cet ordinateur : il lit des réglages et des",
            "états, et ne modifie rien. Il ne lit ni vos documents, ni vos messages, ni votre",
            "navigation, ni votre position, ni ce que vous tapez ou affichez.",
        ),
        periods={
            86400: ("une fois par jour", "tous les {} jours"),
            3600: ("toutes les heures", "toutes les {} heures"),
            60: ("toutes les minutes", "toutes les {} minutes"),
            1: ("toutes les secondes", "toutes les {} secondes"),
        },
        how_often="Fréquence : {}.",
        question="Pourquoi : question {number} du guide, {title}.",
        personal="Données personnelles : {}",
        no_personal="Données personnelles : aucune.",
        kept="Conservation sur le serveur : {} jours au plus.",
        not_kept="Conservation sur le serveur : aucune, seul le résultat est gardé.",
        site_pack="Question ajoutée par votre établissement : {}.",
        not_read="Non lu sur cet ordinateur : {part} ({why}).",
        whys={
            "needs osquery ": "il faut osquery ",
            "no query of the packs answers it": "aucune question des paquets n'y répond",
        },
        asked_title="Questions posées directement à cet ordinateur",
        asked_none="Aucune.",
        asked_hidden="Seul l'administrateur peut lire leur liste : sudo vigie-agent explain.",
        asked_line="{at}  par {asked_by} : {purpose}",
        questions={
            1: "connaître son parc informatique",
            2: "sauvegarder ses données",
            3: "appliquer les mises à jour",
            4: "utiliser un antivirus",
            5: "protéger les comptes par de bons mots de passe",
            6: "activer un pare-feu",
            7: "sécuriser la messagerie",
            8: "séparer les usages et les droits",
            9: "maîtriser le risque numérique en mobilité",
            10: "s'informer et sensibiliser",
            11: "évaluer la couverture d'assurance",
            12: "savoir réagir en cas de cyberattaque",
            13: "maîtriser les accès des prestataires et services",
        },
    ),
    "en": _Words(
        title="What Vigie reads on this computer",
        introduction=(
            "Vigie checks the digital hygiene of this computer. It reads settings and states, and",
            "changes nothing. It reads no document, no message, no browsing, no position, and",
            "nothing of what you type or display.",
        ),
        periods={
            86400: ("once a day", "every {} days"),
            3600: ("every hour", "every {} hours"),
            60: ("every minute", "every {} minutes"),
            1: ("every second", "every {} seconds"),
        },
        how_often="How often: {}.",
        question="Why: question {number} of the guide, {title}.",
        personal="Personal data: {}",
        no_personal="Personal data: none.",
        kept="Kept on the server: {} days at most.",
        not_kept="Kept on the server: nothing, only the result is.",
        site_pack="Question added by your facility: {}.",
        not_read="Not read on this computer: {part} ({why}).",
        whys={},
        asked_title="Questions asked of this computer directly",
        asked_none="None.",
        asked_hidden="Only the administrator may read their list: sudo vigie-agent explain.",
        asked_line="{at}  by {asked_by}: {purpose}",
        questions={
            1: "knowing one's equipment",
            2: "backing up data",
            3: "installing updates",
            4: "using an antivirus",
            5: "protecting accounts with good passwords",
            6: "turning on a firewall",
            7: "securing e-mail",
            8: "keeping uses and rights apart",
            9: "mastering digital risk away from the office",
            10: "staying informed and raising awareness",
            11: "checking insurance cover",
            12: "knowing how to react to an attack",
            13: "mastering the access of contractors and services",
        },
    ),
}


def _about_topic(
    topic: TopicPlan, declared: Topic | None, words: _Words, language: str
) -> Iterator[str]:
    how_often = words.how_often.format(every(topic.interval, language=language))
    if declared is None:
        descriptions = [part.query.description for part in topic.parts if part.query]
        yield topic.topic
        yield "  " + words.site_pack.format(" ".join(descriptions).strip(" .") or topic.topic)
        yield f"  {how_often}"
        return
    yield declared.title.of(language)
    yield f"  {declared.purpose.of(language)}"
    yield f"  {how_often}"
    for number in declared.guide_questions:
        yield "  " + words.question.format(number=number, title=words.questions.get(number, ""))
    if declared.personal_data is None:
        yield f"  {words.no_personal}"
    else:
        yield "  " + words.personal.format(declared.personal_data.of(language))
    kept = words.kept if declared.retention_days else words.not_kept
    yield "  " + kept.format(declared.retention_days)
    for part in topic.parts:
        if part.query is None and part.unanswered is not None:
            why = _told(part.unanswered.detail, words)
            yield "  " + words.not_read.format(part=part.part, why=why)


def _told(why: str, words: _Words) -> str:
    """What a plan says of a part that nobody asks, by its beginning."""
    for beginning, told in words.whys.items():
        if why.startswith(beginning):
            return told + why.removeprefix(beginning)
    return why


def _sql_of(topic: TopicPlan) -> Iterator[str]:
    for part in topic.parts:
        if part.query is not None:
            yield f"    {part.part or part.query.name}: {' '.join(part.query.sql.split())}"


def _about_questions(asked: Sequence[AskedQuestion] | None, words: _Words) -> Iterator[str]:
    yield words.asked_title
    if asked is None:
        yield f"  {words.asked_hidden}"
    elif not asked:
        yield f"  {words.asked_none}"
    for question in asked or ():
        yield "  " + words.asked_line.format(
            at=question.at, asked_by=question.asked_by, purpose=question.purpose
        )
        yield f"    {' '.join(question.sql.split())}"
