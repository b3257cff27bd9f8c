"""A clock moves with every report: its rule follows, though the evidence stays the same."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.domain.reports import STATUSES, Limits, Report, Snapshot
from vigie_server.domain.verdicts import Status
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOOK: Final = RuleBook(bundled_catalogue())
RULE: Final = "Q11-clock-synchronised"


async def no_facts(record: DeviceRecord, topics: Collection[str]) -> None:
    raise AssertionError(f"{record.device.id}: {topics} are at hand")


async def leave_out(_: DeviceRecord, __: Collection[str]) -> None:
    """As a store that does not hold the rows."""


def answer(topic: str, rows: Sequence[Mapping[str, str]], *, unchanged: bool = False) -> Snapshot:
    declared = tuple(BOOK.catalogue.topics[topic].columns)
    columns, ordered = canonical_rows(
        declared, [[row.get(name, "") for name in declared] for row in rows]
    )
    values = tuple(value for row in ordered for value in row)
    status = STATUSES.index("ok")
    digest = snapshot_digest(
        topic=topic, topic_version=1, status=status, message="", columns=columns, values=values
    )
    return Snapshot(
        topic=topic,
        topic_version=1,
        digest=digest,
        status=status,
        message="",
        unchanged=unchanged,
        columns=() if unchanged else columns,
        values=() if unchanged else values,
        row_count=0 if unchanged else len(rows),
        query_digest=b"",
    )


def time_sync(*, unchanged: bool) -> Snapshot:
    rows = [
        {"part": "service", "collected": "yes", "mechanism": "Windows Time", "active": "1"},
        {"part": "machine", "collected": "yes"},
    ]
    return answer("time_sync", rows, unchanged=unchanged)


def a_record() -> DeviceRecord:
    return DeviceRecord(
        key=1,
        device=Device(
            id="d1", site="s1", profile="standard", platform="windows", state=DeviceState.ACTIVE
        ),
        revision=0,
        spool_id=b"",
        last_seq=0,
        boot_ids=(),
        judged_with=BOOK.digest,
        enrolled_at=NOW,
    )


async def test_a_clock_that_drifts_and_is_mended_is_seen_by_reports_that_change_nothing() -> None:
    record = a_record()
    accept = AcceptReport(BOOK, no_facts, OwnFigures(CollectorRegistry()), limits=Limits())
    seen = []

    for seq, behind in enumerate([1, 1200, 1300, 2], start=1):
        at = NOW + timedelta(hours=seq)
        snapshot = time_sync(unchanged=seq > 1)
        report = Report(seq, at - timedelta(seconds=behind), timedelta(0), [snapshot])
        accepted = await accept(record, report, received_at=at)
        assert accepted.rejection is None
        record.revision += 1
        seen.append(record.verdicts[RULE].verdict.status)

    assert seen == [Status.PASS, Status.FAIL, Status.FAIL, Status.PASS]


def test_only_the_rules_of_the_clock_and_of_silence_move_by_themselves() -> None:
    assert BOOK.moving == {RULE, "Q09-seen-recently"}


async def test_snapshots_that_travelled_together_are_each_as_old_as_they_say() -> None:
    record = a_record()
    known = time_sync(unchanged=False).digest
    record.snapshots["antivirus"] = HeldSnapshot(known, NOW, 0, None)
    accept = AcceptReport(BOOK, leave_out, OwnFigures(CollectorRegistry()), limits=Limits())
    fresh = replace(time_sync(unchanged=False), elapsed=timedelta(minutes=2))
    stale = replace(fresh, topic="antivirus", unchanged=True, columns=(), values=(), row_count=0)
    report = Report(1, NOW, timedelta(minutes=9), [fresh, replace(stale, elapsed=None)])

    await accept(record, report, received_at=NOW + timedelta(hours=1))

    ages = {
        topic: NOW + timedelta(hours=1) - held.observed_at
        for topic, held in record.snapshots.items()
    }
    assert ages == {"time_sync": timedelta(minutes=2), "antivirus": timedelta(minutes=9)}


async def test_a_change_says_what_of_the_device_is_not_as_before() -> None:
    record = replace(a_record(), judged_with="another")
    accept = AcceptReport(BOOK, leave_out, OwnFigures(CollectorRegistry()), limits=Limits())
    report = Report(1, NOW, timedelta(0), [time_sync(unchanged=False)])

    first = (await accept(record, report, received_at=NOW)).change
    again = replace(report, seq=2, snapshots=[time_sync(unchanged=True)])
    second = (await accept(record, again, received_at=NOW + timedelta(minutes=1))).change
    looked = await accept.judge_again(record, BOOK.rules, now=NOW + timedelta(minutes=2))

    assert (first.heard, first.described, first.judged_anew) == (True, False, True)
    assert (second.heard, second.described, second.judged_anew) == (True, False, False)
    assert (looked.heard, looked.described, looked.judged_anew) == (False, False, False)
    assert first.figures is not None
    assert (second.figures, looked.figures) == (None, None)


async def test_a_device_that_was_named_anew_is_described() -> None:
    record = a_record()
    accept = AcceptReport(BOOK, leave_out, OwnFigures(CollectorRegistry()), limits=Limits())
    inventory = answer("inventory", [{"part": "system", "collected": "yes", "hostname": "poste-7"}])

    change = (
        await accept(record, Report(1, NOW, timedelta(0), [inventory]), received_at=NOW)
    ).change

    assert (change.device.hostname, change.described) == ("poste-7", True)
