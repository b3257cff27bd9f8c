"""The words of the pages by which people come in, in French and English."""

from collections.abc import Mapping
from typing import Final

from vigie_server.domain.french import spaced

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "sign_in": "Se connecter",
        "sign_out": "Se déconnecter",
        "name": "Nom du compte",
        "password": "Mot de passe",
        "new_password": "Nouveau mot de passe",
        "new_password_about": "12 caractères au moins, par exemple quatre ou cinq mots.",
        "wrong": "Erreur :",
        "moment": "%d/%m/%Y %H:%M",
        "again": "Le même mot de passe",
        "app_code": "Code de l'application, ou code de secours",
        "first_code": "Code affiché par l'application",
        "setup": "Mettre en service un compte",
        "setup_code": "Code de mise en service",
        "setup_hint": (
            "La personne qui administre Vigie vous l'a remis. Pour le tout premier compte, il "
            "s'affiche à l'installation du serveur (« vigie-server init »)."
        ),
        "go_on": "Continuer",
        "scan": (
            "Avec votre téléphone, scannez cette image dans une application de codes à usage "
            "unique (FreeOTP, Microsoft Authenticator, Google Authenticator…), puis tapez le code "
            "à six chiffres qu'elle affiche."
        ),
        "secret": "Sans appareil photo, tapez cette clé dans l'application :",
        "same_phone": "Sur ce téléphone : ouvrir l'application",
        "recovery": "Codes de secours",
        "recovery_hint": (
            "Notez-les et gardez-les sous clé : chacun remplace une fois l'application. Ils ne "
            "seront plus affichés."
        ),
        "ended": (
            "Votre compte a pris fin à sa date d'expiration. Demandez à la personne qui "
            "administre Vigie de le prolonger."
        ),
        "refused": "Nom, mot de passe ou code incorrect.",
        "code_refused": (
            "Ce code de mise en service n'est pas valable : il a servi, ou son temps est passé. "
            "Demandez-en un autre à la personne qui administre Vigie. Sur le serveur, "
            "« vigie-server setup-code » en donne un."
        ),
        "wait": "Trop d'essais. Réessayez dans {minutes} min.",
        "fault_name": "Le nom doit avoir de 2 à 64 caractères.",
        "fault_taken": "Ce nom est déjà pris.",
        "fault_short": "Le mot de passe doit avoir au moins 12 caractères.",
        "fault_long": "Le mot de passe doit avoir au plus 256 caractères.",
        "fault_common": "Ce mot de passe est trop facile à deviner : prenez d'autres mots.",
        "fault_code": "Le code de l'application n'est pas juste : vérifiez l'heure du téléphone.",
        "fault_differ": "Les deux mots de passe diffèrent.",
        "account": "Mon compte",
        "role": "Rôle",
        "role_admin": "administration",
        "role_operator": "exploitation",
        "role_auditor": "audit",
        "role_contractor": "prestataire",
        "sites": "Établissements",
        "every_site": "tous",
        "sessions": "Sessions ouvertes",
        "opened": "Ouverte le",
        "last_used": "servie le",
        "this_browser": "(ce navigateur)",
        "sign_out_elsewhere": "Fermer les autres sessions",
        "change_password": "Changer le mot de passe",
        "present_password": "Mot de passe actuel",
        "change_hint": "Les autres sessions seront fermées.",
        "renew_app": "Changer d'application ou de téléphone",
        "renew_app_hint": (
            "Un nouveau téléphone ou une autre application donne les codes à la place de "
            "l'ancien. Les codes de secours sont refaits, et les autres sessions sont fermées."
        ),
        "app_renewed": (
            "La nouvelle application est en service. L'ancienne et les anciens codes de secours "
            "ne servent plus."
        ),
        "app_over": "Le temps est passé, ou votre compte a changé. Recommencez. Rien n'a changé.",
        "password_changed": "Le mot de passe est changé, et les autres sessions sont fermées.",
        "fault_present": "Le mot de passe actuel n'est pas juste. Rien n'a changé.",
        "by_password": "Avec un compte de Vigie",
        "emergency": "Compte de secours",
        "not_signed_in": "Connexion impossible",
        "back_to_sign_in": "Revenir à la page de connexion",
        "signed_out": "Vous êtes déconnecté de Vigie",
        "signed_out_hint": (
            "La page suivante ferme aussi votre session chez le fournisseur d'identité."
        ),
        "sign_out_there": "Continuer",
        "provider_unreachable": (
            "Le fournisseur d'identité ne répond pas. Réessayez dans quelques minutes. Si cela "
            "dure, prévenez la personne qui administre Vigie."
        ),
        "provider_answer": (
            "La réponse du fournisseur d'identité n'est pas utilisable. Recommencez. Si cela se "
            "répète, prévenez la personne qui administre Vigie : le journal du serveur en donne "
            "la raison."
        ),
        "provider_way": (
            "Cette connexion a expiré, ou elle a commencé dans un autre navigateur ou un autre "
            "onglet. Recommencez depuis la page de connexion."
        ),
        "provider_denied": (
            "Le fournisseur d'identité n'a pas confirmé votre identité. Recommencez, et allez au "
            "bout de la démarche qu'il propose."
        ),
        "provider_token": (
            "La preuve d'identité reçue n'est pas valable. Recommencez. Si cela se répète, "
            "prévenez la personne qui administre Vigie : le journal du serveur en donne la raison."
        ),
        "provider_assurance": (
            "Vous vous êtes identifié par un moyen moins sûr que celui demandé ici. Recommencez "
            "avec votre carte, votre application ou un second facteur."
        ),
        "provider_claim": (
            "Le fournisseur d'identité ne transmet pas le nom sous lequel vous seriez connu ici. "
            "Demandez à la personne qui administre Vigie de vérifier les informations demandées."
        ),
        "provider_no_right": (
            "Votre identité est confirmée, mais vous n'avez aucun droit dans Vigie. Demandez-les à "
            "la personne qui administre Vigie : votre essai est noté dans le journal d'audit."
        ),
        "provider_locked": (
            "Votre compte est verrouillé. Adressez-vous à la personne qui administre Vigie."
        ),
        "provider_ended": (
            "Votre compte a pris fin à sa date d'expiration. Demandez à la personne qui "
            "administre Vigie de le prolonger."
        ),
        "provider_taken": (
            "Un autre compte porte déjà votre nom. Demandez à la personne qui administre Vigie de "
            "relier ce compte à votre identité."
        ),
        "fault_local": (
            "Ici, on se connecte par le fournisseur d'identité : seul le compte de secours a un "
            "mot de passe."
        ),
    },
    "en": {
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "name": "Account name",
        "password": "Password",
        "new_password": "New password",
        "new_password_about": "12 characters or more, four or five words for example.",
        "wrong": "Error:",
        "moment": "%Y-%m-%d %H:%M",
        "again": "The same password",
        "app_code": "Code of the app, or a recovery code",
        "first_code": "Code that the app shows",
        "setup": "Set an account up",
        "setup_code": "Setup code",
        "setup_hint": (
            "The person who runs Vigie gave it to you. For the very first account it is shown "
            "when the server is installed (`vigie-server init`)."
        ),
        "go_on": "Continue",
        "scan": (
            "With your telephone, scan this image in an app for one-time codes (FreeOTP, Microsoft "
            "Authenticator, Google Authenticator…), then type the six digits it shows."
        ),
        "same_phone": "On this telephone: open the app",
        "secret": "Without a camera, type this key into the app:",
        "recovery": "Recovery codes",
        "recovery_hint": (
            "Write them down and lock them away: each stands in for the app once. They are not "
            "shown again."
        ),
        "ended": (
            "Your account ended on its last day. Ask the person who runs Vigie to extend it."
        ),
        "refused": "Name, password or code are not right.",
        "code_refused": (
            "This setup code is not valid: it was used, or its time is over. "
            "Ask the person who runs Vigie for another. On the server, `vigie-server setup-code` "
            "gives one."
        ),
        "wait": "Too many attempts. Try again in {minutes} min.",
        "fault_name": "A name has 2 to 64 characters.",
        "fault_taken": "That name is taken.",
        "fault_short": "A password has 12 characters at least.",
        "fault_long": "A password has 256 characters at most.",
        "fault_common": "That password is too easily guessed: take other words.",
        "fault_code": "The app's code is not right: check the phone's clock.",
        "fault_differ": "The two passwords differ.",
        "account": "My account",
        "role": "Role",
        "role_admin": "administrator",
        "role_operator": "operator",
        "role_auditor": "auditor",
        "role_contractor": "contractor",
        "sites": "Sites",
        "every_site": "every site",
        "sessions": "Open sessions",
        "opened": "Opened",
        "last_used": "last used",
        "this_browser": "(this browser)",
        "sign_out_elsewhere": "Sign out everywhere else",
        "change_password": "Change the password",
        "present_password": "Present password",
        "change_hint": "Your other sessions are ended.",
        "renew_app": "Change the app or telephone",
        "renew_app_hint": (
            "A new telephone or another app gives the codes instead of the old one. Recovery "
            "codes are made anew, and your other sessions are ended."
        ),
        "app_renewed": (
            "The new app is in force. The old one and the old recovery codes are of no use any "
            "more."
        ),
        "app_over": "The time is over, or your account was changed. Nothing was done: begin again.",
        "password_changed": "The password is changed, and your other sessions are ended.",
        "fault_present": "The present password is not right. Nothing was changed.",
        "by_password": "With an account of Vigie",
        "emergency": "Emergency account",
        "not_signed_in": "You could not be signed in",
        "back_to_sign_in": "Back to the sign-in page",
        "signed_out": "You are signed out of Vigie",
        "signed_out_hint": "The next page ends your session at the identity provider too.",
        "sign_out_there": "Continue",
        "provider_unreachable": (
            "The identity provider does not answer. Try again in a few minutes. If it goes on, "
            "tell the person who runs Vigie."
        ),
        "provider_answer": (
            "The identity provider's answer is of no use. Start again. If it happens again, tell "
            "the person who runs Vigie: the server's log says why."
        ),
        "provider_way": (
            "This sign-in took too long, or began in another browser or tab. Start again from the "
            "sign-in page."
        ),
        "provider_denied": (
            "The identity provider did not confirm who you are. Start again, and follow its steps "
            "to the end."
        ),
        "provider_token": (
            "The proof of who you are is not valid. Start again. If it happens again, tell the "
            "person who runs Vigie: the server's log says why."
        ),
        "provider_assurance": (
            "You proved who you are by less than is asked for here. Start again with your card, "
            "your app or a second factor."
        ),
        "provider_claim": (
            "The identity provider does not tell the name by which you would be known here. Ask "
            "the person who runs Vigie to check what is asked of it."
        ),
        "provider_no_right": (
            "We know who you are, but you have no rights in Vigie. Ask the person who runs Vigie "
            "for them: your attempt is in the audit log."
        ),
        "provider_locked": "Your account is locked. Ask the person who runs Vigie.",
        "provider_ended": (
            "Your account ended on its last day. Ask the person who runs Vigie to extend it."
        ),
        "provider_taken": (
            "Another account has your name already. Ask the person who runs Vigie to link it to "
            "your identity."
        ),
        "fault_local": (
            "People sign in by the identity provider here: the emergency account alone has a "
            "password."
        ),
    },
}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    **_WORDS,
    "fr": {name: spaced(text) for name, text in _WORDS["fr"].items()},
}
