"""What sites come to, as metrics: kept ready, joined at the scrape."""

from collections.abc import Iterator, Mapping
from typing import Final

from vigie_server.domain.verdicts import Status
from vigie_server.metrics.exposition import Family, labels

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
        self._levels: dict[str, str] = {}
        self._rules: dict[str, str] = {}

    def put(self, site: str, levels: Mapping[int, int | None], rules: Mapping[str, Status]) -> None:
        """Replaces what is shown of this site."""
        self._levels[site] = "".join(
            _line(MATURITY, (("site", site), ("question", str(question))), level)
            for question, level in sorted(levels.items())
            if level is not None
        )
        self._rules[site] = "".join(
            _line(RULE_COMPLIANT, (("site", site), ("rule", rule)), _VALUES[status])
            for rule, status in sorted(rules.items())
            if status in _VALUES
        )

    def keep(self, sites: frozenset[str]) -> None:
        """Forgets all sites but these."""
        for lines in (self._levels, self._rules):
            for gone in lines.keys() - sites:
                del lines[gone]

    def exposition(self) -> Iterator[str]:
        """The text format, family by family."""
        for family, lines in ((MATURITY, self._levels), (RULE_COMPLIANT, self._rules)):
            if any(lines.values()):
                yield family.header
                yield from lines.values()


def _line(family: Family, named: tuple[tuple[str, str], ...], value: int) -> str:
    return f"{family.name}{{{labels(named)}}} {value}\n"
