"""When a certificate is renewed, and what a device signs to renew one that has expired."""

from datetime import datetime, timedelta
from typing import Final

from vigie_agent.domain.identity import Identity

RENEWAL_SHARE: Final = 1 / 3
"""Of its life: a certificate of 90 days is renewed from its 30th day on."""

RETRY_RENEWAL: Final = timedelta(hours=1)

_SIGNED_PREFIX: Final = b"vigie-renew-v1\n"


def is_due(identity: Identity, now: datetime) -> bool:
    """Whether to renew now, over a connection made with the certificate itself."""
    life = identity.not_after - identity.not_before
    return now >= identity.not_before + life * RENEWAL_SHARE


def is_expired(identity: Identity, now: datetime) -> bool:
    """Whether the certificate no longer opens the telemetry port, if `now` is right."""
    return now >= identity.not_after


def to_sign(nonce: bytes, device_id: str) -> bytes:
    """The bytes whose signature proves the key of an expired certificate."""
    return _SIGNED_PREFIX + nonce + device_id.encode()
