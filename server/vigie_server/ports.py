"""The seams of the server: the smallest protocol each user needs, and what can go wrong."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.enrolling import Claims, KnownDevice, TokenTerms
from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.orders import Order, Welcome
from vigie_server.domain.records import DeviceChange, DeviceRecord
from vigie_server.domain.reports import Heartbeat, Hello, Report
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.domain.views import DeviceView

T = TypeVar("T")

# --- Readers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a reader asks for; an empty filter is all that its scope allows."""

    sites: frozenset[str] | None = None
    platform: str | None = None
    state: str | None = None
    rule: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of devices in order of their id. `next_after` is the next page's `after`."""

    devices: Sequence[DeviceView]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """A verdict as it stands, with its evidence."""

    rule: str
    rule_version: int
    status: Status
    reason: Mapping[str, str]
    offending: Sequence[FactRow]
    since: datetime
    failing_since: datetime | None
    evidence_at: datetime | None
    next_check_at: datetime | None
    waived: bool = False


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """A change of verdict: what it was, what it became, when and why."""

    rule: str
    before: Status | None
    after: Status
    at: datetime
    reason: Mapping[str, str]


class FleetReader(Protocol):
    """What the API and the console read. Blocking: call it from a worker thread."""

    def devices(self, wanted: DeviceFilter, *, after: str | None, limit: int) -> Page: ...

    def device(self, device_id: str) -> Device:
        """Raises NotFound."""
        ...

    def verdicts(self, device_id: str) -> Sequence[VerdictRecord]:
        """In the order of the rules' ids. Raises NotFound."""
        ...

    def transitions(self, device_id: str, *, limit: int) -> Sequence[TransitionRecord]:
        """The newest first. Raises NotFound."""
        ...

    def reported_topics(self, device_id: str) -> Mapping[str, datetime]:
        """When each topic that the device has reported was last true. Raises NotFound."""
        ...

    def ready(self) -> None:
        """Returns when the store answers; raises StoreBusy otherwise."""
        ...


# --- Tokens of the API ----------------------------------------------------------------------------


class Role(StrEnum):
    """What a token of the API may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    CONTRACTOR = "contractor"
    SCRAPE = "scrape"


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Who calls: the token's id and name, its role, and its sites (None: every site)."""

    token_id: str
    name: str
    role: Role
    sites: frozenset[str] | None = field(default=None)


class ApiTokens(Protocol):
    """Knows the tokens of the API. Blocking: call it from a worker thread."""

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        """Who holds this token. Raises TokenRefused, without saying what is wrong with it."""
        ...


@dataclass(frozen=True, slots=True)
class NewToken:
    """What every token has: an id to name it by, the hash of its secret, its beginning and end.

    `actor` made it, for the audit.
    """

    id: str
    secret_hash: bytes
    made_at: datetime
    expires_at: datetime
    actor: str


class TokenStore(Protocol):
    """Tokens of both kinds, by the hash of their secret. Blocking: call it from a worker thread."""

    def add_enrolment_token(
        self,
        token: NewToken,
        *,
        site: str,
        profile: str,
        max_uses: int,
        serials: Collection[str] | None,
    ) -> None:
        """Adds a token, and its site when it is new."""
        ...

    def add_api_token(
        self, token: NewToken, *, name: str, role: Role, sites: frozenset[str] | None
    ) -> None: ...

    def api_caller(self, secret_hash: bytes, *, now: datetime) -> ApiCaller:
        """Raises TokenRefused."""
        ...


# --- The read model -------------------------------------------------------------------------------


class ReadModel(Protocol):
    """Is told of every committed change of a device, on the event loop, after the commit."""

    def put(self, view: DeviceView) -> None: ...

    def seen(self, device_id: str, at: datetime) -> None: ...

    def remove(self, device_id: str) -> None: ...


# --- Devices that speak ---------------------------------------------------------------------------


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


