"""The seams of the agent: the smallest protocol each user needs, and what can go wrong."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.snapshot import Report, Snapshot
from vigie_agent.domain.spooling import Entry


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
    """Keeps this device's private key and certificates. The key never leaves it."""

    def load(self) -> "StoredIdentity | None": ...

    def save(self, identity: "StoredIdentity") -> None: ...

    def erase(self) -> None: ...


class StoredIdentity(Protocol):
    """See `vigie_agent.identity`."""
