"""The seams of the agent: the smallest protocol each user needs, and what can go wrong."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.identity import Enrolled, HardwareClaims, Identity, Issued
from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.releases import Offered, Version
from vigie_agent.domain.session import Disable, Goodbye, Hello, Order, Sent, Welcome
from vigie_agent.domain.snapshot import Report, Snapshot
from vigie_agent.domain.spooling import Entry
from vigie_agent.domain.updating import News, Standing

Prove = Callable[[bytes], bytes]
"""Signs bytes that the server made up, with the device's key."""


class QueryEngine(Protocol):
    """Answers one SELECT about this device. Blocking: call it from a worker thread."""

    @property
    def name(self) -> str:
        """`osqueryd` or `embedded`."""
        ...

    @property
    def version(self) -> str:
        """The engine's own version, e.g. `5.23.1`; empty while it is not known."""
        ...

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        """A refused or slow query is an answer. Only a lost engine raises EngineLost."""
        ...

    def close(self) -> None:
        """Lets go of sockets, processes and threads. Safe to call twice."""
        ...


class Spool(Protocol):
    """Keeps snapshots durable from collection until the server has committed them.

    Each snapshot has a sequence number of its own, so that a rejected one takes no other with it.
    Numbers start at 1 and only rise; gaps are legal. Every member raises SpoolUnusable when the
    spool cannot be read or written (full disk): nothing has changed then, and trying again later is
    right. Calls take a few milliseconds and come from one thread.
    """

    @property
    def spool_id(self) -> bytes:
        """16 random bytes, made with the spool; they change when the spool has to start over."""
        ...

    @property
    def highest_seq(self) -> int:
        """The highest sequence number ever given; 0 for a new spool."""
        ...

    @property
    def dropped(self) -> int:
        """Snapshots lost for lack of room since the spool was made."""
        ...

    @property
    def store_epoch(self) -> bytes:
        """The server's store as of the last session; empty before the first."""
        ...

    def append(self, report: Report) -> int:
        """Makes the report durable, one entry a snapshot; gives the last sequence number."""
        ...

    def claim(self, *, limit: int) -> Sequence[Entry]:
        """The oldest pending entries, in flight from now on, in order of sequence."""
        ...

    def amend(self, seq: int, snapshot: Snapshot) -> None:
        """Puts `snapshot` in the place of an entry's own: what was in it can never be sent."""
        ...

    def acknowledge(self, seq: int, *, rejected: Collection[int] = ()) -> None:
        """Of what is in flight, all up to `seq` is committed, or rejected for good as listed."""
        ...

    def link_lost(self) -> None:
        """What was in flight is pending again."""
        ...

    def resume(self, after: int) -> bool:
        """All up to `after` was committed in earlier sessions.

        False when that cannot be: this file is an older copy of the spool that the server knows.
        The spool then has a new id and expects to send everything in full; greet the server again.
        """
        ...

    def enter_epoch(self, epoch: bytes) -> bool:
        """Whether the server's store is another than last time: all topics are then requeued."""
        ...

    def requeue(self, topics: Collection[str] = ()) -> int:
        """Queues the newest snapshots of these topics, or of all, to be sent in full.

        They keep the moment of their collection. Gives how many were queued: what is pending
        anyway is not queued twice.
        """
        ...

    def committed_digest(self, topic: str) -> bytes | None:
        """Digest of this topic's newest snapshot that the server has committed."""
        ...

    def newest(self, topic: str) -> Snapshot | None:
        """The topic's newest snapshot, with its rows, sent or not."""
        ...

    def pending(self) -> int:
        """Snapshots not yet acknowledged."""
        ...

    def erase(self) -> None:
        """Leaves nothing behind. What is appended later goes to a new spool."""
        ...

    def close(self) -> None:
        """Safe to call twice."""
        ...


class Asking(Protocol):
    """Asks the engine: after the allow-list, one question at a time, off the event loop.

    A refused or slow query is an answer. Only a lost engine raises EngineLost.
    """

    async def __call__(
        self,
        sql: str,
        *,
        timeout: timedelta,  # noqa: ASYNC109 (the engine keeps the time, in its own thread)
    ) -> Rows | QueryError: ...


class Orders(Protocol):
    """Takes what the server orders, keeps it durable, and lets the schedule follow it."""

    @property
    def config_digest(self) -> bytes:
        """Digest of the configuration in force; empty when there is none."""
        ...

    def follow(self, config: ServerConfig) -> None:
        """Puts `config` in force from the next collection on."""
        ...

    def limit(self, limits: Limits) -> None:
        """Puts the server's limits in force from the next collection on."""
        ...


