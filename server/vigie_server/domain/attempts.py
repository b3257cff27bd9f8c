"""How often one place may knock: a bucket for each peer, in memory and under a keyed hash.

Addresses are neither logged nor stored; the hash's key dies with the process.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock
from typing import Final

from vigie_server.domain.errors import RateLimited

MAX_PEERS: Final = 50_000


class Attempts:
    """Allows `burst` attempts at once and `per_minute` in the long run, for each peer."""

    def __init__(self, *, per_minute: float, burst: float, monotonic: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._monotonic = monotonic
        self._key = secrets.token_bytes(16)
        self._lock = Lock()
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, peer: str) -> None:
        """Counts one attempt of this peer. Raises RateLimited. Safe to use from several threads."""
        with self._lock:
            self._take(peer)

    def _take(self, peer: str) -> None:
        name = blake2b(peer.encode(), key=self._key, digest_size=8).digest()
        now = self._monotonic()
        left, at = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[name] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_PEERS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimited("too many attempts: come back later", after=(1 - left) / self._rate)
