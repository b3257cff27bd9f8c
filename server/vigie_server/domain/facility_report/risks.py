"""Which devices a director is told of: lost, stolen, failing what is critical, silent, nomadic."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.facility_report.content import Risk, RiskyDevice
from vigie_server.domain.facility_report.sources import DeviceSeen
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Severity

_DECISIVE: Final = frozenset({Severity.CRITICAL, Severity.MAJOR})
_GRAVITY: Final = {risk: place for place, risk in enumerate(Risk)}
_SEVERITY: Final = {severity: place for place, severity in enumerate(Severity)}


def risky_devices(
    devices: Sequence[DeviceSeen],
    rules: Mapping[str, Rule],
    *,
    now: datetime,
    silent_after: timedelta,
) -> Sequence[RiskyDevice]:
    """The devices at risk, the gravest first. A nomadic one is, where it fails a major rule."""
    found = [_told(device, rules, now - silent_after) for device in devices]
    at_risk = [device for device in found if device.risks]
    return sorted(at_risk, key=lambda one: (_GRAVITY[one.risks[0]], one.hostname, one.id))


def _told(device: DeviceSeen, rules: Mapping[str, Rule], heard_since: datetime) -> RiskyDevice:
    failing = sorted(
        (rule for rule in device.failing if rule in rules and rules[rule].severity in _DECISIVE),
        key=lambda rule: (_SEVERITY[rules[rule].severity], rule),
    )
    risks = [
        risk
        for risk, holds in (
            (Risk.STOLEN, device.state is DeviceState.STOLEN),
            (Risk.LOST, device.state is DeviceState.LOST),
            (Risk.CRITICAL, any(rules[rule].severity is Severity.CRITICAL for rule in failing)),
            (Risk.NOMADIC, device.nomadic and bool(failing)),
            (Risk.SILENT, device.last_report_at is None or device.last_report_at < heard_since),
        )
        if holds
    ]
    if not device.nomadic:  # what is only major is told of devices that go out
        failing = [rule for rule in failing if rules[rule].severity is Severity.CRITICAL]
    since = [at for rule in failing if (at := device.failing[rule]) is not None]
    return RiskyDevice(
        hostname=device.hostname,
        id=device.id,
        platform=device.platform,
        risks=tuple(risks),
        rules=tuple(rules[rule].title for rule in failing),
        failing_since=min(since, default=None),
        last_report_at=device.last_report_at,
    )