class Answering(Protocol):
    """Answers a live question, after the same allow-list as every pack. Never raises on SQL."""

    async def __call__(self, question: LiveQuestion) -> LiveAnswer: ...


class KeyStore(Protocol):
    """Keeps this device's identity, and makes and uses its private keys. They never leave it."""

    def load(self) -> Identity | None:
        """The identity last saved; None before enrolment. Raises IdentityUnusable."""
        ...

    def save(self, issued: Issued, key: bytes) -> Identity:
        """Replaces the identity at once: a power cut leaves the old one or the new one.

        Raises IdentityUnusable when what was issued is not for this key, or cannot be kept.
        """
        ...

    def erase(self) -> None:
        """Leaves nothing behind. Raises IdentityUnusable."""
        ...

    def new_key(self) -> bytes:
        """A new private key (P-256), PEM."""
        ...

    def signing_request(self, key: bytes) -> bytes:
        """A certificate signing request (DER) for this key."""
        ...

    def sign(self, key: bytes, message: bytes) -> bytes:
        """The key's signature over the message (ECDSA, SHA-256)."""
        ...


class EnrolmentLink(Protocol):
    """Calls the enrolment port, which knows no device yet. Raises LinkLost, EnrollmentRefused."""

    async def authority(self, endpoint: str, ca_sha256: bytes) -> bytes:
        """The authority (DER) that the port presents and the token names.

        Raises ServerUntrusted when the port presents others.
        """
        ...

    async def enrol(
        self,
        endpoint: str,
        authorities: Sequence[bytes],
        *,
        secret: bytes,
        signing_request: bytes,
        claims: HardwareClaims,
        agent_version: str,
    ) -> Enrolled:
        """Sends the secret to a server that proves itself by `authorities`."""
        ...

    async def renew_expired(
        self, identity: Identity, endpoint: str, *, signing_request: bytes, prove: Prove
    ) -> Issued:
        """Renews an expired certificate; `prove` signs the server's nonce with the device's key."""
        ...


class Line(Protocol):
    """One open session. Every call raises LinkLost when the connection is gone."""

    async def greet(self, hello: Hello) -> Welcome | Goodbye | Disable:
        """Says Hello; the server's answer to it."""
        ...

    async def send(self, message: Sent) -> None:
        """Returns once the message has left; safe to call from several tasks."""
        ...

    async def receive(self) -> Order | None:
        """The next order; None once the server has ended the session."""
        ...

    async def finish(self) -> None:
        """Nothing more will be sent. Orders may still come."""
        ...


class Link(Protocol):
    """Reaches the telemetry port with the device's certificate. Raises LinkLost."""

    def open(self, identity: Identity, endpoint: str) -> AbstractAsyncContextManager[Line]:
        """A line to the server, closed on leaving."""
        ...

    async def renew(self, identity: Identity, endpoint: str, signing_request: bytes) -> Issued:
        """A new certificate, asked for with the one in force."""
        ...


class UpdateSource(Protocol):
    """Gives the files of an update channel, which nobody has to trust. Blocking."""

    def read(self, name: str, *, offset: int = 0) -> Iterator[bytes]:
        """The file's bytes from `offset` on. Raises NotPublished, LinkLost, DeviceRefused."""
        ...


class UpdateServer(UpdateSource, Protocol):
    """The server as the source of a channel. Raises LinkLost, DeviceRefused too."""

    def check(self, news: News) -> str:
        """Tells how this device fares; the version that it may take, empty for none."""
        ...


class UpdateChannel(Protocol):
    """Releases as their publisher signed them. Raises UpdateRefused, LinkLost. Blocking."""

    def releases(self) -> tuple[Offered, ...]:
        """What is offered now."""
        ...

    def fetch(self, offered: Offered) -> Path:
        """The release's archive, whole and verified."""
        ...


class Versions(Protocol):
    """The versions that lie side by side on this device, and which of them runs."""

    def standing(self) -> Standing:
        """What is in force; with nothing here, or in doubt, the installed version."""
        ...

    def keep(self, standing: Standing) -> None:
        """Replaces what is in force at once. Raises OSError."""
        ...

    def place(self, version: Version, archive: Path, *, unpacked: int) -> Path:
        """Unpacks a release beside the others, and is done with the archive; its program.

        Raises UpdateRefused, OSError.
        """
        ...

    def tidy(self, standing: Standing) -> None:
        """Removes every version that is started no more. Never raises."""
        ...

    def room(self) -> int:
        """Bytes that are free where versions lie. Raises OSError."""
        ...
