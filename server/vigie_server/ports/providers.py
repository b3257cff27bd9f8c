"""Identity providers: what proves a person, and whose account that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.granting import Claims, Rights
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, NewSession, OpenedSession


@dataclass(frozen=True, slots=True)
class Way:
    """One browser's way to the provider and back; who has not its cookie knows none of this.

    `verifier` is of PKCE (RFC 7636). `goes_to`: where the person wanted to go.
    """

    state: str
    nonce: str
    verifier: str
    goes_to: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A person, proved by the provider.

    `claims`: of the ID token, and userinfo where asked; `proved`: of the ID token alone, which says
    how the person was proved.
    """

    issuer: str
    subject: str
    claims: Claims
    proved: Claims
    id_token: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes in: the proof, what the settings make of its claims, and the session to open.

    `invited_as`: the claim and value by which an administrator may have invited the person.
    `name`, `account_id`, `language`: of an account that is made for them; without a name, none is.
    """

    issuer: str
    subject: str
    invited_as: tuple[str, str] | None
    rights: Rights | None
    name: str | None
    account_id: str
    language: str
    session: NewSession


class IdentityProvider(Protocol):
    """The provider of the settings. Every method but `leaving` raises ProviderRefused."""

    async def entrance(self, way: Way) -> str:
        """Where to send the browser."""
        ...

    async def prove(self, answer: Mapping[str, str], way: Way) -> Proof:
        """The person whom the provider's answer, as the browser brought it, is about."""
        ...

    async def leaving(self, id_token: str) -> str | None:
        """Where a person signs out of the provider too; None where it offers no such thing."""
        ...


class LinkStore(Protocol):
    """Who is meant by what a provider says. Blocking: call it from a worker thread."""

    def admit(self, arrival: Arrival) -> Account | ProviderFault:
        """Opens the session and gives its account, which may be a new one; or why not.

        All in one transaction: rights that claims take away are gone, and sessions with them.
        """
        ...

    def refused(self, fault: ProviderFault, subject: str, *, now: datetime) -> None:
        """Keeps in the audit that nobody came in. `subject` empty: it is not known who."""
        ...

    def link(self, name: str, issuer: str, claim: str, value: str, act: Act) -> None:
        """Whoever this claim's value means signs in to the account of this name.

        Raises NotFound, and DeclarationRefused where it means another account.
        """
        ...

    def unlink(self, name: str, act: Act) -> int:
        """The provider means the account no more; its sessions end. Gives how many links it had.

        Raises NotFound.
        """
        ...

    def links(self, name: str) -> Sequence[tuple[str, str, str]]:
        """Issuer, claim and value of each link of an account. Raises NotFound."""
        ...


class SignsInByProvider(Protocol):
    """Takes people to the identity provider and back."""

    async def begin(self, goes_to: str, *, address: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie of its way.

        Raises ProviderRefused, RateLimited.
        """
        ...

    async def finish(
        self, cookie: str, answer: Mapping[str, str], *, address: str, language: str
    ) -> tuple[OpenedSession, str]:
        """The session, and where the person wanted to go. Raises ProviderRefused, RateLimited."""
        ...

    async def leaving(self, id_token: str) -> str | None:
        """Where a person signs out of the provider too; None where it offers no such thing."""
        ...
