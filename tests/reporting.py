"""Builders of what a device reports."""

from datetime import UTC, datetime, timedelta

from vigie_agent.domain.snapshot import Cost, Report, Snapshot, Status

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def a_snapshot(
    topic: str = "firewall", *cells: str, version: int = 1, status: Status = Status.OK
) -> Snapshot:
    """A topic's answer with one column, one row a cell."""
    return Snapshot.of(
        topic=topic,
        topic_version=version,
        status=status,
        columns=("name",),
        rows=[(cell,) for cell in cells],
        query_digest=b"q" * 16,
        cost=Cost(timedelta(milliseconds=12), timedelta(milliseconds=3)),
    )


def a_report(
    *snapshots: Snapshot,
    collected_at: datetime = MORNING,
    boot_id: str = "boot-1",
    boot_clock: timedelta = timedelta(hours=1),
) -> Report:
    """Snapshots collected at one moment; a firewall's when none is given."""
    return Report(collected_at, boot_id, boot_clock, snapshots or (a_snapshot("firewall", "on"),))
