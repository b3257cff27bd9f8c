"""Passwords as they are kept: Argon2id, with the terms that OWASP gives as its first choice.

Each check takes 19 MiB for some tens of milliseconds; only so many run together, so that a crowd at
the sign-in page does not take the server's memory.
"""

import secrets
from functools import cache
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vigie_server.domain.passwords import LONGEST, canonical

MEMORY_KIB: Final = 19 * 1024
ROUNDS: Final = 2
AT_ONCE: Final = 2
_HASHER: Final = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1)


class Passwords:
    """Hashes passwords and checks them. Blocking: call it from a worker thread."""

    def __init__(self) -> None:
        self._turns = BoundedSemaphore(AT_ONCE)
        self._decoy = _nobodys()

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turns:
            return _HASHER.hash(canonical(password))

    def matches(self, password: str, kept: str | None) -> bool:
        """Whether this is the password. As slow where nothing is kept as where something is."""
        if len(password) > LONGEST:
            return False
        with self._turns:
            try:
                _HASHER.verify(kept or self._decoy, canonical(password))
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None


@cache
def _nobodys() -> str:
    """What is kept of a password that nobody knows."""
    return _HASHER.hash(secrets.token_urlsafe(16))
