"""Group commit with a store in memory: order, back-pressure, failures that stay apart."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import StoreBusy, StoreRefused, VigieError
from vigie_server.domain.records import DeviceChange, DeviceRecord
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.sessions import Seen
from vigie_server.services.group_commit import End, GroupCommit
from vigie_server.services.workers import Workers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class MemoryCommits:
    """Keeps what is committed; a device in `refused` or `failing` makes its transaction fail."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.seen: list[Seen] = []
        self.refused: set[int] = set()
        self.failing: VigieError | None = None
        self.go = threading.Event()
        self.go.set()

    def commit(self, changes: Sequence[DeviceChange], seen: Sequence[Seen]) -> frozenset[int]:
        self.go.wait()
        if self.failing is not None:
            raise self.failing
        if any(change.key in self.refused for change in changes):
            raise StoreRefused("a value")
        self.groups.append([change.last_seq for change in changes])
        self.seen += seen
        return frozenset()


class Committing:
    """A group commit under test, and how each change ended."""

    def __init__(
        self,
        store: MemoryCommits,
        *,
        max_pending: int = 100,
        gather: float = 0,
        flush_seen_every: float = 0.01,
    ) -> None:
        self.workers = Workers()
        self.registry = CollectorRegistry()
        self.commits = GroupCommit(
            store,  # type: ignore[arg-type]  # the one method that is used
            self.workers,
            OwnFigures(self.registry),
            max_group=10,
            max_pending=max_pending,
            flush_seen_every=flush_seen_every,
            gather=gather,
        )
        self.ends: dict[int, End] = {}
        self.ended = asyncio.Event()

    def submit(self, record: DeviceRecord, seq: int, *, more: bool = False) -> None:
        def done(end: End) -> None:
            self.ends[seq] = end
            self.ended.set()

        change = DeviceChange(
            key=record.key,
            device_id=record.device.id,
            at=NOW,
            revision_before=record.revision,
            revision=record.revision + 1,
            spool_id=b"",
            last_seq=seq,
            device=record.device,
            judged_with="",
        )
        record.revision += 1
        self.commits.submit(change, record, done, more=more)

    async def until_ended(self, seq: int) -> None:
        """Returns once this change has ended; the test's own time limit ends a vain wait."""
        while seq not in self.ends:
            self.ended.clear()
            await self.ended.wait()

    async def group_begins(self) -> None:
        """Returns once a group that could begin would have been committed."""
        for _ in range(3):
            await self.workers.write(lambda: None)

    async def run_to_the_end(self) -> None:
        self.commits.stop()
        await self.commits.run()
        self.workers.close()


def a_record(key: int = 1) -> DeviceRecord:
    device = Device(str(key), "A", "standard", "linux", DeviceState.ACTIVE)
    return DeviceRecord(key, device, 0, b"", 0, (), "", NOW)


async def test_changes_are_committed_in_order_and_in_groups() -> None:
    store = MemoryCommits()
    committing, record = Committing(store), a_record()
    for seq in range(1, 26):
        committing.submit(record, seq)

    await committing.run_to_the_end()

    assert store.groups == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]
    assert set(committing.ends.values()) == {End.COMMITTED}


async def test_changes_that_others_follow_wait_for_the_last_of_them() -> None:
    store = MemoryCommits()
    committing, record = Committing(store, flush_seen_every=3600), a_record()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(committing.commits.run())
        for seq in (1, 2):
            committing.submit(record, seq, more=True)
            await committing.group_begins()
        assert not store.groups
        committing.commits.begin()
        await committing.until_ended(2)
        committing.submit(record, 3, more=True)
        committing.submit(a_record(2), 4)
        await committing.until_ended(4)
        committing.submit(record, 5, more=True)
        committing.commits.stop()
    committing.workers.close()

    assert store.groups == [[1, 2], [3, 4], [5]]


async def test_changes_that_others_follow_wait_no_longer_than_for_a_full_group() -> None:
    store = MemoryCommits()
    committing, record = Committing(store, flush_seen_every=3600), a_record()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(committing.commits.run())
        for seq in range(1, 12):
            committing.submit(record, seq, more=True)
        await committing.until_ended(11)
        committing.commits.stop()
    committing.workers.close()

    assert [seq for group in store.groups for seq in group] == list(range(1, 12))


