"""A device as rules and readers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeviceState(StrEnum):
    """`pending` devices are judged but outside coverage; `retired` ones are not judged."""

    PENDING = "pending"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    LOST = "lost"
    STOLEN = "stolen"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of a device beside its evidence.

    `platform` is `windows`, `darwin` or `linux`; `chassis` is `laptop`, `desktop`, `server`,
    `tablet`, `virtual` or empty while it is not known; `profile` is a profile of the rules
    (`standard`, `critical`, `low`).
    """

    id: str
    site: str
    profile: str
    platform: str
    state: DeviceState
    hostname: str = ""
    os: str = ""
    os_version: str = ""
    chassis: str = ""
    agent_version: str = ""
    enrolled_at: datetime | None = None
    last_report_at: datetime | None = None
    clock_skew_seconds: float | None = None
    nomadic: bool = False
    parameters: Mapping[str, Mapping[str, object]] | None = None
