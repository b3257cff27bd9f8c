"""A device as rules and readers see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from vigie_server.domain.facts import Fact


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


_DESCRIBED: Final[Mapping[str, str]] = {
    "hostname": "hostname",
    "os": "os_name",
    "os_version": "os_version",
    "chassis": "chassis",
}
"""The device's fields and the columns of the `inventory` topic that tell them."""


def describe(device: Device, fact: Fact) -> Device:
    """The device with what its answer on `inventory` says; the same object where nothing changes.

    A column that says nothing leaves the field as it was: a partial answer takes nothing away.
    """
    if fact.topic != "inventory" or fact.status != "ok":
        return device
    told: dict[str, Any] = {}
    for row in fact.rows:
        if row.get("collected") is not True:
            continue
        for field, column in _DESCRIBED.items():
            value = row.get(column)
            if isinstance(value, str) and value:
                told.setdefault(field, value)
    if all(getattr(device, field) == value for field, value in told.items()):
        return device
    return replace(device, **told)
