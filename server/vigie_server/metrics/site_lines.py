"""What sites come to, as metrics: kept ready, joined at the scrape."""

from collections.abc import Mapping
from typing import Final

from vigie_server.domain.verdicts import Status
from vigie_server.metrics.exposition import Family, labels
from vigie_server.metrics.site_families import SiteFamily

MATURITY: Final = Family(
    "vigie_site_maturity_level",
    "The site's maturity level in the question, 0 to 4; absent while it is not assessed.",
)
RULE_COMPLIANT: Final = Family(
    "vigie_site_rule_compliant",
    "1 when the whole site passes the rule, 0 when it fails; absent otherwise.",
)
_VALUES: Final = {Status.PASS: 1, Status.FAIL: 0}


class SiteLines:
    """The lines of each site. Everything runs on the server's event loop."""

    def __init__(self) -> None:
        self._levels = SiteFamily(MATURITY)
        self._rules = SiteFamily(RULE_COMPLIANT)
        self.families: Final = (self._levels, self._rules)

    def put(self, site: str, levels: Mapping[int, int | None], rules: Mapping[str, Status]) -> None:
        """Replaces what is shown of this site."""
        self._levels.put(
            site,
            [
                _line(MATURITY, (("site", site), ("question", str(question))), level)
                for question, level in sorted(levels.items())
                if level is not None
            ],
        )
        self._rules.put(
            site,
            [
                _line(RULE_COMPLIANT, (("site", site), ("rule", rule)), _VALUES[status])
                for rule, status in sorted(rules.items())
                if status in _VALUES
            ],
        )

    def keep(self, sites: frozenset[str]) -> None:
        """Forgets all sites but these."""
        for family in self.families:
            family.keep(sites)


def _line(family: Family, named: tuple[tuple[str, str], ...], value: int) -> str:
    return f"{family.name}{{{labels(named)}}} {value}\n"