class Judging(Protocol):
    """The rules in force and the topics they read. Pure, and never raises on data."""

    @property
    def digest(self) -> str:
        """Of the rules, the topics and the judge: when it changes, everything is judged again."""
        ...

    @property
    def rules(self) -> Collection[str]:
        """The ids of all the rules."""
        ...

    def rules_reading(self, topic: str) -> Collection[str]:
        """The rules that this topic's content can change."""
        ...

    @property
    def rules_on_device(self) -> frozenset[str]:
        """The rules that read no topic: they depend on the device and its last report."""
        ...

    def topics_of(self, rule: str) -> frozenset[str]:
        """The topics a rule reads; none for a rule that does not exist."""
        ...

    def topics_beside(self, topics: frozenset[str] | None) -> frozenset[str]:
        """All that the rules which read one of the topics read; None: all that any rule reads."""
        ...

    def fact(self, content: "Content", observed_at: datetime) -> Fact | None:
        """The converted answer; None for a topic that is not declared (a site's own pack)."""
        ...

    def stored_fact(
        self, topic: str, digest: bytes, content: "Callable[[], Content]", observed_at: datetime
    ) -> Fact | None:
        """As `fact`, of an answer with this digest that comes from the store.

        `content` is asked for it unless the same answer, of whatever device, is remembered.
        """
        ...

    def judge(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        *,
        topics: frozenset[str] | None,
        on_device: bool,
        now: datetime,
    ) -> Sequence[Verdict]:
        """The verdicts of the rules that read one of the topics; None: of every rule.

        `on_device` adds the rules that read no topic.
        """
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """What a topic's answer holds: the fields of its canonical form."""

    topic: str
    topic_version: int
    status: int
    message: str
    columns: Sequence[str]
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A device that gave a sign of life: when, and its clock's skew in seconds if it told."""

    key: int
    at: datetime
    skew: float | None


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What a greeting changes of a device's row."""

    spool_id: bytes
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

    def key_of(self, peer: Peer) -> int:
        """Raises UnknownDevice: no such device, or its certificate is not ours or revoked."""
        ...

    def record(self, key: int) -> DeviceRecord:
        """The device with its snapshots (without facts) and verdicts. Raises UnknownDevice."""
        ...

    def many(self, keys: Sequence[int]) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
        """Those of the devices that exist, as `record`, each with its topics' canonical forms."""
        ...

    def contents(self, key: int, snapshots: Mapping[str, int]) -> Mapping[str, bytes]:
        """The canonical forms of a device's topics, each given by the revision of its evidence."""
        ...

    def start_session(self, key: int, start: SessionStart) -> int:
        """Gives the new revision: changes made on an older one come too late from now on.

        The sequence starts again when the spool is another one. Raises UnknownDevice.
        """
        ...

    def quarantine(self, key: int, *, reason: str, at: datetime) -> None: ...

    def commit(self, changes: Sequence[DeviceChange], seen: Sequence[Seen]) -> frozenset[int]:
        """Commits all in one transaction; gives the keys of devices whose changes came too late.

        A device's changes follow one another. Those of the keys returned left no trace.
        """
        ...

    def due(self, *, now: datetime, limit: int) -> Mapping[int, Sequence[str]]:
        """Devices with rules whose next check is due, the longest overdue first."""
        ...

    def judged_otherwise(self, digest: str, *, limit: int) -> Sequence[int]:
        """Devices that were not judged by the rules of this digest."""
        ...


# --- Enrolment ------------------------------------------------------------------------------------


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

    def issue_device_certificate(
        self, signing_request: bytes, device_id: str, *, now: datetime
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


class ViewStore(Protocol):
    """Views of devices by their keys. Blocking: call it from a worker thread."""

    def views_after(self, key: int, *, limit: int) -> Sequence[tuple[int, DeviceView]]:
        """The next devices in order of their keys."""
        ...

    def views_of(self, keys: Collection[int]) -> Sequence[tuple[int, DeviceView]]: ...

    def last_act(self) -> int:
        """The number of the newest act on record (see `acted_on`); 0 when there is none."""
        ...

    def acted_on(self, act: int, *, limit: int) -> tuple[int, Sequence[int]]:
        """The devices of the acts after this one, by any process, and the last of these acts."""
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


# --- The server's own figures ---------------------------------------------------------------------


class Figures(Protocol):
    """Counts what the server does. Called on the event loop; never raises."""

    def session_opened(self) -> None: ...

    def session_closed(self) -> None: ...

    def reports_committed(self, count: int, *, seconds: float) -> None:
        """One group commit: how many changes, and how long it took."""
        ...

    def report_rejected(self) -> None: ...

    def report_repeated(self) -> None: ...

    def heartbeat_received(self) -> None: ...

    def resend_asked(self) -> None: ...

    def judged(self, verdicts: int, *, seconds: float) -> None: ...

    def swept(self, devices: int, *, overdue: timedelta) -> None: ...
