"""Queries, thresholds and column names that several dashboards share."""

from typing import Final

from vigie_grafana import colours
from vigie_grafana.wording import Words

HERE: Final = 'site=~"$site"'
INFO: Final = (
    "* on (device, site) group_left (hostname, platform, os, os_version, agent_version) "
    'vigie_device_info{site=~"$site", platform=~"$platform"}'
)
IN_GROUP: Final = (
    'and on (device, site) {__name__=~"vigie_device_(group_)?info", site=~"$site", group=~"$group"}'
)
"""Of the groups chosen. Every device has the first family, which has no label `group`: it fits when
all groups are chosen, and no other choice."""
CHOSEN: Final = (
    'and on (device, site) vigie_device_info{site=~"$site", platform=~"$platform"} ' + IN_GROUP
)
"""Of the platforms and groups chosen."""
FAILING: Final = "vigie_device_rule_failing_since_timestamp_seconds"
SEEN: Final = "vigie_device_last_report_timestamp_seconds"
SILENT_DAYS: Final = 7

RATE_STEPS: Final = ((None, colours.BAD), (0.8, colours.WARNING), (0.95, colours.GOOD))
NONE_IS_GOOD: Final = ((None, colours.GOOD), (1, colours.BAD))
FEW_IS_GOOD: Final = ((None, colours.GOOD), (1, colours.WARNING), (10, colours.BAD))

HOST: Final = Words("Nom", "Host name")
SINCE: Final = Words("Depuis", "Since")
LAST: Final = Words("Dernier contact", "Last contact")
OS: Final = Words("Système", "System")
VERSION: Final = Words("Version", "Version")


def failing(rules: str) -> str:
    """When devices began to fail the rules of this quoted pattern, in Grafana's milliseconds."""
    return f"{FAILING}{{{HERE}, rule=~{rules}}} * 1000 {INFO} {IN_GROUP}"


def counted(statuses: str, rules: str = '"$severity"') -> str:
    """How many devices have one of these statuses, by rule of this quoted pattern."""
    chosen = f'{HERE}, status=~"{statuses}", rule=~{rules}'
    return f"sum by (rule) (vigie_site_rule_devices{{{chosen}}})"


def percentiles(histogram: str, selector: str) -> list[tuple[str, str]]:
    """The median, the 95th and the 99th percentile of a histogram over five minutes."""
    rate = f"sum by (le) (rate({histogram}_bucket{selector}[5m]))"
    shares = ((0.5, "50 %"), (0.95, "95 %"), (0.99, "99 %"))
    return [(f"histogram_quantile({share}, {rate})", name) for share, name in shares]
