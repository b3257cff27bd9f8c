"""What a password must be: long, and not one of the first that anybody tries.

Length is what counts; nothing is asked of kinds of characters, and no password ends by itself
(ANSSI, "Recommandations relatives à l'authentification multifacteur et aux mots de passe", 2021,
R21 to R24; NIST SP 800-63B, 5.1.1.2).
"""

import re
import unicodedata
from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 256
_LEFT_OVER: Final = 6
"""Characters that must be left when everything that is easily guessed is taken out."""
_DISTINCT: Final = 5

_COMMON: Final = (
    "administrateur", "administrator", "admin", "anniversaire", "azerty", "bienvenue", "bonjour",
    "changeme", "changezmoi", "chocolat", "consumer", "default", "doudou", "dragon", "ehpad",
    "football", "france", "hopital", "iloveyou", "jetaime", "letmein", "loulou", "login",
    "marseille", "master", "medico", "monkey", "motdepasse", "mdp", "nicolas", "paris", "passe",
    "passw0rd", "password", "princess", "qwerty", "qwertz", "residence", "root", "sante", "secret",
    "server", "serveur", "soleil", "sunshine", "superman", "test", "user", "utilisateur", "vigie",
    "welcome",
)  # fmt: skip
_ROWS: Final = (
    "azertyuiopqsdfghjklmwxcvbn",
    "qwertyuiopasdfghjklzxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
)
_RUN: Final = 4
"""Neighbours on a keyboard or in the alphabet that count as one easy guess."""
_LEET: Final = str.maketrans("013457@$!", "oieastasi")


def canonical(password: str) -> str:
    """The password as it is kept and compared: one form for the same characters."""
    return unicodedata.normalize("NFKC", password)


def weakness(password: str, *, account: str) -> str | None:
    """What is wrong with a new password: `short`, `long` or `common`; None where nothing is."""
    text = canonical(password)
    if len(text) < SHORTEST:
        return "short"
    if len(text) > LONGEST:
        return "long"
    return "common" if _guessed(text.casefold(), account.casefold()) else None


def _guessed(text: str, account: str) -> bool:
    if len(set(text)) < _DISTINCT:
        return True
    words = sorted({*_COMMON, *re.findall(r"\w{3,}", account)}, key=len, reverse=True)
    return min(_left_over(spelt, words) for spelt in (text, text.translate(_LEET))) < _LEFT_OVER


def _left_over(text: str, words: list[str]) -> int:
    """How many different characters stay when words, runs, figures and signs are taken out."""
    for word in words:
        text = text.replace(word, " ")
    for row in _ROWS:
        for way in (row, row[::-1]):
            for start in range(len(way) - _RUN + 1):
                text = text.replace(way[start : start + _RUN], " ")
    return len(set(re.sub(r"[\W\d_]", "", text)))
