"""What somebody probably meant who wrote a name that does not exist."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_PLATFORMS: Final = {
    "darwin": ("macos", "mac os", "mac os x", "osx", "os x", "mac", "apple"),
    "windows": ("win", "win32", "win64", "microsoft"),
    "linux": ("gnu linux", "debian", "ubuntu", "red hat", "rhel", "fedora", "mint", "posix"),
}
"""What people call the platforms that osquery calls so."""


def folded(text: str) -> str:
    """The text without case, accents, and what stands between its words."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    kept = (sign if sign.isalnum() else " " for sign in parts if not unicodedata.combining(sign))
    return " ".join("".join(kept).split())


def meant(given: str, known: Iterable[str]) -> str:
    """`: did you mean X?`, or nothing where no known name resembles the given one."""
    close = nearest(given, known)
    return f": did you mean `{close}`?" if close is not None else ""


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known name that resembles the given one most; None where none does."""
    by_folded = {folded(name): name for name in known}
    close = get_close_matches(folded(given), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def platform_meant(given: str, platforms: Iterable[str]) -> str:
    """The same of a platform, by what people call it too: macOS is `darwin`."""
    said = folded(given)
    named = next((name for name, others in _PLATFORMS.items() if said in others), None)
    return f": did you mean `{named}`?" if named is not None else meant(given, platforms)
