"""How devices come in, and how their identity lasts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import Claims, KnownDevice, TokenTerms
from vigie_server.ports.sessions import Peer

T = TypeVar("T")


class Refusal(StrEnum):
    """Why a call of the enrolment port was refused, as figures tell it."""

    TOKEN = "token"  # noqa: S105 (a reason)
    RATE = "rate"
    MALFORMED = "malformed"
    STORE = "store"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A device certificate just signed."""

    serial: str
    certificate: bytes
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where devices find this server, as host:port."""

    telemetry: tuple[str, ...]
    enrolment: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device needs to reach its server from now on; DER certificates."""

    device_id: str
    certificate_chain: tuple[bytes, ...]
    trust_bundle: tuple[bytes, ...]
    endpoints: Endpoints
    not_after: datetime


class Authority(Protocol):
    """Signs device certificates. Pure computation over keys held in memory."""

    @property
    def trust_bundle(self) -> tuple[bytes, ...]:
        """DER certificates of the authorities that devices are to trust."""
        ...

    def derived_key(self, purpose: bytes) -> bytes:
        """32 secret bytes, the same on every server that holds this authority."""
        ...

    def issue_device_certificate(
        self, signing_request: bytes, device_id: str, *, now: datetime, lifetime: timedelta
    ) -> IssuedCertificate:
        """Takes only the public key of the request. Raises MalformedRequest."""
        ...

    def expired_device_certificate(self, certificate: bytes) -> "OldCertificate":
        """Reads a certificate that we signed, expired or not. Raises MalformedRequest otherwise."""
        ...


class OldCertificate(Protocol):
    """A certificate of ours that a device wants renewed."""

    @property
    def device_id(self) -> str: ...

    @property
    def serial(self) -> str: ...

    @property
    def not_after(self) -> datetime: ...

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the holder of its key signed the message."""
        ...


class EnrolmentTransaction(Protocol):
    """One transaction of the enrolment store: all of it happens, or none."""

    def token(self, secret_hash: bytes) -> TokenTerms | None: ...

    def count_use(self, token: TokenTerms) -> None: ...

    def known_devices(self, *, serial: str, uuid: str) -> Sequence[KnownDevice]:
        """Devices that made one of these claims; an empty claim matches none."""
        ...

    def add_device(
        self,
        *,
        device_id: str,
        token: TokenTerms,
        state: DeviceState,
        claims: Claims,
        agent_version: str,
        at: datetime,
    ) -> int: ...

    def take_over(self, device: KnownDevice, *, claims: Claims, at: datetime) -> None: ...

    def add_conflict(self, *, key: int, claimed: KnownDevice, at: datetime) -> None: ...

    def add_certificate(
        self, key: int, certificate: IssuedCertificate, *, at: datetime
    ) -> None: ...

    def take_nonce(self, nonce: bytes, *, at: datetime, forget_before: datetime) -> bool:
        """Whether the nonce comes for the first time. Older ones may be forgotten."""
        ...

    def certificate_device(self, serial: str) -> tuple[int, str] | None:
        """Key and id of the device that holds this unrevoked certificate; None otherwise.

        A retired or revoked device holds none.
        """
        ...


class EnrolmentStore(Protocol):
    """Runs enrolment steps in transactions. Blocking: call it from a worker thread."""

    def transact(self, step: Callable[[EnrolmentTransaction], T]) -> T: ...


class Enrolment(Protocol):
    """What the enrolment port offers."""

    async def enrol(
        self, *, secret: bytes, signing_request: bytes, claims: Claims, agent_version: str
    ) -> tuple[Identity, bool]:
        """The new identity, and whether the device is pending. Raises TokenRefused."""
        ...


class Renewal(Protocol):
    """Renews certificates: of a live connection, or expired ones by proof of key."""

    async def renew(self, peer: Peer, signing_request: bytes) -> Identity: ...

    def nonce(self, device_id: str) -> bytes: ...

    async def renew_expired(
        self,
        *,
        device_id: str,
        nonce: bytes,
        signature: bytes,
        certificate: bytes,
        signing_request: bytes,
    ) -> Identity: ...
