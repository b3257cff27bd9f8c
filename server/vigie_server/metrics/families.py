"""The families that describe devices and sites: names, help texts, and how a device renders."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from vigie_server.domain import score
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.exposition import Family, labels, number

INFO: Final = Family(
    "vigie_device_info",
    "A device, with the names that describe it; the value is always 1.",
)
COMPLIANT: Final = Family(
    "vigie_device_compliant",
    "1 when no critical or major rule of the guide fails or is unknown on the device.",
)
RATIO: Final = Family(
    "vigie_device_compliance_ratio",
    "Rules passed, of those that pass, fail, are unknown or waived.",
)
RULE_COMPLIANT: Final = Family(
    "vigie_device_rule_compliant",
    "1 when the device passes the rule, 0 when it fails; absent otherwise.",
)
FAILING_SINCE: Final = Family(
    "vigie_device_rule_failing_since_timestamp_seconds",
    "When the device began to fail the rule; stays through unknown and until a pass has lasted. "
    "Absent under a waiver, and while the device is new.",
)
RULES: Final = Family(
    "vigie_device_rules",
    "Rules by status on the device.",
)
CLOCK_SKEW: Final = Family(
    "vigie_device_clock_skew_seconds",
    "The device's clock minus the server's.",
)
NOMADIC: Final = Family(
    "vigie_device_nomadic",
    "1 when the device is a laptop or tablet that was off site in the last 30 days.",
)
LAST_REPORT: Final = Family(
    "vigie_device_last_report_timestamp_seconds",
    "When the server last heard from the device.",
)
SITE_DEVICES: Final = Family(
    "vigie_site_devices",
    "Devices of the site by state.",
)
SITE_RULE_DEVICES: Final = Family(
    "vigie_site_rule_devices",
    "Devices of the site by status of the rule.",
)

Render = Callable[[DeviceView], str]


def identity(view: DeviceView) -> str:
    """The labels that every per-device family carries."""
    return labels((("device", view.device.id), ("site", view.device.site)))


def render_info(view: DeviceView) -> str:
    """The one family that carries names."""
    device = view.device
    named = labels(
        (
            ("device", device.id),
            ("site", device.site),
            ("hostname", device.hostname),
            ("platform", device.platform),
            ("os", device.os),
            ("os_version", device.os_version),
            ("chassis", device.chassis),
            ("profile", device.profile),
            ("agent_version", device.agent_version),
        )
    )
    return f"{INFO.name}{{{named}}} 1\n"


def render_compliant(view: DeviceView) -> str:
    """Absent until a first rule has been judged: no evidence is not compliance."""
    if not view.verdicts:
        return ""
    value = int(score.compliant(view.verdicts.values()))
    return f"{COMPLIANT.name}{{{identity(view)}}} {value}\n"


def render_ratio(view: DeviceView) -> str:
    """Absent when no rule applies."""
    ratio = score.compliance_ratio(view.verdicts.values())
    if ratio is None:
        return ""
    return f"{RATIO.name}{{{identity(view)}}} {ratio:.4f}\n"


_RULE_VALUE: Final[Mapping[Status, str]] = {Status.PASS: "1", Status.FAIL: "0"}


def render_rule_compliant(view: DeviceView) -> str:
    """One line a rule that passes or fails."""
    head = f"{RULE_COMPLIANT.name}{{{identity(view)}"
    return "".join(
        [
            f'{head},rule="{rule}"}} {_RULE_VALUE[standing.status]}\n'
            for rule, standing in view.verdicts.items()
            if standing.status in _RULE_VALUE
        ]
    )


def render_rule_failing(view: DeviceView) -> str:
    """Only the rules that fail: the default of large fleets."""
    head = f"{RULE_COMPLIANT.name}{{{identity(view)}"
    return "".join(
        [
            f'{head},rule="{rule}"}} 0\n'
            for rule, standing in view.verdicts.items()
            if standing.status is Status.FAIL
        ]
    )


def render_failing_since(view: DeviceView) -> str:
    """One line a rule that fails, or failed before it became unknown; none while it is waived."""
    head = f"{FAILING_SINCE.name}{{{identity(view)}"
    return "".join(
        [
            f'{head},rule="{rule}"}} {number(standing.failing_since.timestamp())}\n'
            for rule, standing in view.verdicts.items()
            if standing.failing_since is not None and not standing.waived
        ]
    )


def render_rules(view: DeviceView) -> str:
    """One line a status, zero included, so that a sum over the fleet has no gaps."""
    counts = Counter(
        "waived" if standing.waived else standing.status.value
        for standing in view.verdicts.values()
    )
    head = f"{RULES.name}{{{identity(view)}"
    return "".join(
        [
            f'{head},status="{status}"}} {counts.get(status, 0)}\n'
            for status in (*[status.value for status in Status], "waived")
        ]
    )


def render_clock_skew(view: DeviceView) -> str:
    """Absent until it has been measured."""
    skew = view.device.clock_skew_seconds
    if skew is None:
        return ""
    return f"{CLOCK_SKEW.name}{{{identity(view)}}} {number(round(skew, 1))}\n"


def render_nomadic(view: DeviceView) -> str:
    """A state; where the device was is not kept."""
    return f"{NOMADIC.name}{{{identity(view)}}} {int(view.device.nomadic)}\n"


DEVICE_FAMILIES: Final[Mapping[Family, Render]] = {
    INFO: render_info,
    COMPLIANT: render_compliant,
    RATIO: render_ratio,
    RULE_COMPLIANT: render_rule_compliant,
    FAILING_SINCE: render_failing_since,
    RULES: render_rules,
    CLOCK_SKEW: render_clock_skew,
    NOMADIC: render_nomadic,
}
