"""One-time codes: of an app (TOTP, RFC 6238), of recovery and of the setup."""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest
from typing import Final

import pyotp

ISSUER: Final = "Vigie"
PERIOD: Final = 30
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_WINDOW: Final = 1
"""Periods before and after the present one whose code counts: clocks differ, people type."""
_RECOVERY_BYTES: Final = 10
_SETUP_BYTES: Final = 15
_GROUP: Final = 4


def new_secret() -> str:
    """The secret of an app, as people may type it: 160 bits in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, name: str) -> str:
    """What the QR code of the app holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The number of the period whose code this is, or None. Every period's code is compared."""
    codes = pyotp.TOTP(secret, digits=DIGITS, interval=PERIOD)
    typed = re.sub(r"\s", "", code).encode()
    present = int(now.timestamp()) // PERIOD
    found = None
    for step in range(present - _WINDOW, present + _WINDOW + 1):
        if compare_digest(codes.generate_otp(step).encode(), typed):
            found = step
    return found


def new_recovery_codes() -> Sequence[str]:
    """Codes for who has lost the app, 80 random bits each."""
    return [_grouped(_RECOVERY_BYTES) for _ in range(RECOVERY_CODES)]


def new_setup_code() -> str:
    """A code that sets an account up, 120 random bits."""
    return _grouped(_SETUP_BYTES)


def plain(code: str) -> bytes:
    """A recovery or setup code as it is hashed, however it was typed."""
    return re.sub(r"[^A-Z2-7]", "", code.upper()).encode()


def _grouped(size: int) -> str:
    text = base64.b32encode(secrets.token_bytes(size)).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
