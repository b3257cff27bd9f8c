"""The words of the pages by which people come in, in French and English."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "sign_in": "Se connecter",
        "sign_out": "Se déconnecter",
        "name": "Nom du compte",
        "password": "Mot de passe",
        "new_password": "Mot de passe (12 caractères au moins, par exemple quatre ou cinq mots)",
        "again": "Le même mot de passe",
        "app_code": "Code de l'application, ou code de secours",
        "first_code": "Code affiché par l'application",
        "setup": "Mettre en service un compte",
        "setup_code": "Code de mise en service",
        "setup_hint": (
            "Le code vient de « vigie-server init », « account create » ou « setup-code »."
        ),
        "go_on": "Continuer",
        "scan": (
            "Scannez cette image avec une application de codes à usage unique, puis tapez le code "
            "qu'elle affiche."
        ),
        "secret": "Sans appareil photo, tapez cette clé dans l'application :",
        "recovery": "Codes de secours",
        "recovery_hint": (
            "Notez-les et gardez-les sous clé : chacun remplace une fois l'application. Ils ne "
            "seront plus affichés."
        ),
        "refused": "Nom, mot de passe ou code incorrect.",
        "code_refused": (
            "Ce code de mise en service n'est pas valable : il a servi, ou son temps est passé. "
            "« vigie-server setup-code » en donne un autre."
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
        "role_admin": "administrateur",
        "role_operator": "opérateur",
        "role_auditor": "auditeur",
        "role_contractor": "prestataire",
        "sites": "Sites",
        "every_site": "tous",
        "sessions": "Sessions ouvertes",
        "opened": "Ouverte le",
        "last_used": "servie le",
        "this_browser": "(ce navigateur)",
        "sign_out_elsewhere": "Fermer les autres sessions",
        "change_password": "Changer le mot de passe",
        "present_password": "Mot de passe actuel",
        "change_hint": "Les autres sessions seront fermées.",
        "password_changed": "Le mot de passe est changé, et les autres sessions sont fermées.",
        "fault_present": "Le mot de passe actuel n'est pas juste. Rien n'a changé.",
    },
    "en": {
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "name": "Account name",
        "password": "Password",
        "new_password": "Password (12 characters or more, four or five words for example)",
        "again": "The same password",
        "app_code": "Code of the app, or a recovery code",
        "first_code": "Code that the app shows",
        "setup": "Set an account up",
        "setup_code": "Setup code",
        "setup_hint": (
            "The code comes from `vigie-server init`, `account create` or `setup-code`."
        ),
        "go_on": "Continue",
        "scan": "Scan this image with an app for one-time codes, then type the code it shows.",
        "secret": "Without a camera, type this key into the app:",
        "recovery": "Recovery codes",
        "recovery_hint": (
            "Write them down and lock them away: each stands in for the app once. They are not "
            "shown again."
        ),
        "refused": "Name, password or code are not right.",
        "code_refused": (
            "This setup code is not valid: it was used, or its time is over. "
            "`vigie-server setup-code` gives another."
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
        "password_changed": "The password is changed, and your other sessions are ended.",
        "fault_present": "The present password is not right. Nothing was changed.",
    },
}
