"""What somebody probably meant who wrote a name that does not exist."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


def folded(text: str) -> str:
    """The text without case, accents, and what stands between its words."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    kept = (sign if sign.isalnum() else " " for sign in parts if not unicodedata.combining(sign))
    return " ".join("".join(kept).split())


def meant(given: str, known: Iterable[str]) -> str:
    """`: did you mean X?`, or nothing where no known name resembles the given one."""
    by_folded = {folded(name): name for name in known}
    close = get_close_matches(folded(given), by_folded, n=1, cutoff=0.6)
    return f": did you mean `{by_folded[close[0]]}`?" if close else ""
