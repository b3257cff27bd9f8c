"""The words in which `vigie-agent explain` and the register tell staff what is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """All sentences of one language."""

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
    read_in: str
    discovery: str
    refused: str
    site_unknown: str
    left_out_title: str
    sent_title: str
    sent: tuple[str, ...]
    asked_title: str
    asked_none: str
    asked_hidden: str
    asked_line: str
    asked_answered: str
    asked_unanswered: str
    asked_refused: str
    questions: Mapping[int, str]


WORDS: Final[Mapping[str, Words]] = {
    "fr": Words(
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
        read_in="Où c'est lu (tables) : {}.",
        discovery="Seulement si une question préalable trouve quelque chose ; elle lit : {}.",
        refused="Demandé, mais refusé par l'agent et donc non lu : {part} ({why}).",
        site_unknown=(
            "Données personnelles et conservation : demandez-les à votre établissement, qui a "
            "ajouté cette question."
        ),
        left_out_title="Questions écartées, donc non posées",
        sent_title="Ce qui est envoyé en plus",
        sent=(
            (
                "À l'enrôlement : numéro de série, identifiant matériel, fabricant, modèle, nom et "
                "système de l'ordinateur."
            ),
            (
                "À chaque connexion : versions de l'agent et de son moteur, système, heure de "
                "l'ordinateur, et ce que coûte chaque lecture. Le serveur voit l'adresse réseau "
                "d'où vient la connexion."
            ),
        ),
        asked_title="Questions posées directement à cet ordinateur",
        asked_none="Aucune.",
        asked_hidden="Seul l'administrateur peut lire leur liste : sudo vigie-agent explain.",
        asked_line="{at}  par {asked_by} : {purpose}",
        asked_answered="Lignes envoyées en réponse : {rows}.",
        asked_unanswered="Pas de réponse ({why}).",
        asked_refused="Cet ordinateur refuse toute question directe (réglage live_questions).",
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
            11: "savoir réagir en cas de cyberattaque",
            12: "évaluer la couverture d'assurance",
            13: "maîtriser les accès des prestataires et services",
        },
    ),
    "en": Words(
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
        read_in="Read in (tables): {}.",
        discovery="Only if a question asked first finds something; that one reads: {}.",
        refused="Asked for, but refused by the agent and so not read: {part} ({why}).",
        site_unknown=(
            "Personal data and how long it is kept: ask your facility, which added this question."
        ),
        left_out_title="Questions left out, and so not asked",
        sent_title="What is sent beside it",
        sent=(
            (
                "At enrolment: serial number, hardware identifier, vendor, model, name and system "
                "of the computer."
            ),
            (
                "At each connection: versions of the agent and its engine, system, the computer's "
                "clock, and what each reading costs. The server sees the network address that the "
                "connection comes from."
            ),
        ),
        asked_title="Questions asked of this computer directly",
        asked_none="None.",
        asked_hidden="Only the administrator may read their list: sudo vigie-agent explain.",
        asked_line="{at}  by {asked_by}: {purpose}",
        asked_answered="Rows sent in answer: {rows}.",
        asked_unanswered="Not answered ({why}).",
        asked_refused="This computer refuses every direct question (setting live_questions).",
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
            11: "knowing how to react to an attack",
            12: "checking insurance cover",
            13: "mastering the access of contractors and services",
        },
    ),
}


def every(interval: timedelta, *, language: str) -> str:
    """How often, in words: `toutes les heures`, `every 15 minutes`."""
    words = WORDS[language]
    seconds = int(interval.total_seconds())
    for unit, (one, many) in words.periods.items():
        if seconds % unit == 0:
            count = seconds // unit
            return one if count == 1 else many.format(count)
    return words.periods[1][1].format(seconds)
