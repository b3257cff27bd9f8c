"""Whether a device may enrol, as what, and whether it may take over an older record.

Serial numbers and UUIDs are claims: firmware repeats them, people copy them, and an attacker can
send any. A claim never revokes anything and never takes over a record of another site or of a
device that is alive.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vigie_server.domain.devices import DeviceState

PLATFORMS: Final = frozenset({"windows", "darwin", "linux"})

_JUNK: Final = frozenset(
    {
        "",
        "0",
        "1",
        "123456789",
        "1234567890",
        "012345678",
        "0123456789",
        "chassis serial number",
        "default string",
        "empty",
        "invalid",
        "n/a",
        "na",
        "none",
        "not applicable",
        "not available",
        "not specified",
        "o.e.m.",
        "oem",
        "serial number",
        "sn",
        "sys serial",
        "system serial number",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "unknown",
        "xxxxxxxxxx",
        "03000200-0400-0500-0006-000700080009",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
    }
)
"""What firmware says when nobody wrote a serial number or UUID into it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a device says of its hardware."""

    hardware_serial: str
    hardware_uuid: str
    hardware_vendor: str
    hardware_model: str
    hostname: str
    platform: str


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What an enrolment token allows. `serials` None means any device."""

    key: int
    id: str
    site: str
    site_key: int
    profile: str
    max_uses: int
    uses: int
    expires_at: datetime
    revoked: bool
    serials: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that made the same claim before."""

    key: int
    id: str
    site: str
    state: DeviceState
    last_seen_at: datetime
    refused: bool = False
    """Whether it was revoked: a device that took its record over would be refused as well."""


class Claim(StrEnum):
    """What becomes of a claim to be a device that is known."""

    NEW = "new"
    TAKES_OVER = "takes_over"
    CONFLICT = "conflict"


def is_junk(claim: str) -> bool:
    """Whether a serial number or UUID identifies nothing: a placeholder, or one repeated sign."""
    text = claim.strip().casefold()
    return text in _JUNK or len(set(text.replace("-", "").replace(" ", ""))) <= 1


def usable(token: TokenTerms, claims: Claims, *, now: datetime) -> bool:
    """Whether the token lets this device in now."""
    if token.revoked or now >= token.expires_at or token.uses >= token.max_uses:
        return False
    return token.serials is None or claims.hardware_serial.strip().casefold() in token.serials


def first_state(token: TokenTerms) -> DeviceState:
    """`active` for a token bound to one use or to a list of serials; `pending` otherwise."""
    bound = token.max_uses == 1 or token.serials is not None
    return DeviceState.ACTIVE if bound else DeviceState.PENDING


def settled(
    known: Collection[KnownDevice], *, site: str, now: datetime, silent_for: timedelta
) -> Claim:
    """What becomes of a claim that matches `known` devices: a silent one may be taken over."""
    if not known:
        return Claim.NEW
    if len(known) > 1:
        return Claim.CONFLICT
    (only,) = known
    silent = now - only.last_seen_at >= silent_for
    goes_on = only.state in {DeviceState.PENDING, DeviceState.ACTIVE} and not only.refused
    if only.site == site and silent and goes_on:
        return Claim.TAKES_OVER
    return Claim.CONFLICT
