"""Notices: who is told, what is to be told, and the outbox in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from vigie_server.domain.notices.content import Content
from vigie_server.domain.notices.occurrences import Occurrence
from vigie_server.domain.notices.recipients import Recipient
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites


class NoticeKind(StrEnum):
    """`critical`: at once; `digest`: each week; `test`: when somebody asks."""

    CRITICAL = "critical"
    DIGEST = "digest"
    TEST = "test"


class DeliveryState(StrEnum):
    """`dropped`: its recipient was removed before."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class RecipientRecord:
    """A recipient as it is declared."""

    id: str
    recipient: Recipient
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """A message to hand over, by `attempt`. `id` is the same at each attempt, and of no other."""

    key: int
    attempt: int
    id: str
    kind: NoticeKind
    site: str
    at: datetime
    content: Content
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """How a message to a recipient fared. `error` says why the last attempt failed."""

    key: int
    id: str
    kind: NoticeKind
    site: str
    recipient_id: str
    state: DeliveryState
    attempts: int
    at: datetime
    next_try_at: datetime | None
    done_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class DigestDue:
    """A site that somebody wants the digest of; its last one was due at `since`."""

    key: int
    site: str
    since: datetime


class Sent(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`refused` is for good. `error` is short and holds no address, key or path."""

    sent: Sent
    error: str = ""


class Carrier(Protocol):
    """Hands a message over, in bounded time. Never raises on what it meets."""

    async def __call__(self, sending: Sending) -> Outcome: ...


class RecipientStore(Protocol):
    """Who is told. Blocking: call it from a worker thread."""

    def add(self, given: Recipient, act: Act) -> RecipientRecord:
        """Given back where it is there already. Raises NotFound, DeclarationRefused: too many."""
        ...

    def remove(
        self,
        recipient_id: str,
        within: Sites,
        act: Act,
        require: Require[RecipientRecord] = whatever,
    ) -> None:
        """What waits for it is dropped. Raises NotFound, also for one that is out of the scope."""
        ...

    def recipient(self, recipient_id: str, within: Sites) -> RecipientRecord:
        """One of those that are seen from these sites. Raises NotFound."""
        ...

    def recipients(self, within: Sites) -> Sequence[RecipientRecord]:
        """In the order in which they were declared; with a scope, those of its sites."""
        ...

    def test(self, recipient_id: str, within: Sites, act: Act) -> DeliveryRecord:
        """Puts a test message into the outbox. Raises NotFound."""
        ...

    def deliveries(
        self, within: Sites, *, before: int | None, limit: int
    ) -> Sequence[DeliveryRecord]:
        """The newest first, those of keys below `before`."""
        ...


class Outbox(Protocol):
    """What is to be told and handed over. Blocking: call it from a worker thread."""

    def untold(self, *, now: datetime) -> Mapping[int, Sequence[Occurrence]]:
        """By site that somebody is told of, what stands there and was not told."""
        ...

    def note(self, site: int, noticed: Sequence[Occurrence], *, now: datetime) -> None:
        """Marks what was noticed, to be told later."""
        ...

    def tell(
        self, site: int, told: Sequence[Occurrence], content: Content, *, now: datetime
    ) -> None:
        """Puts a message for everybody who wants it into the outbox, and marks it told: at once."""
        ...

    def digests_due(self, due: datetime, *, now: datetime) -> Sequence[DigestDue]:
        """Sites whose digest of `due` was not made yet; new ones are noted, for the next."""
        ...

    def put_digest(
        self, site: DigestDue, content: Content, *, due: datetime, now: datetime
    ) -> None:
        """Puts a site's digest into the outbox, and marks it made: at once."""
        ...

    def take(self, *, now: datetime, limit: int, hold: timedelta) -> Sequence[Sending]:
        """What is due; nobody else is given it before `hold` has passed."""
        ...

    def settle(
        self,
        sending: Sending,
        state: DeliveryState,
        error: str,
        *,
        now: datetime,
        next_try_at: datetime | None,
    ) -> None:
        """How it fared. Passed over where a later attempt was begun."""
        ...

    def forget(self, before: datetime, *, bite: int) -> int:
        """Erases messages that are older and wait for nobody; gives how many."""
        ...
