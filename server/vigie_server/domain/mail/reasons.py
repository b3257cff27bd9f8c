"""The sentences of question 7's measured rules: each names the record or the server it is about."""

from collections.abc import Mapping
from typing import Final

from vigie_server.domain.documents import Texts

# --- Whatever the rule ----------------------------------------------------------------------------

DNS_TIMEOUT: Final[Texts] = {
    "fr": "Le DNS n'a pas répondu à temps pour {name} ({kind}) : rien ne peut en être dit.",
    "en": "DNS did not answer in time for {name} ({kind}): nothing can be said of it.",
}
DNS_FAILED: Final[Texts] = {
    "fr": "Le DNS a répondu par une erreur pour {name} ({kind}) : rien ne peut en être dit.",
    "en": "DNS answered with an error for {name} ({kind}): nothing can be said of it.",
}
NOT_CHECKED: Final[Texts] = {
    "fr": "Le domaine {domain} n'a pas encore été vérifié.",
    "en": "The domain {domain} has not been checked yet.",
}
OUT_OF_TIME: Final[Texts] = {
    "fr": "La vérification du domaine {domain} a pris trop de temps et a été interrompue.",
    "en": "The check of the domain {domain} took too long and was stopped.",
}
NO_SUCH_DOMAIN: Final[Texts] = {
    "fr": "Le domaine {domain} n'existe pas dans le DNS : vérifiez son nom et son renouvellement.",
    "en": "The domain {domain} does not exist in DNS: check its name and its renewal.",
}
SENDS_NOTHING: Final[Texts] = {
    "fr": "Le domaine {domain} déclare n'envoyer ni recevoir aucun courriel.",
    "en": "The domain {domain} says that it neither sends nor takes mail.",
}

# --- SPF ------------------------------------------------------------------------------------------

SPF_STRICT: Final[Texts] = {
    "fr": "{domain} publie un enregistrement SPF qui refuse les expéditeurs inconnus "
    "({count:recherche|recherches} sur 10).",
    "en": "{domain} publishes an SPF record that refuses unknown senders "
    "({count:look-up|look-ups} of 10).",
}
SPF_SOFT: Final[Texts] = {
    "fr": "{domain} publie un enregistrement SPF qui rend suspects les expéditeurs inconnus "
    "(~all, {count:recherche|recherches} sur 10).",
    "en": "{domain} publishes an SPF record that marks unknown senders as suspicious "
    "(~all, {count:look-up|look-ups} of 10).",
}
SPF_OPEN: Final[Texts] = {
    "fr": "L'enregistrement SPF de {domain} autorise n'importe qui à envoyer en son nom ({term}).",
    "en": "The SPF record of {domain} lets anybody send in its name ({term}).",
}
SPF_NEUTRAL: Final[Texts] = {
    "fr": "L'enregistrement SPF de {domain} ne dit rien des expéditeurs inconnus : "
    "il ne se termine ni par -all ni par ~all.",
    "en": "The SPF record of {domain} says nothing of unknown senders: "
    "it ends neither in -all nor in ~all.",
}
SPF_NONE: Final[Texts] = {
    "fr": "{domain} ne publie pas d'enregistrement SPF.",
    "en": "{domain} publishes no SPF record.",
}
SPF_TARGET_NONE: Final[Texts] = {
    "fr": "L'enregistrement SPF de {domain} renvoie à {name} ({term}), qui n'en publie pas : "
    "les destinataires l'ignorent en entier.",
    "en": "The SPF record of {domain} refers to {name} ({term}), which publishes none: "
    "receivers ignore all of it.",
}
SPF_SEVERAL: Final[Texts] = {
    "fr": "{name} publie {count} enregistrements SPF : il en faut un seul, sinon aucun ne compte.",
    "en": "{name} publishes {count} SPF records: there must be one, or none of them counts.",
}
SPF_SYNTAX: Final[Texts] = {
    "fr": "L'enregistrement SPF de {name} est mal écrit : « {term} ».",
    "en": "The SPF record of {name} is malformed: “{term}”.",
}
SPF_LOOP: Final[Texts] = {
    "fr": "L'enregistrement SPF de {domain} tourne en rond : {term} revient à {name}.",
    "en": "The SPF record of {domain} goes round in circles: {term} comes back to {name}.",
}
SPF_LOOK_UPS: Final[Texts] = {
    "fr": "L'enregistrement SPF de {domain} demande plus de {most} recherches DNS : "
    "les destinataires l'abandonnent.",
    "en": "The SPF record of {domain} asks for more than {most} DNS look-ups: "
    "receivers give up on it.",
}
SPF_REDIRECT_MACRO: Final[Texts] = {
    "fr": "L'enregistrement SPF renvoie à un nom qui dépend de l'expéditeur ({term}) : "
    "il ne peut pas être suivi d'avance.",
    "en": "The SPF record refers to a name that depends on the sender ({term}): "
    "it cannot be followed beforehand.",
}

