"""The way of one browser to the identity provider and back, derived from a cookie alone.

State, nonce and PKCE verifier are keyed hashes of the cookie's secret, so an answer counts in the
browser that asked for it and in no other, nothing is kept here until then, and another server over
the same store can take the browser back.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from vigie_server.ports.providers import Way

LONGEST_GOES_TO: Final = 1_024
"""Characters of the page to come back to; who wanted a longer one comes to the first page."""
LONGEST_COOKIE: Final = 4_096


def new_way(goes_to: str, *, now: datetime) -> tuple[str, Way]:
    """A cookie, and the way that it stands for."""
    kept = goes_to if len(goes_to) <= LONGEST_GOES_TO else ""
    secret, began = secrets.token_urlsafe(32), str(int(now.timestamp()))
    cookie = f"{secret}.{began}.{urlsafe_b64encode(kept.encode()).decode()}"
    return cookie, _way(secret, began, kept)


def way_of(cookie: str, *, now: datetime, within: timedelta) -> Way | None:
    """The way of a cookie; None for one that is not ours, or began too long ago."""
    parts = cookie.split(".") if len(cookie) <= LONGEST_COOKIE else []
    if len(parts) != 3 or not 1 <= len(parts[0]) <= 64:  # noqa: PLR2004 (blake2b takes 64 bytes)
        return None
    secret, began, kept = parts
    try:
        age = now.timestamp() - int(began)
        goes_to = urlsafe_b64decode(kept).decode()
        secret.encode("ascii")
    except ValueError:
        return None
    if not 0 <= age < within.total_seconds():
        return None
    return _way(secret, began, goes_to)


def _way(secret: str, began: str, goes_to: str) -> Way:
    def derived(what: str) -> str:
        bound = f"{what}\0{began}\0{goes_to}".encode()
        return blake2b(bound, key=secret.encode(), digest_size=32).hexdigest()

    return Way(derived("state"), derived("nonce"), derived("verifier"), goes_to)
