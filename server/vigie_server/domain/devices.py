"""A device as rules and readers see it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final

from vigie_server.domain.declared import DECLARED, NOTHING_DECLARED, Declarations, said
from vigie_server.domain.made_often import made_often
from vigie_server.domain.whereabouts import NEVER_MOVED, Whereabouts

PRESENCE: Final = "device.presence"
"""The name under which conditions see whether the device is at its site."""


class DeviceState(StrEnum):
    """`pending` devices are judged but outside coverage; `retired` ones are not judged."""

    PENDING = "pending"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    LOST = "lost"
    STOLEN = "stolen"
    RETIRED = "retired"


@made_often
class Device:
    """What is known of a device beside its evidence.

    `platform` is `windows`, `darwin` or `linux`; `chassis` is `laptop`, `desktop`, `server`,
    `tablet`, `virtual` or empty while it is not known; `profile` is a profile of the rules
    (`standard`, `critical`, `low`). `declared` is what people said of it and its site. `nomadic`
    follows from `whereabouts` and the chassis (`domain/whereabouts.py`). `revoked`: its
    certificates were taken out of force, so that it is refused and judged no more, and `state` does
    not say so: of a retired device it is false.
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
    whereabouts: Whereabouts = NEVER_MOVED
    parameters: Mapping[str, Mapping[str, object]] | None = None
    declared: Declarations = field(default_factory=lambda: NOTHING_DECLARED)
    revoked: bool = False

    def heard(self, at: datetime, skew: float | None) -> "Device":
        """The same device once it has reported; its clock is as it was where it told no time."""
        return Device(
            self.id,
            self.site,
            self.profile,
            self.platform,
            self.state,
            self.hostname,
            self.os,
            self.os_version,
            self.chassis,
            self.agent_version,
            self.enrolled_at,
            at,
            self.clock_skew_seconds if skew is None else skew,
            self.nomadic,
            self.whereabouts,
            self.parameters,
            self.declared,
            self.revoked,
        )

    def surrounded(
        self,
        declared: Declarations,
        parameters: Mapping[str, Mapping[str, object]] | None,
    ) -> "Device":
        """The same device with what holds for it."""
        return Device(
            self.id,
            self.site,
            self.profile,
            self.platform,
            self.state,
            self.hostname,
            self.os,
            self.os_version,
            self.chassis,
            self.agent_version,
            self.enrolled_at,
            self.last_report_at,
            self.clock_skew_seconds,
            self.nomadic,
            self.whereabouts,
            parameters,
            declared,
            self.revoked,
        )

    def named(self, name: str) -> object:
        """What conditions and sentences see under a full name: `device.os`, `site.id`, ...

        Instants are UNIX seconds. Raises KeyError for a name that does not exist.
        """
        if name == PRESENCE:
            return self.whereabouts.presence
        if name in DECLARED:
            return said(self.declared, name)
        if name == "site.id":
            return self.site
        subject, _, fact = name.partition(".")
        if subject != "device":
            raise KeyError(name)
        value = getattr(self, fact)
        if isinstance(value, datetime):
            return int(value.timestamp())
        return value.value if isinstance(value, DeviceState) else value