# --- DKIM -----------------------------------------------------------------------------------------

DKIM_NO_SELECTOR: Final[Texts] = {
    "fr": "Aucun sélecteur DKIM n'est renseigné pour {domain} : demandez-le à votre prestataire de "
    "messagerie.",
    "en": "No DKIM selector is given for {domain}: ask your mail provider for it.",
}
DKIM_NONE: Final[Texts] = {
    "fr": "{name} ne publie pas de clé DKIM.",
    "en": "{name} publishes no DKIM key.",
}
DKIM_SEVERAL: Final[Texts] = {
    "fr": "{name} publie {count} enregistrements : il en faut un seul par sélecteur.",
    "en": "{name} publishes {count} records: a selector must have one.",
}
DKIM_SYNTAX: Final[Texts] = {
    "fr": "L'enregistrement DKIM {name} est mal écrit ({what}).",
    "en": "The DKIM record {name} is malformed ({what}).",
}
DKIM_REVOKED: Final[Texts] = {
    "fr": "La clé DKIM {name} est révoquée.",
    "en": "The DKIM key {name} is revoked.",
}
DKIM_TESTING: Final[Texts] = {
    "fr": "La clé DKIM {name} est en mode test (t=y) : les destinataires n'en tiennent pas compte.",
    "en": "The DKIM key {name} is in test mode (t=y): receivers take no account of it.",
}
DKIM_HASH: Final[Texts] = {
    "fr": "La clé DKIM {name} n'admet que {hashes} : SHA-256 est nécessaire.",
    "en": "The DKIM key {name} allows {hashes} only: SHA-256 is needed.",
}
DKIM_SERVICE: Final[Texts] = {
    "fr": "La clé DKIM {name} n'est pas faite pour le courriel (s={service}).",
    "en": "The DKIM key {name} is not meant for mail (s={service}).",
}
DKIM_KEY: Final[Texts] = {
    "fr": "La clé DKIM {name} est illisible.",
    "en": "The DKIM key {name} cannot be read.",
}
DKIM_KIND: Final[Texts] = {
    "fr": "La clé DKIM {name} est d'un type inconnu ({kind}).",
    "en": "The DKIM key {name} is of an unknown kind ({kind}).",
}
DKIM_SHORT: Final[Texts] = {
    "fr": "La clé DKIM {name} est trop courte : {bits} bits, il en faut {least}, mieux {advised}.",
    "en": "The DKIM key {name} is too short: {bits} bits; it needs {least}, better {advised}.",
}
DKIM_LONG: Final[Texts] = {
    "fr": "La clé DKIM {name} est trop longue ({bits} bits) : au-delà de {most}, les destinataires "
    "peuvent l'ignorer.",
    "en": "The DKIM key {name} is too long ({bits} bits): receivers may ignore one beyond {most}.",
}
DKIM_FAIR: Final[Texts] = {
    "fr": "La clé DKIM {name} est publiée ({bits} bits ; {advised} sont recommandés).",
    "en": "The DKIM key {name} is published ({bits} bits; {advised} are advised).",
}
DKIM_GOOD: Final[Texts] = {
    "fr": "La clé DKIM {name} est publiée ({bits} bits).",
    "en": "The DKIM key {name} is published ({bits} bits).",
}
DKIM_ED25519: Final[Texts] = {
    "fr": "La clé DKIM {name} est publiée (Ed25519).",
    "en": "The DKIM key {name} is published (Ed25519).",
}

# --- DMARC ----------------------------------------------------------------------------------------

DMARC_NONE: Final[Texts] = {
    "fr": "Ni {domain} ni un domaine au-dessus ne publie de règle DMARC (_dmarc.{domain}).",
    "en": "Neither {domain} nor a domain above it publishes a DMARC policy (_dmarc.{domain}).",
}
DMARC_SEVERAL: Final[Texts] = {
    "fr": "{name} publie {count} règles DMARC : il en faut une seule, sinon aucune ne compte.",
    "en": "{name} publishes {count} DMARC policies: there must be one, or none of them counts.",
}
DMARC_SYNTAX: Final[Texts] = {
    "fr": "La règle DMARC {name} est mal écrite : « {what} ».",
    "en": "The DMARC policy {name} is malformed: “{what}”.",
}
DMARC_POLICY: Final[Texts] = {
    "fr": "La règle DMARC {name} n'a pas de valeur connue ({tag}={policy}).",
    "en": "The DMARC policy {name} has no known value ({tag}={policy}).",
}
DMARC_WATCHES: Final[Texts] = {
    "fr": "La règle DMARC {name} ne fait qu'observer ({tag}={policy}) : les courriels usurpés sont "
    "encore livrés. C'est une première étape, à poursuivre par quarantine.",
    "en": "The DMARC policy {name} only watches ({tag}={policy}): forged mail is still delivered. "
    "It is a first step; quarantine is the next.",
}
DMARC_TESTING: Final[Texts] = {
    "fr": "La règle DMARC {name} est en mode test (t=y) : elle n'est pas appliquée en entier.",
    "en": "The DMARC policy {name} is in test mode (t=y): it is not applied in full.",
}
DMARC_SHARE: Final[Texts] = {
    "fr": "La règle DMARC {name} ne vaut que pour une partie des courriels (pct={share}).",
    "en": "The DMARC policy {name} holds for a part of the mail only (pct={share}).",
}
DMARC_ENFORCED: Final[Texts] = {
    "fr": "La règle DMARC {name} protège le domaine ({tag}={policy}).",
    "en": "The DMARC policy {name} protects the domain ({tag}={policy}).",
}
DMARC_INHERITED: Final[Texts] = {
    "fr": "La règle DMARC {name} protège aussi {domain} ({tag}={policy}).",
    "en": "The DMARC policy {name} protects {domain} too ({tag}={policy}).",
}

