"""Acts of the audit in the reader's language.

The audit keeps what was done in English, word for word, as it is exported and read by programs.
Here stands how each act is told in French: what it names (`{}`) is passed on. What is not here, of
a version to come or of one long gone, is told as it was written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.console.presenters.phrases import Phrases
from vigie_server.domain.french import NO_BREAK
from vigie_server.ports.lists import AuditedAct

ENGLISH: Final = "en"

FRENCH: Final[Mapping[str, str]] = {
    "approved": "équipement approuvé",
    "retired": "équipement retiré du parc",
    "revoked": "certificats de l'équipement révoqués",
    "quarantined: {}": "mis en quarantaine : {}",
    "enrolled with token {}": "équipement enrôlé par le jeton {}",
    "enrolled again": "équipement enrôlé de nouveau",
    "asked to judge again": "réévaluation demandée",
    "changed the asset card: {}": "fiche modifiée : {}",
    "waived: {}": "dérogation accordée : {}",
    "waiver ended: {}": "dérogation terminée : {}",
    "declared a site": "établissement déclaré",
    "removed a site": "établissement supprimé",
    "declared a group: {}": "groupe déclaré : {}",
    "removed a group": "groupe supprimé",
    "declared mail domain {}": "domaine de messagerie déclaré : {}",
    "removed mail domain {}": "domaine de messagerie retiré : {}",
    "asked for a check of mail domain {}": "contrôle demandé du domaine {}",
    "declared notice recipient {}: {}": "destinataire de messages ajouté, {} : {}",
    "removed notice recipient {}": "destinataire de messages retiré : {}",
    "asked for a test notice to {}": "message d'essai demandé pour {}",
    "declared {}": "déclaré {}",
    "set {} {} = {} for a {}: {}": "paramètre {} {} = {} pour un {} : {}",
    "unset {} {} for a {}: {}": "paramètre {} {} retiré pour un {} : {}",
    "attestation {}: {}": "attestation {} : {}",
    "incident {}: {}": "main courante, entrée {} : empreinte {}",
    "reviewed the inventory: {}": "inventaire revu : {}",
    "asked {} ({}) a SELECT: {} ({})": "question posée à {} ({}), requête {} (motif : {})",
    "asked {} ({}) {} ({})": "question posée à {} ({}) : {} (motif : {})",
    "cancelled a question": "question arrêtée",
    "allowed live questions of any SELECT": "questions libres autorisées",
    "no longer allowed live questions of any SELECT": "questions libres interdites",
    "made a token for {}": "jeton d'enrôlement créé pour {}",
    "made a token: {}": "jeton d'accès créé : {}",
    "rotated a token, overlap until {}": "jeton renouvelé, l'ancien vaut jusqu'au {}",
    "revoked a token": "jeton révoqué",
    "made an account: {}": "compte créé : {}",
    "made an account by claims: {}": "compte créé par le fournisseur d'identité : {}",
    "changed an account: {}": "droits du compte modifiés : {}",
    "changed an account by claims: {} to {}, other sites": (
        "droits modifiés par le fournisseur d'identité : de {} à {}, autres établissements"
    ),
    "changed an account by claims: {} to {}": (
        "droits modifiés par le fournisseur d'identité : de {} à {}"
    ),
    "linked an account to {} {}": "compte lié à {} {}",
    "unlinked an account": "compte délié du fournisseur d'identité",
    "locked an account": "compte suspendu",
    "unlocked an account": "compte rétabli",
    "reset an account": "compte réinitialisé",
    "made a setup code": "code d'installation créé",
    "set up an account and signed in": "compte installé, connexion",
    "signed in": "connexion",
    "signed in with a recovery code": "connexion par un code de secours",
    "signed in by the identity provider": "connexion par le fournisseur d'identité",
    "signed out": "déconnexion",
    "signed out everywhere else": "déconnexion partout ailleurs",
    "refused a sign-in": "connexion refusée",
    "refused a sign-in by the identity provider: {}": (
        "connexion par le fournisseur d'identité refusée : {}"
    ),
    "changed the password and ended other sessions": (
        "mot de passe changé, autres sessions fermées"
    ),
    "renewed the app of one-time codes and ended other sessions": (
        "application de codes renouvelée, autres sessions fermées"
    ),
    "was refused a change of {}": "changement refusé : {}",
    "restored a backup": "sauvegarde restaurée",
    "copied the store from SQLite": "base copiée depuis SQLite",
    "rolled out agent {} to {} percent": "agent {} déployé sur {} % des équipements",
    "stopped the rollout of the agent": "déploiement de l'agent arrêté",
    "GET {}: {}, {}, {}": "consultation de {} : réponse {}, {}, {}",
}
"""By the act as the audit has it; the first that fits is told."""

_WORDS: Final[Mapping[str, str]] = {
    "admin": "administration",
    "operator": "exploitation",
    "auditor": "audit",
    "contractor": "prestataire",
    "scrape": "métriques",
    "held": "fait",
    "not_held": "pas fait",
    "not_applicable": "sans objet",
    "withdrawn": "retirée",
    "expired": "expirée",
    "active": "retrouvé",
    "lost": "perdu",
    "stolen": "volé",
    "nomadic": "nomade",
    "not nomadic": "non nomade",
    "nomadic or not as it is found": "nomade ou non d'après ses réseaux",
    "site": "établissement",
    "group": "groupe",
    "device": "équipement",
    "fleet": "parc",
    "password": "mot de passe",
    "app of one-time codes": "application de codes",
    "two machines hold this identity": "deux machines portent cette identité",
    "two machines speak with this identity": "deux machines parlent sous cette identité",
    "equipment": "équipements",
    "software": "logiciels",
    "data": "traitements de données",
    "access": "accès",
    "interconnections": "interconnexions",
    "unreachable": "fournisseur injoignable",
    "answer": "réponse inutilisable",
    "way": "retour inattendu ou trop tardif",
    "denied": "abandonnée, ou refusée par le fournisseur",
    "token": "preuve non valable",
    "assurance": "preuve insuffisante",
    "claim": "identité non transmise",
    "no_right": "aucun droit ici",
    "locked": "compte suspendu",
    "ended": "compte échu",
    "taken": "nom déjà pris",
    "every site": "tous les établissements",
    "every device": "tous les équipements",
    "an unknown name": "un nom inconnu",
    "an unknown person": "une personne inconnue",
    "a new administrator": "un nouveau compte d'administration",
    "outside its sites": "hors de son périmètre",
    "server": "serveur",
}
_PARTS: Final = (
    (re.compile(r"(\d+) devices?\b"), "équipements\u00a0: \\1"),
    (re.compile(r"(\d+) requests?\b"), "requêtes\u00a0: \\1"),
    (re.compile(r"(\d+) rows?\b"), "lignes\u00a0: \\1"),
    (re.compile(r"; devices "), "\u202f; équipements "),
    (re.compile(r"^site (?=\S)"), "l'établissement "),
    (re.compile(r"^group (?=\S)"), "le groupe "),
    (re.compile(r"\bevery site\b"), "tous les établissements"),
    (re.compile(r"\bno end$"), "sans fin"),
    (re.compile(r"\buntil (\d{4}-\d\d-\d\d)$"), r"jusqu'au \1"),
    (
        re.compile(r"^(admin|operator|auditor|contractor|scrape)(?=, )"),
        lambda role: _WORDS[role[1]],
    ),
)
_ACTORS: Final[Mapping[str, str]] = {
    "account": "compte",
    "api": "jeton",
    "cli": "ligne de commande",
}


@dataclass(frozen=True, slots=True)
class ActSeen:
    """An act as a page tells it. `language` is that of `action`."""

    actor: str
    action: str
    subject: str
    language: str


def act_seen(act: AuditedAct, language: str) -> ActSeen:
    """The act in this language; its action in English where nobody has put it in French."""
    if language == ENGLISH:
        return ActSeen(act.actor, act.action, act.subject, ENGLISH)
    action = in_french(act.action)
    told = act.action if action is None else action
    subject = _WORDS.get(act.subject, act.subject)
    return ActSeen(_actor(act.actor), told, subject, ENGLISH if action is None else language)


def in_french(action: str) -> str | None:
    """What was done, in French; None where nobody has put it so."""
    return _PHRASES(action)


def _value(text: str) -> str:
    if text in _WORDS:
        return _WORDS[text]
    for pattern, told in _PARTS:
        text = pattern.sub(told, text)
    return text


def _actor(actor: str) -> str:
    kind, between, name = actor.partition(":")
    if not between:
        return _WORDS.get(actor, actor)
    return f"{_ACTORS.get(kind, kind)}{NO_BREAK}: {name}"


_PHRASES: Final = Phrases(FRENCH, _value)
