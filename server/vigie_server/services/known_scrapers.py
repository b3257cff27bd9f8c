"""Knows who scraped lately while the store is away: what metrics show then is what is wrong."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from vigie_server.domain.errors import StoreBusy, TokenRefused
from vigie_server.ports.tokens import ApiCaller, ApiTokens
from vigie_server.services.enrol import hashed

MOST_KNOWN: Final = 256
"""Tokens that are known beside the store; the one that was seen first goes."""


@dataclass(frozen=True, slots=True)
class KnownScrapers:
    """The `ApiTokens` of metrics: `tokens`, and while these cannot be asked, who held one.

    `known_for`: how long after the store last knew a token; zero: not at all. Of a secret only its
    hash is kept. A token that is revoked or expires while the store is away is known until then.
    """

    tokens: ApiTokens
    known_for: timedelta
    _known: dict[bytes, tuple[ApiCaller, datetime]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        """Who holds this token. Raises TokenRefused, StoreBusy."""
        key = hashed(secret.encode())
        try:
            found = self.tokens.caller(secret, now=now)
        except TokenRefused:
            with self._lock:
                self._known.pop(key, None)
            raise
        except StoreBusy:
            known = self._known.get(key)
            if known is None or now - known[1] >= self.known_for:
                raise
            return known[0]
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = found, now
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return found
