"""The server's own figures: ordinary prometheus-client objects on a registry of their own."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from vigie_server.metrics.judging_tally import JudgingTally
from vigie_server.ports.enrolment import Refusal
from vigie_server.ports.notifying import NoticeKind
from vigie_server.ports.store_room import StoreRoom

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class OwnFigures:
    """Counts what the server does (`vigie_server.ports.figures.Figures`)."""

    def __init__(self, registry: CollectorRegistry, *, version: str = "") -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Gauge(
            "vigie_build_info",
            "The version of this server; the value is always 1.",
            ["version"],
            registry=registry,
        ).labels(version).set(1)
        self._sessions = Gauge(
            "vigie_sessions", "Devices connected to this server now.", registry=registry
        )
        self._places = Gauge(
            "vigie_session_places",
            "Devices that this server has room for; more connections are closed before TLS. kind "
            "is held (they stay connected) or visiting.",
            ["kind"],
            registry=registry,
        )
        self._reports = Counter("vigie_ingest_reports", "Reports committed.", registry=registry)
        self._rejected = Counter(
            "vigie_ingest_rejected_reports",
            "Reports that could never be accepted.",
            registry=registry,
        )
        self._repeated = Counter(
            "vigie_ingest_repeated_reports",
            "Reports that came again and had been committed before.",
            registry=registry,
        )
        self._heartbeats = Counter(
            "vigie_ingest_heartbeats", "Heartbeats received.", registry=registry
        )
        self._resends = Counter(
            "vigie_ingest_resends", "Times full snapshots were asked for again.", registry=registry
        )
        self._commits = Histogram(
            "vigie_commit_seconds",
            "Time of one group commit.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "vigie_commit_failures",
            "Changes of devices that the store refused or could not take; devices send them again.",
            registry=registry,
        )
        self._pending = Gauge(
            "vigie_ingest_pending_changes",
            "Changes of devices that wait for their commit.",
            registry=registry,
        )
        self._enrolments_refused = Counter(
            "vigie_enrolment_refused",
            "Calls of the enrolment port that were refused. reason is token, rate, malformed, "
            "store or other.",
            ["reason"],
            registry=registry,
        )
        for reason in Refusal:
            self._enrolments_refused.labels(reason.value)
        self._store_size = Gauge(
            "vigie_store_size_bytes", "Room that the store takes.", registry=registry
        )
        self._store_capacity = Gauge(
            "vigie_store_capacity_bytes",
            "Room that the store takes and may still take: the disk for SQLite, what "
            "STORE__CAPACITY says for PostgreSQL; 0 where it says nothing.",
            registry=registry,
        )
        self._store_reachable = Gauge(
            "vigie_store_reachable",
            "1 while the store answers this server, 0 while it does not.",
            registry=registry,
        )
        self._judging = JudgingTally((0.0001, 0.00025, 0.0005, *_SECONDS))
        registry.register(self._judging)
        self._swept = Counter(
            "vigie_sweeper_devices",
            "Devices judged again because time had passed.",
            registry=registry,
        )
        self._overdue = Gauge(
            "vigie_sweeper_overdue_seconds",
            "How late the sweeper was at its last round, for the device that had waited longest.",
            registry=registry,
        )
        self._round = Gauge(
            "vigie_sweeper_last_round_timestamp_seconds",
            "When this server last ended a round of the sweeper; 0: it never did.",
            registry=registry,
        )
        self._leading = Gauge(
            "vigie_leading",
            "1 on the server that does the scheduled work, 0 on the others.",
            registry=registry,
        )
        self._notices = Counter(
            "vigie_notifications",
            "Attempts to hand notices over.",
            ["kind", "outcome"],
            registry=registry,
        )
        for kind, outcome in product(NoticeKind, ("sent", "failed", "given_up")):
            self._notices.labels(kind.value, outcome)  # a rate needs the zero before the first
        self._update_bytes = Counter(
            "vigie_update_sent_bytes", "Bytes of releases sent to agents.", registry=registry
        )
        self._updates_away = Counter(
            "vigie_update_turned_away",
            "Agents that found every place taken at which a release is read.",
            registry=registry,
        )
        self._update_devices = Gauge(
            "vigie_update_devices",
            "Devices that look for updates, by the version that they run and by how their last "
            "update went: current, on_trial, refused, rolled_back.",
            ["version", "state"],
            registry=registry,
        )
        self._update_expiry = Gauge(
            "vigie_update_channel_expiry_timestamp_seconds",
            "Until when the update channel is good; 0: this server has none.",
            registry=registry,
        )
        self._backed_up = Gauge(
            "vigie_backup_last_success_timestamp_seconds",
            "When the store was last backed up with success; 0: never.",
            registry=registry,
        )
        self._backups_due = Gauge(
            "vigie_backup_interval_seconds",
            "How often the server backs the store up by itself; 0: it does not.",
            registry=registry,
        )
        self._backups_failed = Counter(
            "vigie_backup_failures",
            "Backups by the clock that this server could not make.",
            registry=registry,
        )
        self._certificates = Gauge(
            "vigie_certificate_expiry_timestamp_seconds",
            "When a certificate of this server expires.",
            ["certificate"],
            registry=registry,
        )

    def session_opened(self) -> None:
        self._sessions.inc()

    def session_closed(self) -> None:
        self._sessions.dec()

    def reports_committed(self, count: int, *, seconds: float) -> None:
        self._reports.inc(count)
        self._commits.observe(seconds)

    def commit_failed(self) -> None:
        self._failures.inc()

    def places(self, *, held: int, visiting: int) -> None:
        """How many devices may be connected: what `auto` came to shows here."""
        self._places.labels("held").set(held)
        self._places.labels("visiting").set(visiting)

    def pending_from(self, waiting: Callable[[], float]) -> None:
        """Where a scrape asks how many changes wait."""
        self._pending.set_function(waiting)

    def enrolment_refused(self, reason: Refusal) -> None:
        self._enrolments_refused.labels(reason.value).inc()

    def store_measured(self, room: StoreRoom | None) -> None:
        """Shows the store's room; None: it did not answer, what was known stays."""
        self._store_reachable.set(int(room is not None))
        if room is not None:
            self._store_size.set(room.size)
            self._store_capacity.set(room.capacity or 0)

    def report_rejected(self) -> None:
        self._rejected.inc()

    def report_repeated(self) -> None:
        self._repeated.inc()

    def heartbeat_received(self) -> None:
        self._heartbeats.inc()

    def resend_asked(self) -> None:
        self._resends.inc()

    def judged(self, verdicts: int, *, seconds: float) -> None:
        self._judging.judged(verdicts, seconds)

    def swept(self, devices: int, *, at: datetime, overdue: timedelta) -> None:
        self._swept.inc(devices)
        self._round.set(at.timestamp())
        self._overdue.set(overdue.total_seconds())

    def leads(self, *, leading: bool) -> None:
        self._leading.set(int(leading))

    def notified(self, kind: str, outcome: str) -> None:
        self._notices.labels(kind, outcome).inc()

    def update_sent(self, count: int) -> None:
        self._update_bytes.inc(count)

    def update_turned_away(self) -> None:
        self._updates_away.inc()

    def updates(self, devices: Mapping[tuple[str, str], int], expiry: datetime | None) -> None:
        self._update_devices.clear()
        for labels, count in devices.items():
            self._update_devices.labels(*labels).set(count)
        self._update_expiry.set(0 if expiry is None else expiry.timestamp())

    def backed_up(self, at: datetime | None) -> None:
        self._backed_up.set(0 if at is None else at.timestamp())

    def backups_due(self, every: timedelta | None) -> None:
        """Shows how often backups are made by the clock; None: they are not."""
        self._backups_due.set(0 if every is None else every.total_seconds())

    def backup_failed(self) -> None:
        self._backups_failed.inc()

    def certificates_expire(self, expiries: Mapping[str, datetime]) -> None:
        """Shows when each certificate, by name (`telemetry`, `https`, `authority`), expires."""
        for name, not_after in expiries.items():
            self._certificates.labels(name).set(not_after.timestamp())
