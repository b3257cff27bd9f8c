"""When contractors' tokens expire: one line a token and site. A token is known by its public id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from vigie_server.metrics.exposition import Family, labels
from vigie_server.metrics.site_families import SiteFamily

EXPIRY: Final = Family(
    "vigie_site_contractor_token_expiry_timestamp_seconds",
    "When a contractor's access to the site ends; absent once it has, or was revoked.",
)


class ContractorLines:
    """The lines of every site. Everything runs on the server's event loop."""

    def __init__(self) -> None:
        self._expiries = SiteFamily(EXPIRY)
        self.families: Final = (self._expiries,)

    def show(self, expiries: Mapping[str, Sequence[tuple[str, datetime]]]) -> None:
        """Tokens and their ends by site, all of them: what is not among them goes."""
        self._expiries.keep(expiries)
        for site, tokens in expiries.items():
            self._expiries.put(
                site,
                [
                    f"{EXPIRY.name}{{{labels((('site', site), ('token', token)))}}}"
                    f" {round(at.timestamp())}\n"
                    for token, at in sorted(tokens)
                ],
            )
