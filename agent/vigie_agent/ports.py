"""The seams of the agent: the smallest protocol each user needs, and what can go wrong."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.snapshot import Report, Snapshot


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
    """Keeps reports durable from collection until the server has committed them.

    Sequence numbers start at 1 and only rise; gaps are legal. Raises SpoolUnusable when the file
    cannot be written (full disk): the caller keeps the snapshots' newest state and tries again.
    """

    @property
    def spool_id(self) -> bytes:
        """16 random bytes, made with the spool."""
        ...

    @property
    def highest_seq(self) -> int:
        """The highest sequence number ever given; 0 for a new spool."""
        ...

    @property
    def dropped(self) -> int:
        """Reports lost for lack of room since the spool was made."""
        ...

    def append(self, report: Report) -> int:
        """Makes the report durable and gives its sequence number."""
        ...

    def claim(self, *, limit: int) -> Sequence[tuple[int, Report]]:
        """The oldest pending reports, marked as in flight, in order of sequence."""
        ...

    def acknowledge(self, seq: int, *, rejected: Sequence[int] = ()) -> None:
        """All up to `seq` are committed (or rejected for good): forget them, keep the digests."""
        ...

    def link_lost(self) -> None:
        """What was in flight is pending again."""
        ...

    def committed_digest(self, topic: str) -> bytes | None:
        """Digest of this topic's newest snapshot that the server has committed."""
        ...

    def forget_committed(self, topics: Sequence[str] = ()) -> None:
        """Full snapshots are needed again, of these topics or of all."""
        ...

    def newest(self, topic: str) -> Snapshot | None:
        """The topic's newest snapshot, with its rows, sent or not."""
        ...

    def pending(self) -> int:
        """Reports not yet acknowledged."""
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
    """Keeps this device's private key and certificates. The key never leaves it."""

    def load(self) -> "StoredIdentity | None": ...

    def save(self, identity: "StoredIdentity") -> None: ...

    def erase(self) -> None: ...


class StoredIdentity(Protocol):
    """See `vigie_agent.identity`."""
