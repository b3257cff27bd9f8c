"""Where people make, list and revoke tokens. All block."""

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol

from vigie_server.domain.enrolling import TokenTerms
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.tokens import ApiTokenTerms, Role


class TokenDesk(Protocol):
    """Tokens of both kinds. A secret is given once, when its token is made."""

    def enrolment(
        self, *, site: str, profile: str, max_uses: int, lifetime: timedelta, act: Act
    ) -> tuple[str, str]:
        """The id and text of a new token; its site is made when it is new.

        Raises DeclarationRefused, SettingsMalformed.
        """
        ...

    def api(
        self,
        *,
        name: str,
        role: Role,
        sites: Collection[str] | None,
        lifetime: timedelta,
        personal_data: bool,
        act: Act,
    ) -> tuple[str, str]:
        """The id and text of a new token."""
        ...

    def rotate(
        self,
        token_id: str,
        act: Act,
        require: Require[ApiTokenTerms] = whatever,
        *,
        overlap: timedelta,
    ) -> str:
        """The new text of an API token; the one before is good for `overlap`. Raises NotFound."""
        ...

    def enrolment_page(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        """Those that let devices in at these sites, the newest first."""
        ...

    def enrolment_by_id(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        """Those that let devices in at these sites, in the order of their ids: (id,)."""
        ...

    def enrolment_token(self, token_id: str) -> TokenTerms:
        """Raises NotFound."""
        ...

    def api_token(self, token_id: str) -> ApiTokenTerms:
        """Raises NotFound."""
        ...

    def api_page(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        """Tokens for the API, the newest first."""
        ...

    def api_by_id(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        """Tokens for the API, in the order of their ids: (id,)."""
        ...

    def revoke(
        self,
        token_id: str,
        act: Act,
        *,
        enrolment: Require[TokenTerms] = whatever,
        api: Require[ApiTokenTerms] = whatever,
    ) -> None:
        """Of either kind. Raises NotFound."""
        ...
