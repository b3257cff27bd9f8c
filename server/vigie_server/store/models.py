"""The tables. Repositories write SQL against them; nothing above `store/` sees a row.

Keys named `key` are small integers of this store only; ids are what the outside sees. Instants are
`store.instants.Instant`. JSON is text: the hot path writes it as it is. On PostgreSQL `transition`
and `audit` are partitioned by month (`store.history`): their primary key is `key` and `at` there.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, MetaData, Text, text
from sqlmodel import Field, SQLModel

from vigie_server.store.instants import Instant

Key = BigInteger().with_variant(Integer, "sqlite")
"""Auto-numbered in both databases (SQLite numbers only columns of type INTEGER)."""

Bytewise = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its bytes: the beginning of a name is a range of an index."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel):
    """The tables of this store, apart from any other SQLModel metadata of the process."""

    metadata = MetaData(naming_convention=NAMING)


class Meta(Base, table=True):
    """Facts of the store itself, by name: `store_epoch`, `commits`."""

    __tablename__ = "meta"

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class Site(Base, table=True):
    """A facility. `networks`, `gateways` (hardware addresses) and `contacts` are JSON lists."""

    __tablename__ = "site"

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    name: str = Field(sa_type=Text, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    body_key: int | None = Field(default=None, sa_type=Key)
    region: str = Field(default="", sa_type=Text)
    finess: str = Field(default="", sa_type=Text)
    networks: str = Field(default="[]", sa_type=Text)
    gateways: str = Field(default="[]", sa_type=Text)
    declared_devices: int | None = Field(default=None, sa_type=Integer)
    contacts: str = Field(default="[]", sa_type=Text)


LISTED_BY = ("state", "platform", "compliant", "nomadic", "site_key")
"""What devices are filtered by while an index of their order is walked."""


class DeviceRow(Base, table=True):
    """A device, its place in its spool's sequence, and the revision that fences its changes.

    `passing`, `failing` and `unknown` count its rules, `compliant` follows from them; they are
    written with its verdicts, and `compliant` is null until it is judged.
    """

    __tablename__ = "device"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_device_hardware_serial", "hardware_serial"),
        Index("ix_device_hardware_uuid", "hardware_uuid"),
        # Of the rules that judged devices, see `store/judged_with.py`.
        Index(
            "ix_device_judged_with",
            "judged_with",
            sqlite_where=text("disabled = ''"),
            postgresql_where=text("disabled = ''"),
        ),
        Index("ix_device_site_key_state", "site_key", "state"),
        Index("ix_device_site_key_id", "site_key", "id"),
        # Lists in an order, whatever they are filtered by: see `store/device_lists.py`.
        Index("ix_device_by_id", "id", *LISTED_BY),
        Index("ix_device_by_hostname", "hostname", "id", *LISTED_BY),
        Index("ix_device_by_failing", "failing", "id", *LISTED_BY),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    token_key: int | None = Field(default=None, foreign_key="enrolment_token.key", sa_type=Key)
    profile: str = Field(sa_type=Text)
    platform: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    hostname: str = Field(default="", sa_type=Bytewise)
    os: str = Field(default="", sa_type=Text)
    os_version: str = Field(default="", sa_type=Text)
    chassis: str = Field(default="", sa_type=Text)
    agent_version: str = Field(default="", sa_type=Text)
    engine: str = Field(default="", sa_type=Text)
    hardware_serial: str = Field(default="", sa_type=Text)
    hardware_uuid: str = Field(default="", sa_type=Text)
    hardware_vendor: str = Field(default="", sa_type=Text)
    hardware_model: str = Field(default="", sa_type=Text)
    nomadic: bool = Field(default=False)
    declared_nomadic: bool | None = Field(default=None)
    presence: str = Field(default="", sa_type=Text)
    presence_at: datetime | None = Field(default=None, sa_type=Instant)
    last_off_site_at: datetime | None = Field(default=None, sa_type=Instant)
    revision: int = Field(default=0, sa_type=BigInteger)
    spool_id: bytes = Field(default=b"", sa_type=LargeBinary)
    last_seq: int = Field(default=0, sa_type=BigInteger)
    dropped_reports: int = Field(default=0, sa_type=BigInteger)
    boot_ids: str = Field(default="[]", sa_type=Text)
    session_revision: int = Field(default=0, sa_type=BigInteger)
    judged_with: str = Field(default="", sa_type=Text)
    disabled: str = Field(default="", sa_type=Text)
    enrolled_at: datetime = Field(sa_type=Instant)
    last_report_at: datetime | None = Field(default=None, sa_type=Instant)
    last_seen_at: datetime | None = Field(default=None, sa_type=Instant)
    clock_skew_seconds: float | None = Field(default=None, sa_type=Float(53))
    passing: int = Field(default=0, sa_type=Integer)
    failing: int = Field(default=0, sa_type=Integer)
    unknown: int = Field(default=0, sa_type=Integer)
    compliant: bool | None = Field(default=None)


class CatalogueRow(Base, table=True):
    """Rules that devices were judged by: `digest` of all, in `rules` (JSON) that of each by its id.

    `started` counts starts of servers: the catalogue with the highest is in force.
    """

    __tablename__ = "catalogue"

    digest: str = Field(primary_key=True, sa_type=Text)
    started: int = Field(sa_type=BigInteger)
    rules: str = Field(sa_type=Text)


class Certificate(Base, table=True):
    """A device certificate that this server issued; a serial that is not here is refused."""

    __tablename__ = "certificate"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_certificate_device_key", "device_key"),)

    serial: str = Field(primary_key=True, sa_type=Text)
    device_key: int = Field(foreign_key="device.key", sa_type=Key)
    not_after: datetime = Field(sa_type=Instant)
    issued_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class EnrolmentToken(Base, table=True):
    """An enrolment token; of its secret only the hash."""

    __tablename__ = "enrolment_token"

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    secret_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    profile: str = Field(sa_type=Text)
    max_uses: int = Field(sa_type=Integer)
    uses: int = Field(default=0, sa_type=Integer)
    serials: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class ApiToken(Base, table=True):
    """A token of the API; of its secret only the hash. `sites` is JSON, null for every site.

    `previous_hash`: of the secret before the last rotation, good until `previous_until`.
    """

    __tablename__ = "api_token"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_api_token_previous_hash", "previous_hash"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text)
    secret_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    role: str = Field(sa_type=Text)
    sites: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    personal_data: bool = Field(default=True)
    previous_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_until: datetime | None = Field(default=None, sa_type=Instant)


class EvidenceRow(Base, table=True):
    """A topic's content each time it changed: append-only. `content` is the canonical form."""

    __tablename__ = "evidence"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_evidence_received_at", "received_at"),)

    device_key: int = Field(foreign_key="device.key", primary_key=True, sa_type=Key)
    revision: int = Field(primary_key=True, sa_type=BigInteger)
    topic: str = Field(primary_key=True, sa_type=Text)
    spool_id: bytes = Field(sa_type=LargeBinary)
    seq: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    status: int = Field(sa_type=Integer)
    content: bytes = Field(sa_type=LargeBinary)
    query_digest: bytes = Field(sa_type=LargeBinary)
    observed_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)


