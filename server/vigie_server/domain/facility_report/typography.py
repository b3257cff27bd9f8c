"""Text that is safe to show, and the spaces of French.

Text of devices and people is data: what would turn, hide or break a line is shown by its code, so
that a name reads as it is and a reader sees that there was more.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

LONGEST: Final = 400
"""Characters of a text that are shown; beyond, it is cut and says so."""
NAME: Final = 100
"""Characters of the name of a device that are shown."""
NO_BREAK: Final = "\u00a0"
NOTHING: Final = "\u2014"

_BEFORE: Final = re.compile(r" (?=[:;!?»%])")
_AFTER: Final = re.compile(r"(?<=«) ")
_DATE: Final = {"fr": "%d/%m/%Y", "en": "%Y-%m-%d"}
_KEPT_SPACES: Final = frozenset({" ", "\u00a0", "\u202f"})


def told(text: str, *, longest: int = LONGEST) -> str:
    """The text on one line, with codes for what has no form: `[U+202E]`."""
    composed = unicodedata.normalize("NFC", text[: 4 * longest])
    shown = "".join(_shown(sign) for sign in composed).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def french(text: str) -> str:
    """With the spaces that must not break, before `: ; ! ? » %` and after `«`."""
    return _AFTER.sub(NO_BREAK, _BEFORE.sub(NO_BREAK, text))


def day(at: datetime | None, language: str) -> str:
    """The day of an instant (UTC), as the language writes it; a dash for none."""
    return NOTHING if at is None else at.astimezone(UTC).strftime(_DATE[language])


def _shown(sign: str) -> str:
    if sign in _KEPT_SPACES:
        return sign
    if sign.isspace():
        return " "
    category = unicodedata.category(sign)
    return f"[U+{ord(sign):04X}]" if category.startswith("C") else sign
