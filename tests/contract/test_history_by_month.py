"""History by month on PostgreSQL: months are there in time, go whole, and nothing is refused."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import make_url, text

from fakes.postgres import postgres_url
from fakes.stored import NOW, a_device, a_token, opened_store
from vigie_server.clock import utc_now
from vigie_server.services.forget import Forget, Retention
from vigie_server.services.workers import Workers
from vigie_server.store import history
from vigie_server.store.database import Database
from vigie_server.store.forgetting import Forgetting
from vigie_server.store.instants import to_store

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BEGUN = history.month_of(utc_now())
"""The month in which the tests began."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with opened_store("postgres", tmp_path) as opened:
        a_token(opened)
        a_device(opened, "a")
        with opened.writing() as connection:
            connection.execute(text("DELETE FROM audit"))
        yield opened


@pytest.fixture
def this(store: Database) -> datetime:
    """The month in which the migrations made the store; the next one may have begun since."""
    with store.reading() as connection:
        names = connection.execute(
            text("SELECT relname FROM pg_class WHERE relname ~ '^audit_[0-9]{4}_[0-9]{2}$'")
        ).scalars()
        return datetime.strptime(min(names), "audit_%Y_%m").replace(tzinfo=UTC)


def act(store: Database, at: datetime, action: str) -> None:
    with store.writing() as connection:
        connection.execute(
            text("INSERT INTO audit (at, actor, action, subject) VALUES (:at, 'x', :action, '')"),
            {"at": to_store(at), "action": action},
        )


def acts(store: Database) -> dict[str, str]:
    """The partition that each act is in."""
    with store.reading() as connection:
        rows = connection.execute(text("SELECT action, tableoid::regclass::text FROM audit"))
        return {row.action: row[1] for row in rows}


def kept_from(store: Database, *, now: datetime, before: datetime) -> list[str]:
    return list(Forgetting(store).months(now=now, transitions=LONG_AGO, audit=before))


@pytest.mark.parametrize(
    ("moment", "month", "after"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC), (2026, 12), (2027, 1)),
        (datetime(2026, 1, 1, tzinfo=UTC), (2026, 1), (2026, 2)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), (2028, 2), (2028, 3)),
    ],
)
def test_every_instant_is_of_one_month(
    moment: datetime, month: tuple[int, int], after: tuple[int, int]
) -> None:
    found = history.month_of(moment)

    assert found == datetime(*month, 1, tzinfo=UTC)
    assert history.next_month(found) == datetime(*after, 1, tzinfo=UTC)


def test_a_new_store_has_this_month_and_those_ahead(store: Database, this: datetime) -> None:
    for month, name in zip(history.months(this, history.ahead_of(this)), "abc", strict=True):
        act(store, month, name)

    assert acts(store) == {
        name: history.partition("audit", month)
        for month, name in zip(history.months(this, history.ahead_of(this)), "abc", strict=True)
    }
    assert BEGUN <= this <= history.month_of(utc_now())


def test_what_happens_in_a_month_that_is_not_there_moves_to_it_once_it_is(
    store: Database, this: datetime
) -> None:
    later = history.ahead_of(this)
    strays = {"first": history.next_month(later), "last": later + timedelta(days=200)}
    for name, at in strays.items():
        act(store, at, name)
    before = acts(store)

    made = kept_from(store, now=history.next_month(this), before=LONG_AGO)

    assert set(before.values()) == {"audit_other"}
    month = history.partition("audit", strays["first"])
    assert month in made
    assert acts(store) == {"first": month, "last": "audit_other"}
    assert kept_from(store, now=history.next_month(this), before=LONG_AGO) == []


def test_a_month_goes_whole_once_all_of_it_is_past_its_time(
    store: Database, this: datetime
) -> None:
    ends = history.next_month(this)
    act(store, ends - timedelta(microseconds=1), "the last of this month")
    act(store, ends, "the first of the next")

    too_early = kept_from(store, now=this, before=ends - timedelta(microseconds=1))
    in_time = kept_from(store, now=this, before=ends)

    assert too_early == []
    assert history.partition("audit", this) in in_time
    assert list(acts(store)) == ["the first of the next"]


def test_strays_are_forgotten_row_by_row(store: Database) -> None:
    for number, days in enumerate((900, 800, 300)):
        act(store, NOW - timedelta(days=days), str(number))

    erased = Forgetting(store).history(
        transitions=LONG_AGO, audit=NOW - timedelta(days=365), rejected=LONG_AGO, bite=10
    )

    assert erased == 2
    assert list(acts(store)) == ["2"]


def test_replicas_that_make_the_same_months_at_once_make_them_once(
    store: Database, this: datetime
) -> None:
    now = history.next_month(history.next_month(this))
    found: list[list[str]] = []

    def replica() -> None:
        with closing(Database(postgres_url())) as own:
            found.append(kept_from(own, now=now, before=LONG_AGO))

    threads = [Thread(target=replica) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made = sorted(name for names in found for name in names)
    assert made == sorted(set(made))
    last = history.ahead_of(now)
    assert history.partition("audit", last) in made
    act(store, last, "there")
    assert acts(store) == {"there": history.partition("audit", last)}


async def test_an_account_that_may_not_change_tables_forgets_rows_and_keeps_strays(
    store: Database, this: datetime
) -> None:
    later = history.ahead_of(this) + timedelta(days=40)
    with store.writing() as connection:
        for statement in (
            "DROP ROLE IF EXISTS clerk",
            "CREATE ROLE clerk LOGIN",
            "GRANT USAGE ON SCHEMA public TO clerk",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk",
        ):
            connection.execute(text(statement))
    url = make_url(postgres_url()).set(username="clerk").render_as_string(hide_password=False)
    workers = Workers()
    with closing(workers), closing(Database(url)) as clerk:
        act(clerk, NOW - timedelta(days=900), "past its time")
        act(clerk, later, "kept")
        forget = Forget(
            store=Forgetting(clerk),
            workers=workers,
            retention=Retention({}, *[timedelta(days=365)] * 3),
            now=lambda: later,
            every=1,
            bite=10,
        )

        erased = await forget.once()

    assert erased == 1
    assert acts(store) == {"kept": "audit_other"}
    with store.writing() as connection:
        connection.execute(text("DROP OWNED BY clerk"))
        connection.execute(text("DROP ROLE clerk"))
