"""Mail domains and DKIM selectors as people give them."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from vigie_server.domain.errors import DeclarationRefused

MOST_SELECTORS: Final = 20
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SELECTOR: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME_CHARACTERS: Final = 253


def domain_of(text: str) -> str:
    """`example.fr`, lower case, of `example.fr.` or of an address. Raises DeclarationRefused."""
    given = text.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        name = given.encode("idna").decode("ascii") if given else ""
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _NAME_CHARACTERS or _is_address(name):  # noqa: PLR2004 (a name and its zone)
        raise _refused(text)
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise _refused(text)
    return name


def is_host(text: str) -> bool:
    """Whether it can be a server's name: what DNS may hold beside is octets of any kind.

    Underscores, which RFC 1123 has no place for, are met in the wild and do no harm.
    """
    labels = text.split(".")
    return (
        len(text) <= _NAME_CHARACTERS
        and all(_HOST_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()  # an address
    )


def selectors_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order. Raises DeclarationRefused."""
    read = []
    for text in texts:
        selector = text.strip().rstrip(".").lower().removesuffix("._domainkey")
        labels = selector.split(".")
        if len(selector) > 100 or not all(_SELECTOR.fullmatch(label) for label in labels):  # noqa: PLR2004 (a name)
            raise DeclarationRefused(
                f"selector {text.strip()[:100]!r}: a DKIM selector is letters, digits and hyphens, "
                "such as `selector1`: the part before `._domainkey`"
            )
        read.append(selector)
    once = tuple(dict.fromkeys(read))
    if len(once) > MOST_SELECTORS:
        raise DeclarationRefused(f"a mail domain has at most {MOST_SELECTORS} selectors")
    return once


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refused(text: str) -> DeclarationRefused:
    return DeclarationRefused(
        f"mail domain {text.strip()[:100]!r}: give the part after the @, such as example.fr"
    )
