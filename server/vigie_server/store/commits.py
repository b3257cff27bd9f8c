"""The hot path: many devices' changes in one transaction.

Plain SQL through the driver's `executemany`, because it runs for every report. Invariants:

- a device's row moves from the revision its changes were made on to their last one, in the
  statement that commits them; a row that is elsewhere makes the whole attempt undone, and it is
  tried again without that device. So a change lands exactly once and on what it was made from;
- devices are taken in the order of their keys, so that replicas that commit for the same devices
  wait for each other instead of each holding what the other needs;
- evidence and transitions are appended, everything else is replaced, the last change winning.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection

from vigie_server.domain.errors import StoreRefused
from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import DeviceChange, Transition, WrittenVerdict
from vigie_server.domain.verdicts import digest_of
from vigie_server.ports.sessions import Seen
from vigie_server.store import changes as changes_log
from vigie_server.store import rule_counts
from vigie_server.store.content import packed
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store, to_store_or_none

_DEVICE: Final = """
UPDATE device SET revision = ?, spool_id = ?, last_seq = ?, last_report_at = ?,
  last_seen_at = coalesce(?, last_seen_at), clock_skew_seconds = ?
WHERE key = ? AND revision = ?"""
# Columns of indexes are written where they changed alone: it costs as much as all the rest.
_DESCRIBED: Final = """
UPDATE device SET hostname = ?, os = ?, os_version = ?, chassis = ?, nomadic = ?,
  presence = ?, presence_at = ?, last_off_site_at = ?
