"""Where people make tokens, through pages and the API: each act in its actor's name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vigie_server.domain.enrolling import TokenTerms
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.tokens import ApiTokenTerms, Role, TokenStore
from vigie_server.services.tokens import MakeTokens


class KeptTokens(TokenStore, Protocol):
    """A store of tokens that lists and revokes them too."""

    def enrolment_page(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]: ...

    def enrolment_by_id(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]: ...

    def enrolment_token(self, token_id: str) -> TokenTerms: ...

    def api_token(self, token_id: str) -> ApiTokenTerms: ...

    def api_page(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]: ...

    def api_by_id(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]: ...

    def revoke(
        self,
        token_id: str,
        *,
        now: datetime,
        actor: str,
        enrolment: Require[TokenTerms] = whatever,
        api: Require[ApiTokenTerms] = whatever,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The `TokenDesk`. `endpoints` are those of enrolment, known once the server listens."""

    store: KeptTokens
    endpoints: Callable[[], Collection[str]]
    ca_sha256: bytes

    def enrolment(
        self, *, site: str, profile: str, max_uses: int, lifetime: timedelta, act: Act
    ) -> tuple[str, str]:
        return self._make(act).enrolment(
            endpoints=self.endpoints(),
            ca_sha256=self.ca_sha256,
            site=site,
            profile=profile,
            max_uses=max_uses,
            lifetime=lifetime,
        )

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
        return self._make(act).api(
            name=name, role=role, sites=sites, lifetime=lifetime, personal_data=personal_data
        )

    def rotate(
        self,
        token_id: str,
        act: Act,
        require: Require[ApiTokenTerms] = whatever,
        *,
        overlap: timedelta,
    ) -> str:
        return self._make(act).rotate(token_id, require, overlap=overlap)

    def enrolment_page(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        return self.store.enrolment_page(within, after=after, limit=limit)

    def enrolment_by_id(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        return self.store.enrolment_by_id(within, after=after, limit=limit)

    def enrolment_token(self, token_id: str) -> TokenTerms:
        return self.store.enrolment_token(token_id)

    def api_token(self, token_id: str) -> ApiTokenTerms:
        return self.store.api_token(token_id)

    def api_page(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        return self.store.api_page(after, limit)

    def api_by_id(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        return self.store.api_by_id(after, limit)

    def revoke(
        self,
        token_id: str,
        act: Act,
        *,
        enrolment: Require[TokenTerms] = whatever,
        api: Require[ApiTokenTerms] = whatever,
    ) -> None:
        self.store.revoke(token_id, now=act.at, actor=act.actor, enrolment=enrolment, api=api)

    def _make(self, act: Act) -> MakeTokens:
        return MakeTokens(self.store, lambda: act.at, act.actor)
