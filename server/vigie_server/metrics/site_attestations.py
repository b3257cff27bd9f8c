"""When a site's attestations expire: one line an item, past ones too, so that an alert can ask."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from vigie_server.metrics.exposition import Family, labels, number

EXPIRY: Final = Family(
    "vigie_site_attestation_expiry_timestamp_seconds",
    "When what is attested of the site stops to count; absent where nothing is.",
)


class AttestationLines:
    """The lines of every site, replaced site by site. Everything runs on the event loop."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def put(self, site: str, expiries: Mapping[str, datetime]) -> None:
        """Replaces what is shown of this site; without expiries it disappears."""
        lines = [
            f"{EXPIRY.name}{{{labels((('site', site), ('item', item)))}}}"
            f" {number(round(at.timestamp()))}\n"
            for item, at in sorted(expiries.items())
        ]
        if lines:
            self._lines[site] = "".join(lines)
        else:
            self._lines.pop(site, None)

    def exposition(self) -> Iterator[str]:
        """The family in one piece; nothing at all where no site attests."""
        if self._lines:
            yield EXPIRY.header
            yield from self._lines.values()