WHERE key = ?"""
_JUDGED_ANEW: Final = "UPDATE device SET judged_with = ? WHERE key = ?"
_FIGURES: Final = """
UPDATE device SET passing = ?, failing = ?, unknown = ?, compliant = ? WHERE key = ?"""
_SEEN: Final = """
UPDATE device SET last_seen_at = ?, clock_skew_seconds = coalesce(?, clock_skew_seconds)
WHERE key = ? AND (last_seen_at IS NULL OR last_seen_at < ?)"""
_EVIDENCE: Final = """
INSERT INTO evidence (device_key, revision, topic, spool_id, seq, digest, status, content,
  query_digest, observed_at, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SNAPSHOT: Final = """
INSERT INTO snapshot (device_key, topic, revision, digest, observed_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (device_key, topic) DO UPDATE SET
  revision = excluded.revision, digest = excluded.digest, observed_at = excluded.observed_at"""
_SNAPSHOT_SEEN: Final = """
UPDATE snapshot SET observed_at = ? WHERE device_key = ? AND topic = ?"""
_VERDICT: Final = """
INSERT INTO verdict (device_key, rule, rule_version, status, reason, offending, measures,
  topic_versions, since, failing_since, passing_since, waived, evidence_at, next_check_at, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (device_key, rule) DO UPDATE SET
  rule_version = excluded.rule_version, status = excluded.status, reason = excluded.reason,
  offending = excluded.offending, measures = excluded.measures,
  topic_versions = excluded.topic_versions, since = excluded.since,
  failing_since = excluded.failing_since, passing_since = excluded.passing_since,
  waived = excluded.waived, evidence_at = excluded.evidence_at,
  next_check_at = excluded.next_check_at, digest = excluded.digest"""
_LOOKED_AT: Final = """
UPDATE verdict SET topic_versions = ?, evidence_at = ?, next_check_at = ?
WHERE device_key = ? AND rule = ?"""
# What verdicts say is most of their rows, and is not written where it is there already.
_RETRACTED: Final = "DELETE FROM verdict WHERE device_key = ? AND rule = ?"
_TRANSITION: Final = """
INSERT INTO transition (device_key, rule, before, after, at, rule_version, topic_versions, reason,
  offending)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_REOPENED: Final = """
UPDATE waived_device SET reopened_at = ?
WHERE waiver_key = ? AND device_key = ? AND reopened_at IS NULL"""
_REJECTED: Final = """
INSERT INTO rejected_report (device_key, spool_id, seq, at, reason) VALUES (?, ?, ?, ?, ?)"""
_COMMITS: Final = """
UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = ? RETURNING value"""

_KEY, _RULE, _STATUS, _WAIVED = 0, 1, 3, 11
"""Places in a row of `_VERDICT`."""

VERSIONS_KEPT: Final = 1_024
"""Versions of topics that verdicts were judged on, whose text is kept: a fleet shares them."""

Rows = list[tuple[Any, ...]]


class _Moved(Exception):
    """At least one device is no longer at the revision its changes were made on."""


def commit(
    database: Database, changes: Sequence[DeviceChange], seen: Sequence[Seen]
) -> frozenset[int]:
    """Commits all that can be; gives the keys of the devices whose changes came too late."""
    late: frozenset[int] = frozenset()
    while True:
        kept = [change for change in changes if change.key not in late] if late else changes
        try:
            database.retry(partial(_commit, database, kept, seen))
        except _Moved:
            late |= _late(database, kept)
        except (OverflowError, ValueError, TypeError) as error:
            # A value the driver cannot bind. Its text may quote the value.
            raise StoreRefused(f"the store refused: {type(error).__name__}") from error
        else:
            return late


def _commit(database: Database, changes: Sequence[DeviceChange], seen: Sequence[Seen]) -> None:
    with database.writing() as connection:
        counted = _write(database, connection, changes, seen)
    database.counter.committed(counted)


def _write(
    database: Database,
    connection: Connection,
    changes: Sequence[DeviceChange],
    seen: Sequence[Seen],
) -> int | None:
    """How many commits of this process the store counts with this one."""

    def run(sql: str, rows: Rows) -> int:
        return connection.exec_driver_sql(database.sql(sql), rows).rowcount if rows else 0

    devices = _device_rows(changes)
    if run(_DEVICE, devices) != len(devices):
        raise _Moved
    run(_SEEN, [(to_store(s.at), s.skew, s.key, to_store(s.at)) for s in _in_order(seen)])
    evidence, snapshots, touched = _evidence_rows(changes)
    run(_EVIDENCE, evidence)
    run(_SNAPSHOT, snapshots)
    run(_SNAPSHOT_SEEN, touched)
    run(_DESCRIBED, _described_rows(changes))
    run(_JUDGED_ANEW, _judged_anew_rows(changes))
    run(_FIGURES, _figure_rows(changes))
    verdicts, looked_at, transitions, retracted = _verdict_rows(changes)
    after: dict[rule_counts.Place, tuple[str, bool] | None] = dict.fromkeys(retracted)
    if moved := _counts_moved(changes):
        places = [((row[_KEY], row[_RULE]), row) for row in verdicts]
        after |= {place: (row[_STATUS], row[_WAIVED]) for place, row in places if place in moved}
    if after:
        rule_counts.move(database, connection, after)
    run(_RETRACTED, retracted)
    run(_VERDICT, verdicts)
    run(_LOOKED_AT, looked_at)
    run(_TRANSITION, transitions)
    run(_REOPENED, _reopened_rows(changes))
    run(_REJECTED, _rejected_rows(changes))
    changes_log.tell_commit(database, connection, changes)
    counted = connection.exec_driver_sql(database.sql(_COMMITS), (database.counter.name,)).scalar()
    return None if counted is None else int(counted)


def _in_order(seen: Sequence[Seen]) -> Sequence[Seen]:
    return sorted(seen, key=attrgetter("key"))


def _late(database: Database, changes: Sequence[DeviceChange]) -> frozenset[int]:
    first = {change.key: change for change in reversed(changes)}
    sql = database.sql("SELECT revision FROM device WHERE key = ?")
    with database.reading() as connection:
        found = {key: connection.exec_driver_sql(sql, (key,)).scalar() for key in first}
    return frozenset(key for key in first if found[key] != first[key].revision_before)


def _device_rows(changes: Sequence[DeviceChange]) -> Rows:
    first: dict[int, DeviceChange] = {}
    last: dict[int, DeviceChange] = {}
    heard: dict[int, datetime] = {}
    for change in changes:
        first.setdefault(change.key, change)
        last[change.key] = change
        if change.heard:
            heard[change.key] = change.at
    return [
        (
            change.revision,
            change.spool_id,
            change.last_seq,
            to_store_or_none(change.device.last_report_at),
            to_store_or_none(heard.get(key)),
            change.device.clock_skew_seconds,
            key,
            first[key].revision_before,
        )
        for key, change in sorted(last.items())
    ]


def _described_rows(changes: Sequence[DeviceChange]) -> Rows:
    last = {change.key: change.device for change in changes if change.described}
    return [
        (
            device.hostname,
            device.os,
            device.os_version,
            device.chassis,
            device.nomadic,
            device.whereabouts.presence,
            to_store_or_none(device.whereabouts.since),
            to_store_or_none(device.whereabouts.last_off_site_at),
            key,
        )
        for key, device in last.items()
    ]


def _judged_anew_rows(changes: Sequence[DeviceChange]) -> Rows:
    last = {change.key: change.judged_with for change in changes if change.judged_anew}
    return [(judged_with, key) for key, judged_with in last.items()]


def _evidence_rows(changes: Sequence[DeviceChange]) -> tuple[Rows, Rows, Rows]:
    evidence: Rows = []
    snapshots: dict[tuple[int, str], tuple[Any, ...]] = {}
    touched: dict[tuple[int, str], tuple[Any, ...]] = {}
    for change in changes:
        key, received_at = change.key, to_store(change.at)
        for new in change.evidence:
            observed_at = to_store(new.observed_at)
            evidence.append(
                (
                    key,
                    change.revision,
                    new.topic,
                    change.spool_id,
                    new.seq,
                    new.digest,
                    new.status,
                    packed(new.content),
                    new.query_digest,
                    observed_at,
                    received_at,
                )
            )
            place = (key, new.topic)
            snapshots[place] = (key, new.topic, change.revision, new.digest, observed_at)
            touched.pop(place, None)
        for topic, instant in change.seen:
            touched[key, topic] = (to_store(instant), key, topic)
    return evidence, list(snapshots.values()), list(touched.values())


def _figure_rows(changes: Sequence[DeviceChange]) -> Rows:
    last = {change.key: change.figures for change in changes if change.figures is not None}
    return [
        (found.passing, found.failing, found.unknown, found.compliant, key)
        for key, found in last.items()
    ]


def _verdict_rows(changes: Sequence[DeviceChange]) -> tuple[Rows, Rows, Rows, Rows]:
    """What is written whole, what was only looked at, transitions, and what is retracted."""
    last: dict[tuple[int, str], WrittenVerdict] = {}  # only these are put into words of the store
    whole: set[tuple[int, str]] = set()
    transitions: Rows = []
    retracted: Rows = []
    for change in changes:
        for rule in change.retracted:
            last.pop((change.key, rule), None)
            retracted.append((change.key, rule))
        for written in change.verdicts:
            place = (change.key, written.held.verdict.rule)
            last[place] = written
            if written.words_move:  # and so are those that are made on it
                whole.add(place)
        at = to_store(change.at)
        transitions += [_transition_row(change.key, at, moved) for moved in change.transitions]
    verdicts = [_verdict_row(place[0], last[place]) for place in last if place in whole]
    looked_at = [_looked_at_row(*place, last[place]) for place in last if place not in whole]
    return verdicts, looked_at, transitions, retracted


def _counts_moved(changes: Sequence[DeviceChange]) -> frozenset[rule_counts.Place]:
    """Which verdicts may be counted elsewhere now: of most that are written words alone changed."""
    return frozenset(
        [
            (change.key, written.held.verdict.rule)
            for change in changes
            for written in change.verdicts
            if written.counts_move
        ]
    )


def _verdict_row(key: int, written: WrittenVerdict) -> tuple[Any, ...]:
    held = written.held
    verdict = held.verdict
    return (
        key,
        verdict.rule,
        verdict.rule_version,
        verdict.status.value,
        _json(verdict.reason),
        _rows(verdict.offending),
        _json(verdict.measures),
        _versions(tuple(written.topic_versions.items())),
        to_store(held.since),
        to_store_or_none(held.failing_since),
        to_store_or_none(held.passing_since),
        held.waived,
        to_store_or_none(written.evidence_at),
        to_store_or_none(held.next_check_at),
        digest_of(verdict),
    )


def _looked_at_row(key: int, rule: str, written: WrittenVerdict) -> tuple[Any, ...]:
    return (
        _versions(tuple(written.topic_versions.items())),
        to_store_or_none(written.evidence_at),
        to_store_or_none(written.held.next_check_at),
        key,
        rule,
    )


def _transition_row(key: int, at: int, moved: Transition) -> tuple[Any, ...]:
    return (
        key,
        moved.rule,
        None if moved.before is None else moved.before.value,
        moved.after.value,
        at,
        moved.verdict.rule_version,
        _versions(tuple(moved.topic_versions.items())),
        _json(moved.verdict.reason),
        _rows(moved.verdict.offending),
    )


def _reopened_rows(changes: Sequence[DeviceChange]) -> Rows:
    return [
        (to_store(change.at), waiver, change.key)
        for change in changes
        for waiver in change.reopened
    ]


def _rejected_rows(changes: Sequence[DeviceChange]) -> Rows:
    return [
        (change.key, change.spool_id, change.rejected[0], to_store(change.at), change.rejected[1])
        for change in changes
        if change.rejected is not None
    ]


def _json(mapping: Mapping[str, object]) -> str:
    return json.dumps(dict(mapping)) if mapping else "{}"


def _rows(rows: Sequence[FactRow]) -> str:
    return json.dumps([dict(row) for row in rows]) if rows else "[]"


@lru_cache(VERSIONS_KEPT)
def _versions(of_topics: tuple[tuple[str, int], ...]) -> str:
    return json.dumps(dict(of_topics))
