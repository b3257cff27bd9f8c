"""Which language a visitor reads: asked for, remembered, or what the browser says."""

from typing import Final

from vigie_server.console.words import DEFAULT, LANGUAGES

PARAMETER: Final = "lang"
COOKIE: Final = "vigie_lang"
_MOST_WISHES: Final = 20


def language_of(asked: str | None, remembered: str | None, own: str | None, accepted: str) -> str:
    """The language of a visit: asked for in the address, else the first that is known.

    They are: chosen in this browser before (a cookie), the account's, what the browser accepts.
    """
    for wish in (asked, remembered, own):
        if wish in LANGUAGES:
            return wish
    return _wished(accepted)


def _wished(accepted: str) -> str:
    wishes = []
    for place, part in enumerate(accepted.split(",")[:_MOST_WISHES]):
        name, _, rest = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            wishes.append((-_weight(rest), place, language))
    return min(wishes)[2] if wishes else DEFAULT


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
