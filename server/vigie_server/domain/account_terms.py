"""What an account may do, where, and until when. Pure.

A contractor comes from outside and is forgotten there first: their account names its sites and ends
within a year, as their tokens do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.errors import DeclarationRefused

CONTRACTOR: Final = "contractor"
CONTRACTOR_DAYS: Final = 366
"""How long a contractor's account lasts at most, from the day it is made or extended."""


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """A role, its sites (None: every site) and the instant from which nobody signs in any more."""

    role: str
    sites: frozenset[str] | None
    expires_at: datetime | None

    def require(self, *, now: datetime) -> None:
        """Raises DeclarationRefused for terms that no account may have."""
        if self.expires_at is not None and self.expires_at <= now:
            raise DeclarationRefused("expires_at: after now")
        if self.role != CONTRACTOR:
            return
        if not self.sites:
            raise DeclarationRefused("a contractor's account is of sites: name each of them")
        if self.expires_at is None or self.expires_at - now > timedelta(days=CONTRACTOR_DAYS):
            raise DeclarationRefused(
                f"a contractor's account ends: give an end within {CONTRACTOR_DAYS} days"
            )

    def told(self) -> str:
        """The terms in words, for the audit."""
        sites = "every site" if self.sites is None else f"{', '.join(sorted(self.sites))}"
        end = "no end" if self.expires_at is None else f"until {self.expires_at:%Y-%m-%d}"
        return f"{self.role}, {sites}, {end}"
