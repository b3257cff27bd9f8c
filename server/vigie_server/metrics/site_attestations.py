"""When a site's attestations expire: one line an item, past ones too, so that an alert can ask."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from vigie_server.metrics.exposition import Family, labels, number
from vigie_server.metrics.site_families import SiteFamily

EXPIRY: Final = Family(
    "vigie_site_attestation_expiry_timestamp_seconds",
    "When what is attested of the site stops to count; absent where nothing is.",
)


class AttestationLines:
    """The lines of every site, replaced site by site. Everything runs on the event loop."""

    def __init__(self) -> None:
        self._expiries = SiteFamily(EXPIRY)
        self.families: Final = (self._expiries,)

    def put(self, site: str, expiries: Mapping[str, datetime]) -> None:
        """Replaces what is shown of this site; without expiries it disappears."""
        self._expiries.put(
            site,
            [
                f"{EXPIRY.name}{{{labels((('site', site), ('item', item)))}}}"
                f" {number(round(at.timestamp()))}\n"
                for item, at in sorted(expiries.items())
            ],
        )