async def test_changes_of_several_devices_come_together_and_one_alone_never_waits() -> None:
    store = MemoryCommits()
    committing, first, other = Committing(store, gather=3600), a_record(1), a_record(2)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(committing.commits.run())
        for seq in (1, 2):
            committing.submit(first, seq)
            await committing.until_ended(seq)
        for seq in range(3, 13):  # a full group
            committing.submit(other, seq)
        await committing.until_ended(12)
        committing.submit(first, 13)
        committing.submit(other, 14)
        waiting = committing.commits.backlog
        committing.commits.stop()
    committing.workers.close()

    assert store.groups == [[1], [2], list(range(3, 13)), [13, 14]]
    assert waiting == 2


async def test_changes_behind_one_that_failed_never_reach_the_store() -> None:
    store = MemoryCommits()
    committing, record = Committing(store), a_record()
    store.failing = StoreBusy("disk full")
    for seq in range(1, 13):
        committing.submit(record, seq)

    await committing.run_to_the_end()

    assert store.groups == []
    assert committing.ends == {
        **dict.fromkeys(range(1, 11), End.FAILED),
        **dict.fromkeys(range(11, 13), End.OUTDATED),
    }
    assert record.stale


async def test_of_two_records_of_a_device_that_moved_from_the_same_revision_one_is_kept() -> None:
    store = MemoryCommits()
    committing, one, other = Committing(store), a_record(), a_record()
    committing.submit(one, 1)
    committing.submit(other, 2)
    committing.submit(one, 3)
    before = one.on_their_way, other.on_their_way

    await committing.run_to_the_end()

    assert store.groups == [[1, 3]]
    assert committing.ends == {1: End.COMMITTED, 2: End.OUTDATED, 3: End.COMMITTED}
    assert (one.stale, other.stale) == (False, True)
    assert before == (2, 1)
    assert (one.on_their_way, other.on_their_way) == (0, 0)


async def test_what_one_device_sent_does_not_undo_what_others_did() -> None:
    store = MemoryCommits()
    committing = Committing(store)
    store.refused = {2}
    for key in (1, 2, 3):
        committing.submit(a_record(key), key)

    await committing.run_to_the_end()

    assert committing.ends == {1: End.COMMITTED, 2: End.FAILED, 3: End.COMMITTED}
    assert committing.registry.get_sample_value("vigie_commit_failures_total") == 1


async def test_senders_wait_while_the_store_is_behind() -> None:
    store = MemoryCommits()
    committing, record = Committing(store, max_pending=3), a_record()
    store.go.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(committing.commits.run())
        for seq in range(1, 20):
            committing.submit(record, seq)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(committing.commits.room(), 0.05)
        store.go.set()
        await committing.commits.room()
        committing.commits.stop()
    committing.workers.close()

    assert len(committing.ends) == 19


async def test_signs_of_life_are_written_once_for_each_device() -> None:
    store = MemoryCommits()
    committing = Committing(store)
    for second in range(30):
        committing.commits.saw(1, NOW.replace(second=second), None)

    await committing.run_to_the_end()

    assert store.seen == [Seen(1, NOW.replace(second=29), None)]


@pytest.mark.parametrize("fault", [StoreBusy("away"), StoreRefused("a value")])
async def test_signs_of_life_outlast_a_group_that_the_store_did_not_take(fault: VigieError) -> None:
    store = MemoryCommits()
    committing = Committing(store)
    store.failing = fault
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(committing.commits.run())
        committing.commits.saw(1, NOW.replace(second=1), None)
        committing.commits.saw(2, NOW.replace(second=1), None)
        committing.submit(a_record(3), 1)
        await committing.until_ended(1)
        committing.commits.saw(1, NOW.replace(second=2), None)
        store.failing = None
        committing.submit(a_record(4), 2)
        await committing.until_ended(2)
        committing.commits.stop()
    committing.workers.close()

    assert committing.ends[1] is End.FAILED
    assert sorted(store.seen, key=lambda seen: seen.key) == [
        Seen(1, NOW.replace(second=2), None),
        Seen(2, NOW.replace(second=1), None),
    ]


async def test_the_end_does_not_wait_for_a_store_that_is_away() -> None:
    store = MemoryCommits()
    committing = Committing(store)
    store.failing = StoreBusy("away")
    committing.commits.saw(1, NOW, None)

    await committing.run_to_the_end()

    assert store.seen == []