class SnapshotRow(Base, table=True):
    """A topic's newest snapshot; its content is the evidence of that revision."""

    __tablename__ = "snapshot"

    device_key: int = Field(foreign_key="device.key", primary_key=True, sa_type=Key)
    topic: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    observed_at: datetime = Field(sa_type=Instant)


class VerdictRow(Base, table=True):
    """A verdict as it stands."""

    __tablename__ = "verdict"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_verdict_next_check_at", "next_check_at"),
        Index("ix_verdict_rule_status_device_key", "rule", "status", "device_key"),
        Index(
            "ix_verdict_failing",
            "device_key",
            "rule",
            "waived",
            sqlite_where=text("status = 'fail'"),
            postgresql_where=text("status = 'fail'"),
        ),
    )

    device_key: int = Field(foreign_key="device.key", primary_key=True, sa_type=Key)
    rule: str = Field(primary_key=True, sa_type=Text)
    rule_version: int = Field(sa_type=Integer)
    status: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    offending: str = Field(sa_type=Text)
    measures: str = Field(sa_type=Text)
    topic_versions: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Instant)
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    passing_since: datetime | None = Field(default=None, sa_type=Instant)
    waived: bool = Field(default=False)
    evidence_at: datetime | None = Field(default=None, sa_type=Instant)
    next_check_at: datetime | None = Field(default=None, sa_type=Instant)
    digest: int | None = Field(default=None, sa_type=BigInteger)
    """`digest_of` the verdict; none where it was written before there were any."""


