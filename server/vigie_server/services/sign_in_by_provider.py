"""Signs people in by an identity provider (OpenID Connect): what its proof is worth here."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

import structlog

from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import DeclarationRefused, ProviderRefused, SecretUnreadable
from vigie_server.domain.granting import (
    Grant,
    granted,
    text_at,
    values_at,
)
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.people import ROLES, Account, KeepsSecrets, OpenedSession
from vigie_server.ports.providers import Arrival, IdentityProvider, LinkStore, Proof, Way
from vigie_server.services.sign_in import SessionTimes, account_name, new_session
from vigie_server.services.ways import new_way, way_of

log = structlog.get_logger()

LONGEST_ID_TOKEN: Final = 6 * 1024
"""Of an ID token that is kept for signing out at the provider, whose address has to hold it."""
_KIND: Final = "ID token"
"""What the seal of a kept one says that it is."""


@dataclass(frozen=True, slots=True)
class ProofTerms:
    """What a proof must have, and what its claims mean here.

    `acr`, `amr`: one of these each; empty: anything goes. `invited_by`: the claim by which
    administrators may invite people beside their subject.
    """

    grants: Sequence[Grant]
    name_claim: str
    invited_by: str
    acr: frozenset[str]
    amr: frozenset[str]
    way_within: timedelta


@dataclass(frozen=True, slots=True)
class SignInByProvider:
    """Takes people to the identity provider and back.

    `addresses` bounds what one address has us ask the provider, `refusals` how much of it may come
    to nothing: no one can flood the audit.
    """

    provider: IdentityProvider
    store: LinkStore
    terms: ProofTerms
    addresses: Attempts
    refusals: Attempts
    times: SessionTimes
    seals: KeepsSecrets
    now: Callable[[], datetime]

    async def begin(self, goes_to: str, *, address: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie of its way.

        Raises ProviderRefused, RateLimited.
        """
        self.addresses.take(address)
        cookie, way = new_way(goes_to, now=self.now())
        try:
            return await self.provider.entrance(way), cookie
        except ProviderRefused as error:
            await self._keep(error, "", address)
            raise

    async def finish(
        self, cookie: str, answer: Mapping[str, str], *, address: str, language: str
    ) -> tuple[OpenedSession, str]:
        """The session, and where the person wanted to go. Raises ProviderRefused, RateLimited."""
        self.addresses.take(address)
        subject = ""
        try:
            way = self._way(cookie, answer.get("state", ""))
            proof = await self.provider.prove(answer, way)
            subject = proof.subject
            opened = await asyncio.to_thread(self._admitted, proof, language)
        except ProviderRefused as error:
            await self._keep(error, subject, address)
            raise
        log.info("signed_in", account=opened.account.id, by="provider")
        return opened, way.goes_to

    async def leaving(self, kept: str) -> str | None:
        """Where a person signs out of the provider too, by the ID token that their session kept.

        None where the provider offers no such thing, or the token cannot be read any more.
        """
        try:
            id_token = self.seals.opened(kept, of=_KIND)
        except SecretUnreadable:  # of an authority before: the session here ends all the same
            log.warning("id_token_unreadable")
            return None
        return await self.provider.leaving(id_token)

    def _way(self, cookie: str, state: str) -> Way:
        way = way_of(cookie, now=self.now(), within=self.terms.way_within)
        if way is None or not compare_digest(state.encode(), way.state.encode()):
            raise ProviderRefused(ProviderFault.WAY, "the answer is not to this browser's request")
        return way

    def _admitted(self, proof: Proof, language: str) -> OpenedSession:
        self._require_assurance(proof)
        session, secret = new_session(
            self.times,
            self.now(),
            id_token=self.seals.sealed(proof.id_token, of=_KIND)
            if len(proof.id_token) <= LONGEST_ID_TOKEN
            else None,
        )
        invited = self.terms.invited_by
        identity = text_at(proof.claims, invited) if invited != "sub" else None
        admitted = self.store.admit(
            Arrival(
                issuer=proof.issuer,
                subject=proof.subject,
                invited_as=None if identity is None else (invited, identity),
                rights=granted(proof.claims, self.terms.grants, ROLES),
                name=self._name(proof),
                account_id=secrets.token_hex(8),
                language=language,
                session=session,
            )
        )
        if isinstance(admitted, Account):
            return OpenedSession(admitted, secret)
        raise ProviderRefused(admitted, "the audit has the subject")

    def _name(self, proof: Proof) -> str | None:
        try:
            return account_name(text_at(proof.claims, self.terms.name_claim) or "")
        except DeclarationRefused:
            return None

    def _require_assurance(self, proof: Proof) -> None:
        for claim, wanted in (("acr", self.terms.acr), ("amr", self.terms.amr)):
            if wanted and wanted.isdisjoint(values_at(proof.proved, claim)):
                raise ProviderRefused(
                    ProviderFault.ASSURANCE, f"{claim} is none of {', '.join(sorted(wanted))}"
                )

    async def _keep(self, error: ProviderRefused, subject: str, address: str) -> None:
        """Raises RateLimited instead, and keeps nothing."""
        self.refusals.take(address)
        log.warning("provider_sign_in_refused", fault=error.fault.value, why=str(error))
        await asyncio.to_thread(self.store.refused, error.fault, subject, now=self.now())
