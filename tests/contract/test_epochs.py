"""A store that lost commits is noticed by whoever committed them, and once; no other one is."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.stored import NOW, STORES, a_device, a_token, opened_store
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.ports.sessions import Seen
from vigie_server.store import epoch
from vigie_server.store.authority_known import forget_authorities, require_authority
from vigie_server.store.database import Database
from vigie_server.store.records import Records


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        a_device(opened, "a")
        yield opened


class Replica:
    """A server's half of it: a data folder, a connection to the store, commits."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._url = database.url
        self._path = folder / "store.mark"
        folder.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        self.database = Database(self._url)
        self.mark = epoch.enter(self.database, self._path)

    def stop(self) -> None:
        self.look()
        self.kill()

    def kill(self) -> None:
        """As kill -9 does: the mark is as old as it is."""
        self.database.close()

    def look(self) -> None:
        self.mark = epoch.follow(self.database, self._path, self.mark)

    def commit(self, times: int = 1) -> None:
        for _ in range(times):
            Records(self.database).commit([], [Seen(1, NOW, None)])


Make = Callable[[str], Replica]


@pytest.fixture
def replica(database: Database, tmp_path: Path) -> Iterator[Make]:
    made: list[Replica] = []

    def make(name: str) -> Replica:
        made.append(Replica(database, tmp_path / name))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def backup(database: Database) -> Mapping[str, str]:
    """What a backup holds of the store's own facts."""
    with database.reading() as connection:
        rows = connection.execute(text("SELECT name, value FROM meta")).all()
    return {row.name: row.value for row in rows}


def restore(database: Database, held: Mapping[str, str]) -> None:
    with database.writing() as connection:
        connection.execute(text("DELETE FROM meta"))
        for name, value in held.items():
            connection.execute(
                text("INSERT INTO meta VALUES (:name, :value)"), {"name": name, "value": value}
            )


def test_a_store_that_lost_nothing_keeps_its_epoch(database: Database, replica: Make) -> None:
    before = epoch.store_epoch(database)
    a, b = replica("a"), replica("b")
    a.commit(5)
    a.kill()
    b.commit(2)
    b.look()
    a.start()
    replica("a new one, without a mark")
    a.look()

    assert epoch.store_epoch(database) == before
    assert bytes.fromhex(a.mark.epoch) == bytes.fromhex(b.mark.epoch) == before


def test_a_replica_with_an_older_mark_renews_nothing(database: Database, replica: Make) -> None:
    a, b = replica("a"), replica("b")
    a.commit(3)
    a.stop()
    b.commit(50)
    before = epoch.store_epoch(database)
    a.start()

    assert epoch.store_epoch(database) == before


def test_a_store_brought_back_is_noticed_at_the_start_and_once(
    database: Database, replica: Make
) -> None:
    a, b = replica("a"), replica("b")
    held = backup(database)
    a.commit(3)
    b.commit(8)
    a.stop()
    b.stop()
    before = epoch.store_epoch(database)

    restore(database, held)
    a.start()
    renewed = epoch.store_epoch(database)
    b.start()
    a.look()

    assert renewed != before
    assert epoch.store_epoch(database) == renewed
    assert bytes.fromhex(a.mark.epoch) == bytes.fromhex(b.mark.epoch) == renewed


def test_a_store_brought_back_from_before_the_replica_came_is_noticed(
    database: Database, replica: Make
) -> None:
    held = backup(database)
    a = replica("a")
    a.commit()
    a.stop()
    before = epoch.store_epoch(database)

    restore(database, held)
    a.start()

    assert epoch.store_epoch(database) != before


def test_commits_lost_under_a_running_server_are_noticed_whoever_commits_first(
    database: Database, replica: Make
) -> None:
    a, b = replica("a"), replica("b")
    held = backup(database)
    a.commit(3)
    before = epoch.store_epoch(database)

    restore(database, held)
    b.commit(20)
    a.commit(1)
    b.look()
    unnoticed = epoch.store_epoch(database)
    a.look()
    b.look()

    assert unnoticed == before  # of b nothing was lost
    assert epoch.store_epoch(database) != before
    assert a.mark.epoch == b.mark.epoch
    a.commit(2)
    a.look()
    assert epoch.store_epoch(database) == bytes.fromhex(b.mark.epoch)


def test_an_epoch_that_is_over_does_not_come_back(database: Database, replica: Make) -> None:
    """A second restore, of a backup that was made before the first one was noticed."""
    a = replica("a")
    held = backup(database)
    a.commit(2)
    a.stop()
    restore(database, held)
    a.start()
    a.stop()
    second = epoch.store_epoch(database)

    restore(database, held)
    a.start()

    assert epoch.store_epoch(database) not in {second, bytes.fromhex(held["store_epoch"])}


@pytest.mark.parametrize(("commits", "lost"), [(7, False), (3, True)])
def test_the_mark_of_an_earlier_version_is_taken_over(
    database: Database, tmp_path: Path, replica: Make, commits: int, *, lost: bool
) -> None:
    Path(tmp_path / "a").mkdir()
    (tmp_path / "a" / "store.mark").write_text("5\n")
    restore(database, {**backup(database), "commits": str(commits)})
    before = epoch.store_epoch(database)

    a = replica("a")
    renewed = epoch.store_epoch(database)
    a.stop()
    a.start()

    assert (renewed != before) is lost
    assert epoch.store_epoch(database) == renewed


def test_a_store_is_served_with_one_authority(database: Database) -> None:
    require_authority(database, "devices", b"1" * 32)
    require_authority(database, "devices", b"1" * 32)
    require_authority(database, "https", b"2" * 32)

    with pytest.raises(SettingsMalformed, match="not the one of this store"):
        require_authority(database, "devices", b"2" * 32)

    forget_authorities(database)
    require_authority(database, "devices", b"2" * 32)