class RuleCount(Base, table=True):
    """How many devices hold each verdict of a rule, at a site or (`EVERY_SITE`) at all of them.

    Retired devices do not count; `failing` leaves out those that are `waived`. Moved with the
    verdicts, in their transaction.
    """

    __tablename__ = "rule_count"

    site_key: int = Field(primary_key=True, sa_type=Key)
    rule: str = Field(primary_key=True, sa_type=Text)
    passing: int = Field(default=0, sa_type=Integer)
    failing: int = Field(default=0, sa_type=Integer)
    waived: int = Field(default=0, sa_type=Integer)
    unknown: int = Field(default=0, sa_type=Integer)
    not_applicable: int = Field(default=0, sa_type=Integer)


class RuleDay(Base, table=True):
    """What a `RuleCount` was at the end of a day, where that differs from the day before.

    `day` counts days (UTC) since 1 January 1970.
    """

    __tablename__ = "rule_day"
    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_with_rowid": False}

    site_key: int = Field(primary_key=True, sa_type=Key)
    rule: str = Field(primary_key=True, sa_type=Text)
    day: int = Field(primary_key=True, sa_type=Integer)
    passing: int = Field(default=0, sa_type=Integer)
    failing: int = Field(default=0, sa_type=Integer)
    waived: int = Field(default=0, sa_type=Integer)
    unknown: int = Field(default=0, sa_type=Integer)
    not_applicable: int = Field(default=0, sa_type=Integer)


EVERY_SITE = 0
"""The `site_key` of counts over every site; sites are numbered from 1."""


class TransitionRow(Base, table=True):
    """A verdict that changed: append-only."""

    __tablename__ = "transition"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_transition_device_key_at_key", "device_key", "at", "key"),
        # The device at their end: one that is not asked for is passed over without its row.
        Index("ix_transition_at_key_device_key", "at", "key", "device_key"),
        Index("ix_transition_rule_at_key_device_key", "rule", "at", "key", "device_key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    device_key: int = Field(foreign_key="device.key", sa_type=Key)
    rule: str = Field(sa_type=Text)
    before: str | None = Field(default=None, sa_type=Text)
    after: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    rule_version: int = Field(sa_type=Integer)
    topic_versions: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    offending: str = Field(sa_type=Text)


class RejectedReport(Base, table=True):
    """A report that could never be accepted, and why; never what it held."""

    __tablename__ = "rejected_report"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_rejected_report_device_key", "device_key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    device_key: int = Field(foreign_key="device.key", sa_type=Key)
    spool_id: bytes = Field(sa_type=LargeBinary)
    seq: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    reason: str = Field(sa_type=Text)


class Conflict(Base, table=True):
    """A device that claims to be one that is known, for a person to settle."""

    __tablename__ = "conflict"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_conflict_device_key", "device_key"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    device_key: int = Field(foreign_key="device.key", sa_type=Key)
    claimed_key: int | None = Field(default=None, foreign_key="device.key", sa_type=Key)
    at: datetime = Field(sa_type=Instant)
    reason: str = Field(sa_type=Text)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)


class Audit(Base, table=True):
    """Who did what: append-only."""

    __tablename__ = "audit"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_audit_at_key", "at", "key"),
        Index("ix_audit_subject_at_key", "subject", "at", "key"),
        Index("ix_audit_actor_at_key", "actor", "at", "key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    at: datetime = Field(sa_type=Instant)
    actor: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)


class Change(Base, table=True):
    """What processes that share the store tell one another, kept for minutes: `store.changes`."""

    __tablename__ = "change"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_change_xid_key", "xid", "key"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    xid: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    origin: str = Field(sa_type=Text)
    told: str = Field(sa_type=Text)


class TakenNonce(Base, table=True):
    """A nonce by which an expired certificate was renewed, kept while it might come again."""

    __tablename__ = "taken_nonce"

    nonce: bytes = Field(primary_key=True, sa_type=LargeBinary)
    at: datetime = Field(sa_type=Instant)
