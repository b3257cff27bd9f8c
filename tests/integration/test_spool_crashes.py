"""The durable spool against what happens to files: kills, torn writes, full disks, damage."""

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reporting import a_report, a_snapshot
from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.domain.snapshot import Snapshot
from vigie_agent.spool.sqlite import SqliteSpool

ROOM = 16 * 1024 * 1024

APPEND_UNTIL_KILLED = """
import sys
from itertools import count
from pathlib import Path
from reporting import a_report, a_snapshot
from vigie_agent.spool.sqlite import SqliteSpool

spool = SqliteSpool(Path(sys.argv[1]), max_bytes=16 * 1024 * 1024)
for number in count(1):
    seq = spool.append(a_report(a_snapshot("usb_storage", str(number), "x" * 3000)))
    print(seq, flush=True)
"""


def seqs(spool: SqliteSpool) -> list[int]:
    return [entry.seq for entry in spool.claim(limit=10_000)]


@contextmanager
def opened(path: Path, *, max_bytes: int = ROOM) -> Iterator[SqliteSpool]:
    spool = SqliteSpool(path, max_bytes=max_bytes)
    try:
        yield spool
    finally:
        spool.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Until left, no file of this process can grow beyond `size`: what a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def append_until_refused(spool: SqliteSpool) -> bool:
    try:
        for number in range(100):
            spool.append(a_report(a_snapshot("firewall", str(number), "x" * 500)))
    except SpoolUnusable:
        return True
    return False


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "spool.db"
    with subprocess.Popen(
        [sys.executable, "-c", APPEND_UNTIL_KILLED, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as agent:
        assert agent.stdout is not None
        said = [int(agent.stdout.readline()) for _ in range(lines)]
        agent.kill()
        said += [int(line) for line in agent.stdout.read().split()]

    with opened(path) as spool:
        kept = spool.claim(limit=10_000)

        assert agent.returncode == -signal.SIGKILL
        # The one that was being appended may be there or not; nothing that was said is missing.
        assert [entry.seq for entry in kept][: len(said)] == said
        assert len(kept) <= len(said) + 1
        assert all((str(entry.seq),) in entry.snapshot.rows for entry in kept)


def test_a_torn_write_loses_only_the_last_entry(tmp_path: Path) -> None:
    path, torn = tmp_path / "spool.db", tmp_path / "torn" / "spool.db"
    torn.parent.mkdir()
    with opened(path) as spool:
        for cell in "abc":
            spool.append(a_report(a_snapshot("firewall", cell)))
        _copy_as_killed(path, torn)

    log = torn.with_name("spool.db-wal")
    log.write_bytes(log.read_bytes()[:-100])

    with opened(torn) as spool:
        assert seqs(spool) == [1, 2]
        assert spool.append(a_report()) == 3


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        spool.append(a_report())
        with largest_file(64 * 1024):
            refused = append_until_refused(spool)
        kept = seqs(spool)

        spool.append(a_report(a_snapshot("firewall", "once there is room again")))

        assert refused
        assert kept == list(range(1, len(kept) + 1))
        assert seqs(spool) == [len(kept) + 1]


def test_a_spool_that_cannot_be_made_is_told_and_made_later(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        with largest_file(100), pytest.raises(SpoolUnusable):
            spool.append(a_report())

        assert spool.append(a_report()) == 1


def test_acknowledging_on_a_full_disk_can_be_tried_again(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        spool.append(a_report())
        spool.claim(limit=1)
        with largest_file(100), pytest.raises(SpoolUnusable):
            spool.acknowledge(1)

        spool.acknowledge(1)

        assert spool.pending() == 0


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"\0" * 8192])
def test_a_file_that_is_no_spool_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(content)

    with opened(path) as spool:
        assert spool.append(a_report()) == 1

    assert (tmp_path / "spool.db.corrupt-1").read_bytes() == content


def test_a_damaged_spool_is_set_aside_and_another_identity_begins(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        for number in range(50):
            spool.append(a_report(a_snapshot("firewall", str(number), "x" * 2000)))
        identity = spool.spool_id
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * 16384 + whole[8192 + 16384 :])

    with opened(path) as spool:
        assert spool.spool_id != identity
        assert spool.append(a_report()) == 1
    assert (tmp_path / "spool.db.corrupt-1").exists()


def test_damage_met_while_running_costs_one_call(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        spool.append(a_report())
    with sqlite3.connect(path) as other:
        other.execute("UPDATE content SET body = X'00'")
    other.close()

    with opened(path) as spool:
        with pytest.raises(SpoolUnusable):
            spool.claim(limit=1)

        assert spool.append(a_report()) == 1
        assert seqs(spool) == [1]


def test_only_the_last_damaged_files_are_kept(tmp_path: Path) -> None:
    for number in range(1, 12):
        (tmp_path / "spool.db").write_bytes(b"damaged, the file number %d" % number)
        with opened(tmp_path / "spool.db") as spool:
            assert spool.append(a_report()) == 1

    assert {path.name for path in tmp_path.glob("*.corrupt-*")} == {
        "spool.db.corrupt-10",
        "spool.db.corrupt-11",
    }


def test_a_second_agent_on_the_same_spool_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool, opened(tmp_path / "spool.db") as second:
        spool.append(a_report())

        with pytest.raises(SpoolUnusable, match="in use by another agent"):
            second.append(a_report())


def test_only_this_account_may_read_the_spool(tmp_path: Path) -> None:
    with opened(tmp_path / "data" / "spool.db") as spool:
        spool.append(a_report())

        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}

    assert modes == {"spool.db": 0o600, "spool.db-wal": 0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_the_room_holds_for_all_of_its_files(tmp_path: Path) -> None:
    room = 2 * 1024 * 1024
    path = tmp_path / "spool.db"
    with opened(path, max_bytes=room) as spool:
        for number in range(300):
            spool.append(a_report(a_snapshot("software", _noise(number))))
            taken = sum(file.stat().st_size for file in tmp_path.iterdir())
            assert taken <= room

        assert spool.dropped > 50


def test_an_older_copy_of_the_spool_starts_over_and_keeps_what_is_new(tmp_path: Path) -> None:
    path, backup = tmp_path / "spool.db", tmp_path / "backup.db"
    with opened(path) as spool:
        spool.append(a_report(a_snapshot("firewall", "before the backup")))
    shutil.copy(path, backup)
    with opened(path) as spool:
        for cell in "abc":
            spool.append(a_report(a_snapshot("firewall", cell)))
        spool.claim(limit=10)
        spool.acknowledge(4)
        identity = spool.spool_id
    shutil.copy(backup, path)

    with opened(path) as spool:
        assert spool.pending() == 1
        for cell in "vwxyz":
            spool.append(a_report(a_snapshot("firewall", cell)))

        known = spool.resume(4)

        assert not known
        assert spool.spool_id != identity
        assert [entry.snapshot.rows[0][0] for entry in spool.claim(limit=10)] == list("vwxyz")


def _noise(seed: int) -> str:
    return Random(seed).randbytes(10_000).hex()


def _copy_as_killed(path: Path, target: Path) -> None:
    """What kill -9 would leave on disk now: the files as they are, without a clean closing."""
    shutil.copy(path, target)
    shutil.copy(f"{path}-wal", f"{target}-wal")


class SpoolLife(RuleBasedStateMachine):
    """Any sequence of calls, kills and reopenings agrees with a list."""

    topics = st.sampled_from(["firewall", "antivirus", "usb_storage"])
    root: Path

    def __init__(self) -> None:
        super().__init__()
        self.generation = 0
        self.folder = self.root / str(id(self))
        self.folder.mkdir()
        self.spool = SqliteSpool(self._path(), max_bytes=ROOM)
        self.waiting: list[tuple[int, Snapshot, bool]] = []
        self.claimed = 0
        self.highest = 0
        self.newest: dict[str, tuple[int, Snapshot]] = {}
        self.committed: dict[str, bytes] = {}
        self.epoch = b""

    def _path(self) -> Path:
        return self.folder / f"spool-{self.generation}.db"

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    def _add(self, snapshot: Snapshot, *, full: bool) -> None:
        self.highest += 1
        self.waiting.append((self.highest, snapshot, full))
        self.newest[snapshot.topic] = (self.highest, snapshot)

    @rule(topic=topics, cell=st.sampled_from("abcd"))
    def append(self, topic: str, cell: str) -> None:
        snapshot = a_snapshot(topic, cell)
        self._add(snapshot, full=False)
        assert self.spool.append(a_report(snapshot)) == self.highest

    @rule(limit=st.integers(1, 5))
    def claim(self, limit: int) -> None:
        expected = [held for held in self.waiting if held[0] > self.claimed][:limit]
        claimed = self.spool.claim(limit=limit)
        assert [(entry.seq, entry.snapshot, entry.full) for entry in claimed] == expected
        self.claimed = max([self.claimed, *(seq for seq, _, _ in expected)])

    @rule(ahead=st.integers(-2, 6), rejects=st.booleans())
    def acknowledge(self, ahead: int, rejects: bool) -> None:
        upto = (self.waiting[0][0] if self.waiting else self.highest) + ahead
        rejected = {upto} if rejects else set()
        self.spool.acknowledge(upto, rejected=rejected)
        self._settle(min(upto, self.claimed), rejected)

    def _settle(self, upto: int, rejected: set[int]) -> None:
        for seq, snapshot, _ in self.waiting:
            if seq <= upto and seq not in rejected:
                self.committed[snapshot.topic] = snapshot.digest
        self.waiting = [held for held in self.waiting if held[0] > upto]

    @rule()
    def lose_the_link(self) -> None:
        self.spool.link_lost()
        self.claimed = 0

    @rule()
    def resume(self) -> None:
        """The server had committed what was sent, the agent did not hear of it."""
        after = self.claimed
        assert self.spool.resume(after)
        self._settle(after, set())
        self.claimed = 0

    @rule(topics=st.sets(topics))
    def requeue(self, topics: set[str]) -> None:
        self.spool.requeue(topics)
        self._requeue(topics)

    def _requeue(self, topics: set[str]) -> None:
        going = {seq for seq, _, full in self.waiting if seq > self.claimed or full}
        for topic, (seq, snapshot) in sorted(self.newest.items()):
            if not topics or topic in topics:
                self.committed.pop(topic, None)
                if seq not in going:
                    self._add(snapshot, full=True)

    @rule(epoch=st.sampled_from([b"one", b"two"]))
    def enter_epoch(self, epoch: bytes) -> None:
        assert self.spool.enter_epoch(epoch) == (epoch != self.epoch)
        if epoch != self.epoch:
            self._requeue(set())
        self.epoch = epoch

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = SqliteSpool(self._path(), max_bytes=ROOM)
        self.claimed = 0

    @rule()
    def die_by_kill_9(self) -> None:
        before = self._path()
        if not before.with_name(f"{before.name}-wal").exists():
            return
        self.generation += 1
        _copy_as_killed(before, self._path())
        self.spool.close()
        self.spool = SqliteSpool(self._path(), max_bytes=ROOM)
        self.claimed = 0

    @invariant()
    def it_agrees_with_the_list(self) -> None:
        assert self.spool.pending() == len(self.waiting)
        assert self.spool.highest_seq == self.highest
        assert self.spool.store_epoch == self.epoch
        assert self.spool.dropped == 0
        for topic, (_, snapshot) in self.newest.items():
            assert self.spool.newest(topic) == snapshot
            assert self.spool.committed_digest(topic) == self.committed.get(topic)


def test_any_life_of_a_spool_agrees_with_a_list(tmp_path: Path) -> None:
    SpoolLife.root = tmp_path

    run_state_machine_as_test(SpoolLife, settings=settings(max_examples=40, stateful_step_count=30))
