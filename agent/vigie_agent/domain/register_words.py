"""The words of the register that `vigie-agent explain` does not say too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RegisterWords:
    """All sentences of one language."""

    title: str
    introduction: tuple[str, ...]
    who_title: str
    who: tuple[str, ...]
    rights_title: str
    rights: tuple[str, ...]
    glance_title: str
    glance_heads: tuple[str, ...]
    yes: str
    no: str
    days: str
    no_day: str
    read_on: str
    discovery_on: str
    live_title: str
    live: str
    live_one: str
    nothing_on: str
    columns: str


REGISTER_WORDS: Final[Mapping[str, RegisterWords]] = {
    "fr": RegisterWords(
        title="Registre : ce que Vigie collecte",
        introduction=(
            "[In English](#register-what-vigie-collects)",
            "",
            "Vigie vérifie l'hygiène numérique des ordinateurs de l'établissement, d'après les",
            "treize questions du guide « La cybersécurité pour le social et médico-social ».",
            "Il lit des réglages et des états, et ne modifie rien. Il ne lit ni vos documents, ni",
            "vos messages, ni votre navigation, ni votre position, ni ce que vous tapez ou",
            "affichez.",
            "",
            "Ce registre est fabriqué à partir des questions que l'agent pose réellement : rien",
            "n'est collecté qui n'y figure pas, hors questions ajoutées par votre établissement.",
        ),
        who_title="Qui voit ces informations",
        who=(
            (
                "Les personnes qui administrent Vigie dans votre établissement ou son organisme "
                "gestionnaire : l'état de chaque ordinateur et ce qui l'explique."
            ),
            "Un prestataire : uniquement les sites qui lui sont confiés, jusqu'à une date fixée.",
            (
                "Les tableaux de bord et les alertes (Prometheus, Grafana) : des nombres et des "
                "états, avec le nom de l'ordinateur, jamais le nom d'un compte ni d'une personne."
            ),
            "Personne d'autre : l'agent n'envoie rien qu'au serveur de votre établissement.",
        ),
        rights_title="Vérifier vous-même",
        rights=(
            (
                "Sur votre ordinateur, la commande `vigie-agent explain` dit ce qui y est lu, y "
                "compris les questions ajoutées par votre établissement et celles qui ont été "
                "posées directement à cet ordinateur."
            ),
            "La commande `vigie-agent check` montre les réponses elles-mêmes.",
            (
                "Pour faire corriger ou effacer ce qui vous concerne, adressez-vous à la direction "
                "ou au délégué à la protection des données de votre établissement."
            ),
        ),
        glance_title="En un coup d'œil",
        glance_heads=("Sujet", "Fréquence", "Données personnelles", "Conservation"),
        yes="oui",
        no="non",
        days="{} jours au plus",
        no_day="aucune",
        read_on="Détail technique, tables lues sur {system} : {tables}.",
        live_title="Questions posées directement",
        live=(
            "Un opérateur peut poser à un poste l'une de ces questions, en disant pourquoi. Les "
            "réponses sont gardées un jour par défaut après la fin de la question. Si votre "
            "établissement le permet, d'autres questions aussi, que l'agent refuse si elles "
            "sortent de ce qu'il a le droit de lire. La commande `vigie-agent explain` montre "
            "celles qui ont été posées à votre poste."
        ),
        live_one="{title}. {personal}",
        discovery_on="Question préalable sur {system}, tables lues : {tables}.",
        nothing_on="Sur {} : rien n'est lu.",
        columns="Détail technique, colonnes transmises : {}.",
    ),
    "en": RegisterWords(
        title="Register: what Vigie collects",
        introduction=(
            "Vigie checks the digital hygiene of the facility's computers, after the thirteen",
            "questions of the French guide for care homes. It reads settings and states, and",
            "changes nothing. It reads no document, no message, no browsing, no position, and",
            "nothing of what you type or display.",
            "",
            "This register is made of the questions that the agent really asks: nothing is",
            "collected that is not in it, but for questions that your facility added.",
        ),
        who_title="Who sees it",
        who=(
            (
                "The people who run Vigie in your facility or the body that manages it: the state "
                "of each computer and what explains it."
            ),
            "A contractor: only the sites in its care, until a fixed date.",
            (
                "Dashboards and alerts (Prometheus, Grafana): numbers and states, with the "
                "computer's name, never the name of an account or a person."
            ),
            "Nobody else: the agent sends nothing but to your facility's server.",
        ),
        rights_title="See for yourself",
        rights=(
            (
                "On your computer, the command `vigie-agent explain` says what is read there, "
                "with the questions that your facility added and those asked of this computer "
                "directly."
            ),
            "The command `vigie-agent check` shows the answers themselves.",
            (
                "To have what concerns you corrected or erased, turn to the management or the data "
                "protection officer of your facility."
            ),
        ),
        glance_title="At a glance",
        glance_heads=("Subject", "How often", "Personal data", "Kept"),
        yes="yes",
        no="no",
        days="{} days at most",
        no_day="not kept",
        read_on="Technical detail, tables read on {system}: {tables}.",
        live_title="Questions asked directly",
        live=(
            "An operator may ask a device one of these questions, saying why. Answers are kept "
            "for a day by default after the question's end. Where your facility allows it, other "
            "questions too, which the agent refuses if they leave what it may read. The command "
            "`vigie-agent explain` shows those that your device was asked."
        ),
        live_one="{title}. {personal}",
        discovery_on="Question asked first on {system}, tables read: {tables}.",
        nothing_on="On {}: nothing is read.",
        columns="Technical detail, columns sent: {}.",
    ),
}
