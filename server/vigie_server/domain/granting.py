"""What claims of an identity provider say: who someone is, and which role on which sites.

Of several grants that apply, the highest role counts, with the sites of the grants of that very
role: so nobody gets further by two grants than one of them reaches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Claims = Mapping[str, Any]

MOST_VALUES: Final = 1_000
"""Values of one claim that are looked at."""
LONGEST: Final = 255
"""Characters of a subject (OpenID Connect Core, section 2), and of any other value here."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The role that a value of a claim gives.

    `sites` None: every site; `sites_claim`: those that this claim names, and none without it.
    """

    claim: str
    value: str
    role: str
    sites: frozenset[str] | None = None
    sites_claim: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """A role and its sites; None: every site."""

    role: str
    sites: frozenset[str] | None


def granted(claims: Claims, grants: Sequence[Grant], ranked: Sequence[str]) -> Rights | None:
    """The rights that the claims give; None: none. `ranked`: the roles, the highest first."""
    applying = [grant for grant in grants if grant.value in values_at(claims, grant.claim)]
    found = [(grant.role, _sites(claims, grant)) for grant in applying]
    for role in ranked:
        scopes = [sites for of, sites in found if of == role and (sites is None or sites)]
        if scopes:
            bounded = [sites for sites in scopes if sites is not None]
            whole = len(bounded) < len(scopes)
            return Rights(role, None if whole else frozenset().union(*bounded))
    return None


def text_at(claims: Claims, path: str) -> str | None:
    """The one text of a claim; None where there is none, or several."""
    found = values_at(claims, path)
    return found[0] if len(found) == 1 else None


def values_at(claims: Claims, path: str) -> Sequence[str]:
    """The texts of a claim, which is a text or a list of them.

    `path` is its name, or the names on the way to it (`realm_access.roles`). A name that has a full
    stop in itself (`https://example.org/roles`) is found as it stands.
    """
    found = _at(claims, path)
    listed = found if isinstance(found, list) else [found]
    texts = [str(one) if type(one) is int else one for one in listed[:MOST_VALUES]]
    return [one for one in texts if isinstance(one, str) and 0 < len(one) <= LONGEST]


def names_claim(claims: Claims, path: str) -> bool:
    """Whether the claim is there, whatever it holds."""
    return _at(claims, path) is not None


def _at(claims: Claims, path: str) -> object:
    if path in claims:
        return claims[path]
    for end in range(len(path) - 1, 0, -1):
        inner = claims.get(path[:end]) if path[end] == "." else None
        if isinstance(inner, Mapping):
            return _at(inner, path[end + 1 :])
    return None


def _sites(claims: Claims, grant: Grant) -> frozenset[str] | None:
    if grant.sites_claim:
        return frozenset(values_at(claims, grant.sites_claim))
    return grant.sites
