"""The families of mail domains: rendered when they were checked, joined at the scrape."""

from collections.abc import Sequence
from typing import Final

from vigie_server.domain.verdicts import Status
from vigie_server.metrics.exposition import Family, labels, number
from vigie_server.metrics.site_families import SiteFamily
from vigie_server.ports.mail import MailStanding

COMPLIANT: Final = Family(
    "vigie_mail_domain_rule_compliant",
    "1 when the mail domain passes the rule, 0 when it fails; absent otherwise.",
)
FAILING_SINCE: Final = Family(
    "vigie_mail_domain_rule_failing_since_timestamp_seconds",
    "When the mail domain began to fail the rule; stays through unknown.",
)
_VALUE: Final = {Status.PASS: "1", Status.FAIL: "0"}


class MailLines:
    """What rules say of mail domains, for Prometheus."""

    def __init__(self) -> None:
        self._compliant = SiteFamily(COMPLIANT)
        self._failing = SiteFamily(FAILING_SINCE)
        self.families: Final = (self._compliant, self._failing)

    def show(self, standings: Sequence[MailStanding]) -> None:
        """All verdicts as they stand: those that are not among them go."""
        compliant: dict[str, list[str]] = {}
        failing: dict[str, list[str]] = {}
        for standing in standings:
            identity = labels(
                (("site", standing.site), ("domain", standing.domain), ("rule", standing.rule))
            )
            if standing.status in _VALUE:
                compliant.setdefault(standing.site, []).append(
                    f"{COMPLIANT.name}{{{identity}}} {_VALUE[standing.status]}\n"
                )
            if standing.failing_since is not None:
                since = number(standing.failing_since.timestamp())
                failing.setdefault(standing.site, []).append(
                    f"{FAILING_SINCE.name}{{{identity}}} {since}\n"
                )
        for family, lines in ((self._compliant, compliant), (self._failing, failing)):
            family.keep(lines)
            for site, of_site in lines.items():
                family.put(site, of_site)
