"""Devices that speak: their sessions, and the store behind them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vigie_server.domain.orders import Order, Welcome
from vigie_server.domain.records import DeviceChange, DeviceRecord
from vigie_server.domain.reports import Heartbeat, Hello, Report
from vigie_server.domain.surroundings import Surroundings
from vigie_server.ports.asking import AnswerPiece

Place = tuple[int, int, str]
"""Of evidence: its device's key, its revision, its topic."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who speaks, by the certificate of its connection and by nothing else."""

    device_id: str
    certificate_serial: str


class LiveSession(Protocol):
    """One device's open session, as the wire sees it."""

    @property
    def welcome(self) -> Welcome: ...

    async def take(self, report: Report) -> None:
        """Takes a report; waits while the store is behind (back-pressure). The answer is an order.

        Raises UnknownDevice, DeviceRetired, DeviceCloned, StoreBusy when the session must end.
        """
        ...

    def beat(self, heartbeat: Heartbeat) -> None: ...

    async def answer(self, piece: AnswerPiece) -> None:
        """Takes a piece of the answer to a question; the last one is kept before this returns.

        Raises MalformedRequest for a question that was not asked, StoreBusy.
        """
        ...

    def orders(self) -> AsyncIterator[Order]:
        """What to tell the device, until the session has ended and all is acknowledged."""
        ...

    def finish(self) -> None:
        """The device will send no more; `orders` ends once all it sent is answered."""
        ...

    def close(self) -> None:
        """The connection is gone. Safe to call twice."""
        ...


class Sessions(Protocol):
    """Opens sessions for devices that the certificate authority vouches for."""

    async def open(self, peer: Peer, hello: Hello) -> LiveSession | Order:
        """A session, or the order (Goodbye, Disable) to answer with instead.

        Raises UnknownDevice, MalformedRequest, StoreBusy.
        """
        ...

    def later(self) -> timedelta:
        """How long a device stays away that cannot be served now; each comes at its own moment."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A device that gave a sign of life: when, and its clock's skew in seconds if it told."""

    key: int
    at: datetime
    skew: float | None


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What a greeting changes of a device's row, which still has to hold `boot_ids_before`."""

    key: int
    spool_id: bytes
    boot_ids_before: tuple[str, ...]
    boot_ids: tuple[str, ...]
    agent_version: str
    engine: str
    dropped_reports: int
    at: datetime
    skew: float | None


class RecordStore(Protocol):
    """Devices as the sessions need them. Blocking: call it from a worker thread.

    Every method raises StoreBusy when the store cannot answer.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other processes may hold sessions over the same store."""
        ...

    def greeted(self, peers: Sequence[Peer]) -> Sequence[DeviceRecord | None]:
        """As `record`, of the device that holds each certificate, all of one moment.

        Verdicts tell whether they stand and no more, until `read_verdicts`: most visits move none.
        None: there is no such device, or its certificate is not ours or revoked.
        """
        ...

    def around(self, key: int) -> Surroundings:
        """What was declared around a device, as it is by now. Raises UnknownDevice."""
        ...

    def record(self, key: int) -> DeviceRecord:
        """The device with its snapshots (without facts) and verdicts. Raises UnknownDevice."""
        ...

    def many(
        self, keys: Sequence[int], *, glimpses: bool = False, glance: bool = False
    ) -> Sequence[DeviceRecord]:
        """Those of the devices that exist, as `record`.

        With `glimpses`, verdicts tell whether they stand and no more, until `read_verdicts`. With
        a `glance`, whether all of them do, which costs half as much and suits who asks all rules.
        """
        ...

    def many_with_forms(
        self, keys: Sequence[int]
    ) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
        """Those of the devices that exist, each with its topics' canonical forms."""
        ...

    def forms_at(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        """The canonical forms of evidence of several devices, of what is there of it."""
        ...

    def read_verdicts(self, record: DeviceRecord) -> None:
        """Reads in full the verdicts of which the record has a glimpse."""
        ...

    def contents(self, key: int, snapshots: Mapping[str, int]) -> Mapping[str, bytes]:
        """The canonical forms of a device's topics, each given by the revision of its evidence."""
        ...

    def start_sessions(self, starts: Sequence[SessionStart]) -> Sequence[int | None]:
        """Gives each new revision: changes made on an older one come too late from now on.

        The sequence starts again when the spool is another one. None, and nothing changed, for a
        device that may not speak any more or another boot of which was let in meanwhile. All in one
        transaction.
        """
        ...

    def quarantine(self, key: int, *, reason: str, at: datetime) -> None: ...

    def commit(self, made: Sequence[DeviceChange], seen: Sequence[Seen]) -> frozenset[int]:
        """Commits all in one transaction; gives the keys of devices whose changes came too late.

        A device's changes follow one another. Those of the keys returned left no trace.
        """
        ...

    def due(self, *, now: datetime, limit: int) -> Mapping[int, Sequence[str]]:
        """Devices with rules whose next check is due, the longest overdue first."""
        ...

    def due_since(self, *, now: datetime) -> datetime | None:
        """When the check that is due longest was due; None: none is."""
        ...

    def judged_otherwise(self, digest: str, *, limit: int) -> Mapping[int, str]:
        """Devices that were not judged by the rules of this digest, each with that of its own.

        Those neither that were judged by the rules in force, where another process brought these:
        it has newer ones, or older ones again.
        """
        ...
