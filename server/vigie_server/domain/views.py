"""What readers see of a device: the read model that metrics, API and console render."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vigie_server.domain.devices import Device
from vigie_server.domain.verdicts import Severity, Status


@dataclass(frozen=True, slots=True)
class StandingVerdict:
    """The verdict of one rule as it stands.

    `failing_since` runs from the first fail until a pass that lasts, not applicable or retirement,
    **through unknown**, so that silence never resolves an alert; absent under a waiver. `waived`: a
    fail whose risk was accepted. `unknown_since`: of an unknown that keeps the device from being
    compliant, since when.
    """

    status: Status
    severity: Severity
    failing_since: datetime | None = None
    waived: bool = False
    unknown_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device with its standing verdicts by rule id, and the measures its rules export.

    `missing_since`: when it was declared lost or stolen, while it is and its certificates are in
    force. `conflicts`: claims of another device's hardware that nobody has settled. `groups`: the
    names of the groups that pick it, in order.
    """

    device: Device
    verdicts: Mapping[str, StandingVerdict]
    measures: Mapping[str, float]
    missing_since: datetime | None = None
    conflicts: int = 0
    groups: tuple[str, ...] = ()
