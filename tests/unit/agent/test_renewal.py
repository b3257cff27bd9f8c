"""When a certificate is renewed, and what is signed when it is too late for that."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_agent.domain.identity import Identity, Issued
from vigie_agent.domain.renewal import is_due, is_expired, to_sign

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = Identity(
    issued=Issued("device-1", (b"leaf",), (b"authority",), ("vigie:8443",), ("vigie:8444",)),
    key=b"-----BEGIN PRIVATE KEY-----",
    not_before=ISSUED,
    not_after=ISSUED + timedelta(days=90),
)


@pytest.mark.parametrize(
    ("days", "due", "expired"),
    [
        (0, False, False),
        (29.9, False, False),
        (30, True, False),
        (89, True, False),
        (90, True, True),
    ],
)
def test_a_certificate_of_90_days_is_due_from_its_30th_on(
    days: float, due: bool, expired: bool
) -> None:
    now = ISSUED + timedelta(days=days)

    assert (is_due(IDENTITY, now), is_expired(IDENTITY, now)) == (due, expired)


def test_what_is_signed_binds_the_nonce_to_the_device_and_to_this_use() -> None:
    assert to_sign(b"nonce", "device-1") == b"vigie-renew-v1\nnoncedevice-1"


def test_the_private_key_stays_out_of_messages() -> None:
    assert "PRIVATE" not in repr(IDENTITY)
