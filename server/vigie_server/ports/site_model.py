"""The read model of what sites come to."""

from collections.abc import Mapping
from typing import Protocol

from vigie_server.domain.verdicts import Status


class SiteModel(Protocol):
    """Is told what sites come to, on the event loop, after it was saved."""

    def put(
        self, site: str, levels: Mapping[int, int | None], rules: Mapping[str, Status]
    ) -> None: ...

    def keep(self, sites: frozenset[str]) -> None:
        """Forgets all sites but these."""
        ...
