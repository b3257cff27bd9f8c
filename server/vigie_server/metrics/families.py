"""The families that describe devices and sites: names and help texts."""

from typing import Final

from vigie_server.metrics.exposition import Family

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
STATE: Final = Family(
    "vigie_device_state",
    "1 with the state of a device that is not active: pending, quarantined, lost or stolen. "
    "Absent while it is active.",
)
MISSING_SINCE: Final = Family(
    "vigie_device_missing_since_timestamp_seconds",
    "When the device was declared lost or stolen; absent once it is found or revoked.",
)
CONFLICTS: Final = Family(
    "vigie_device_identity_conflicts",
    "Known devices whose hardware the device claims, to be settled by a person; absent without.",
)
GROUPS: Final = Family(
    "vigie_device_group_info",
    "A group that picks the device; the value is always 1. Absent for a device in no group.",
)
UNKNOWN_SINCE: Final = Family(
    "vigie_device_unknown_since_timestamp_seconds",
    "Since when a critical or major rule has been unknown on the device, the longest one. "
    "Absent where none is.",
)
SITE_DEVICES: Final = Family(
    "vigie_site_devices",
    "Devices of the site by state.",
)
SITE_REVOKED: Final = Family(
    "vigie_site_revoked_devices",
    "Devices of the site that are revoked: refused, and counted by their state until they are "
    "retired. Absent where none is.",
)
SITE_RULE_DEVICES: Final = Family(
    "vigie_site_rule_devices",
    "Devices of the site by status of the rule.",
)
SITE_AGENTS: Final = Family(
    "vigie_site_agents",
    "Active devices of the site by version of their agent. age is current, previous (one minor "
    "version behind the server), unsupported (further behind), newer or unknown.",
)

DEVICE_FAMILIES: Final = (
    INFO,
    COMPLIANT,
    RATIO,
    RULE_COMPLIANT,
    FAILING_SINCE,
    RULES,
    CLOCK_SKEW,
    NOMADIC,
    LAST_REPORT,
    STATE,
    MISSING_SINCE,
    CONFLICTS,
    UNKNOWN_SINCE,
    GROUPS,
)
"""What the server tells of devices, beside the measures that rules export."""
