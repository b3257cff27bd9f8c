"""The read model of what sites come to."""

from collections.abc import Mapping
from typing import Final, Protocol

from vigie_server.domain.verdicts import Status


class SiteModel(Protocol):
    """Is told what sites come to, on the event loop, after it was saved."""

    def put(
        self, site: str, levels: Mapping[int, int | None], rules: Mapping[str, Status]
    ) -> None: ...

    def keep(self, sites: frozenset[str]) -> None:
        """Forgets all sites but these."""
        ...


class _ShownByAnother:
    """For who saves what another part shows."""

    def put(self, site: str, levels: Mapping[int, int | None], rules: Mapping[str, Status]) -> None:
        """Shows nothing."""

    def keep(self, sites: frozenset[str]) -> None:
        """Has nothing to forget."""


SHOWN_BY_ANOTHER: Final = _ShownByAnother()
"""Servers over one store show what is stored, whichever of them saved it."""
