"""The server's own figures: ordinary prometheus-client objects on a registry of their own."""

from collections.abc import Mapping
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

from vigie_server.ports.notifying import NoticeKind

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class OwnFigures:
    """Counts what the server does (`vigie_server.ports.figures.Figures`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._sessions = Gauge(
            "vigie_sessions", "Devices connected to this server now.", registry=registry
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
        self._judging = Histogram(
            "vigie_judge_seconds",
            "Time to judge the rules that one report concerns.",
            buckets=(0.0001, 0.00025, 0.0005, *_SECONDS),
            registry=registry,
        )
        self._verdicts = Counter("vigie_judge_verdicts", "Verdicts worked out.", registry=registry)
        self._swept = Counter(
            "vigie_sweeper_devices",
            "Devices judged again because time had passed.",
            registry=registry,
        )
        self._overdue = Gauge(
            "vigie_sweeper_overdue_seconds",
            "How late the sweeper was at its last round.",
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

    def report_rejected(self) -> None:
        self._rejected.inc()

    def report_repeated(self) -> None:
        self._repeated.inc()

    def heartbeat_received(self) -> None:
        self._heartbeats.inc()

    def resend_asked(self) -> None:
        self._resends.inc()

    def judged(self, verdicts: int, *, seconds: float) -> None:
        self._verdicts.inc(verdicts)
        self._judging.observe(seconds)

    def swept(self, devices: int, *, overdue: timedelta) -> None:
        self._swept.inc(devices)
        self._overdue.set(overdue.total_seconds())

    def leads(self, *, leading: bool) -> None:
        self._leading.set(int(leading))

    def notified(self, kind: str, outcome: str) -> None:
        self._notices.labels(kind, outcome).inc()

    def certificates_expire(self, expiries: Mapping[str, datetime]) -> None:
        """Shows when each certificate, by name (`telemetry`, `https`, `authority`), expires."""
        for name, not_after in expiries.items():
            self._certificates.labels(name).set(not_after.timestamp())
