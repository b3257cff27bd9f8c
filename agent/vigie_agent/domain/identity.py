"""Who this device is: its key, its certificate, whom it trusts, and where its server is."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """What the server gives a device that enrols or renews. Certificates are DER, leaf first.

    `trust_bundle` holds the authorities to trust from now on: two during a rotation.
    """

    device_id: str
    certificate_chain: tuple[bytes, ...]
    trust_bundle: tuple[bytes, ...]
    telemetry_endpoints: tuple[str, ...]
    enrolment_endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """What was issued, with the private key (PEM) it was issued for, which stays out of repr."""

    issued: Issued
    key: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime

    @property
    def device_id(self) -> str:
        """The id that the server gave this device."""
        return self.issued.device_id


@dataclass(frozen=True, slots=True)
class HardwareClaims:
    """What this device says of its hardware when it enrols; empty where it does not know."""

    hostname: str
    platform: str
    hardware_serial: str = ""
    hardware_uuid: str = ""
    hardware_vendor: str = ""
    hardware_model: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The answer to an enrolment. `pending`: judged, yet outside coverage until approved."""

    issued: Issued
    pending: bool