# --- STARTTLS -------------------------------------------------------------------------------------

NULL_MX: Final[Texts] = {
    "fr": "{domain} déclare ne recevoir aucun courriel (MX nul).",
    "en": "{domain} says that it takes no mail (null MX).",
}
TAKES_NO_MAIL: Final[Texts] = {
    "fr": "Aucun serveur ne reçoit les courriels de {domain} : vérifiez le nom du domaine ; "
    "s'il ne reçoit rien, publiez un MX nul.",
    "en": "No server takes the mail of {domain}: check the domain's name; if it takes none, "
    "publish a null MX.",
}
MANY_SERVERS: Final[Texts] = {
    "fr": "{domain} a {count} serveurs de courriel ; seuls les {most} premiers ont été vérifiés.",
    "en": "{domain} has {count} mail servers; only the first {most} were checked.",
}
MX_NO_NAME: Final[Texts] = {
    "fr": "Le MX « {host} » n'est pas un nom de serveur.",
    "en": "The MX “{host}” is not the name of a server.",
}
MX_NOWHERE: Final[Texts] = {
    "fr": "Le serveur de courriel {host} n'a pas d'adresse dans le DNS.",
    "en": "The mail server {host} has no address in DNS.",
}

MET: Final[Mapping[str, Texts]] = {
    "encrypted": {
        "fr": "{host} chiffre les échanges, certificat valable jusqu'au {until}.",
        "en": "{host} encrypts, with a certificate valid until {until}.",
    },
    "no_starttls": {
        "fr": "{host} n'offre pas le chiffrement (STARTTLS).",
        "en": "{host} does not offer encryption (STARTTLS).",
    },
    "tls_failed": {
        "fr": "{host} offre STARTTLS, mais le chiffrement échoue ({said}).",
        "en": "{host} offers STARTTLS, but encryption fails ({said}).",
    },
    "expired": {
        "fr": "Le certificat de {host} est périmé.",
        "en": "The certificate of {host} has expired.",
    },
    "not_yet_valid": {
        "fr": "Le certificat de {host} n'est pas encore valable.",
        "en": "The certificate of {host} is not valid yet.",
    },
    "wrong_name": {
        "fr": "Le certificat de {host} est établi pour un autre nom.",
        "en": "The certificate of {host} is made out to another name.",
    },
    "self_signed": {
        "fr": "Le certificat de {host} est auto-signé.",
        "en": "The certificate of {host} is self-signed.",
    },
    "untrusted": {
        "fr": "Le certificat de {host} ne vient pas d'une autorité reconnue ({said}).",
        "en": "The certificate of {host} does not come from a known authority ({said}).",
    },
    "no_answer": {
        "fr": "{host} ne répond pas ({address}) ; vérifiez aussi que le serveur Vigie peut joindre "
        "Internet sur le port 25.",
        "en": "{host} does not answer ({address}); check too that the Vigie server can reach the "
        "Internet on port 25.",
    },
    "no_route": {
        "fr": "Le serveur Vigie n'a pas de route vers {host} ({address}).",
        "en": "The Vigie server has no route to {host} ({address}).",
    },
    "not_smtp": {
        "fr": "{host} ({address}) répond autre chose que du courriel (SMTP).",
        "en": "{host} ({address}) answers something other than mail (SMTP).",
    },
    "turned_away": {
        "fr": "{host} a refusé la vérification ({said}).",
        "en": "{host} turned the check away ({said}).",
    },
    "private": {
        "fr": "{host} mène à une adresse privée ({address}), que le serveur Vigie n'appelle pas.",
        "en": "{host} leads to a private address ({address}), which the Vigie server "
        "does not call.",
    },
}
"""By how the meeting ended (`exchangers.Met`)."""
